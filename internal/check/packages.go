package check

import (
	"dram/internal/distro"
	"dram/internal/distro/distros"
	"dram/internal/target"
)

// Supply is how a library comes to a target; what nobody verified is not named.
type Supply struct {
	Library string // soname
	Package string // that has it
	None    bool   // the target's system has no package of it
	Command string // that finds the package by the library's name
	Install string // the command that installs Package, "" if none is known
}

// suiteOf is the suite of a distribution that a system is, if toolchains are made
// of it.
func suiteOf(o target.OS) (distro.Distribution, distro.Suite, bool) {
	return distros.All().Of(distro.System{ID: o.ID, Version: o.Version, Name: o.Name})
}

// supply is how a library comes to the target.
func (s *Survey) supply(soname string) *Supply {
	o := s.target.Facts.OS
	if d, suite, ok := suiteOf(o); ok {
		if name, known := d.Package(suite, soname); known {
			return &Supply{Library: soname, Package: name, None: name == ""}
		}
	}
	command, _ := distro.InstallLibrary(o.ID, soname)
	return &Supply{Library: soname, Command: command}
}

// packaged is supply where the target's profile knows the package.
func (s *Survey) packaged(soname, name string) *Supply {
	out := s.supply(soname)
	if name != "" {
		out.Package, out.None = name, false
		out.Install, _ = distro.InstallPackages(s.target.Facts.OS.ID, name)
	}
	return out
}

// toolchainFor is what builds a release for a system, as --toolchain takes it;
// "" if none is known.
func toolchainFor(o target.OS) string {
	_, suite, ok := suiteOf(o)
	if !ok || o.Version == "" { // it is not released, and moves on
		return ""
	}
	return suite.Reference()
}
