package check

import (
	"fmt"

	"dram/internal/distro"
	"dram/internal/distro/distros"
)

// suite is the suite of a distribution that the target is, if it is one that
// toolchains are made of.
func (s *survey) suite() (distro.Distribution, distro.Suite, bool) {
	o := s.target.Facts.OS
	return distros.All().Of(distro.System{ID: o.ID, Version: o.Version, Name: o.Name})
}

// libraryRemedy is how a library comes to a target; what nobody verified is
// not named.
func (s *survey) libraryRemedy(soname string, n *native) string {
	if d, suite, ok := s.suite(); ok {
		if name, known := d.Package(suite, soname); known && name != "" {
			return fmt.Sprintf("install %s on the target, or %s", name, s.builder(n.File))
		} else if known {
			return fmt.Sprintf("%s; %s has no package of %s", s.builder(n.File), s.system(), soname)
		}
	}
	if command, ok := distro.InstallLibrary(s.target.Facts.OS.ID, soname); ok {
		return "install it on the target, if it has a package: " + command
	}
	return fmt.Sprintf("install the package that has %s on the target, or put the file beside the one that needs it and link with -Wl,-rpath,'$ORIGIN'", soname)
}
