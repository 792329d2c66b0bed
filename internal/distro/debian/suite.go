// Package debian makes a root filesystem from a signed Debian package archive,
// in Go alone: no apt, dpkg, tar or xz of the host is called.
//
// It reads the archive as Debian's repository format describes it: InRelease
// (a clear-signed OpenPGP message, verified with the archive's embedded keys),
// the Packages indexes that it names by SHA-256, and the packages (deb(5))
// that those name by SHA-256. What comes of the network or of a package is
// hostile until its digest is right, and bounded even then. No path of a
// package leaves the root, no device node and no setuid bit gets into it.
//
// The way through: LookupSuite and HostMirror say what and where from,
// Client.Resolve turns the wanted packages into an exact Set, and
// Client.Unpack fills a directory from it, running the packages' own scripts
// through a Configurer. The same Set gives the same tree.
package debian

import (
	"slices"
	"strings"

	"dram/internal/problem"
)

// Suite is a Debian release, by both of its names.
type Suite struct {
	Codename string // "trixie", the name in the archive
	Version  string // "13", or the code name where there is no number yet
}

// String is "debian/13".
func (s Suite) String() string { return "debian/" + s.Version }

// suites are those that dram knows, newest stable first. Stable suites have
// updates and security beside the main archive.
var suites = []struct {
	Suite
	stable bool
}{
	{Suite{"trixie", "13"}, true},
	{Suite{"bookworm", "12"}, true},
	{Suite{"bullseye", "11"}, true},
	{Suite{"forky", "forky"}, false},
	{Suite{"sid", "sid"}, false},
}

// Suites lists the known suites: the stable ones, newest first, then testing
// and unstable.
func Suites() []Suite {
	out := make([]Suite, len(suites))
	for i, s := range suites {
		out[i] = s.Suite
	}
	return out
}

// Stable says whether the suite was released.
func (s Suite) Stable() bool {
	return slices.ContainsFunc(suites, func(k struct {
		Suite
		stable bool
	},
	) bool {
		return k.Suite == s && k.stable
	})
}

// LookupSuite finds a suite by version ("13") or code name ("trixie").
func LookupSuite(name string) (Suite, error) {
	known := make([]string, 0, len(suites))
	for _, s := range suites {
		if name == s.Version || name == s.Codename {
			return s.Suite, nil
		}
		if s.stable {
			known = append(known, s.Version+" ("+s.Codename+")")
		} else {
			known = append(known, s.Codename)
		}
	}
	return Suite{}, problem.New(problem.Usage, "use one of "+strings.Join(known, ", "),
		"unknown Debian suite %q", name)
}

// source is one InRelease and the index of "main" below it.
type source struct {
	Base string // the archive, without a slash at the end
	Dist string // the directory under dists/
}

// sources are the places that together hold the suite's packages.
func (s Suite) sources(m Mirror) []source {
	out := []source{{m.Archive, s.Codename}}
	if s.Stable() {
		out = append(out, source{m.Archive, s.Codename + "-updates"}, source{m.Security, s.Codename + "-security"})
	}
	return out
}
