package distro

import (
	"slices"
	"strings"

	"dram/internal/problem"
)

// Info is what a distribution is.
type Info struct {
	ID     string  // in references, in os-release(5) and in tags of images: "debian"
	Name   string  // for people: "Debian"
	Suites []Suite // the newest stable one first; those that are not released last
	// Retired are the code names of releases before those, the newest first: no
	// toolchain is made of them, and images of them are still there.
	Retired []string
	// Curl is the shell command that gets curl in an image of the distribution
	// that may lack it.
	Curl string
	// Add begins the shell command that installs packages there; their names follow.
	Add string
	// Brings are the needs that each toolchain of it meets without being asked.
	Brings []Need
}

// Suite is a release of a distribution. The zero Suite is none.
type Suite struct {
	Distribution string // its ID
	Version      string // "13", or the code name where there is no number yet
	Codename     string // "trixie"; "" where there is none
	VersionID    string // what os-release(5) says there, or will once it is released; "" if nobody knows
	Stable       bool   // it was released
}

// String is "debian/13".
func (s Suite) String() string { return s.Distribution + "/" + s.Version }

// Reference is how the suite's toolchain is asked for: "distro:debian/13".
func (s Suite) Reference() string { return "distro:" + s.String() }

// Newest is the newest stable suite.
func (i Info) Newest() Suite { return i.Suites[0] }

// Suite finds a suite by version ("13") or code name ("trixie").
func (i Info) Suite(name string) (Suite, error) {
	known := make([]string, 0, len(i.Suites))
	for _, s := range i.Suites {
		if name != "" && (name == s.Version || name == s.Codename) {
			return s, nil
		}
		text := s.Version
		if s.Codename != "" && s.Codename != s.Version {
			text += " (" + s.Codename + ")"
		}
		known = append(known, text)
	}
	return Suite{}, problem.New(problem.Usage, "use one of "+strings.Join(known, ", "), "unknown %s suite %q", i.Name, name)
}

// Age orders the code names of releases: a newer one is larger. Names of what is
// not released, and of what is not known, are -1.
func (i Info) Age(codename string) int {
	names := make([]string, 0, len(i.Suites)+len(i.Retired))
	for _, s := range i.Suites {
		if s.Stable {
			names = append(names, s.Codename)
		}
	}
	names = append(names, i.Retired...)
	slices.Reverse(names)
	return slices.Index(names, codename)
}

// of is the suite of a system, by what its os-release(5) says.
func (i Info) of(o System) (Suite, bool) {
	for _, s := range i.Suites {
		if o.Version != "" && s.VersionID == o.Version {
			return s, true
		}
	}
	for _, s := range i.Suites {
		if !s.Stable && o.Version == "" && s.Codename != "" && strings.Contains(o.Name, s.Codename) {
			return s, true
		}
	}
	return Suite{}, false
}
