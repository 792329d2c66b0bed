package distro

import (
	"slices"
	"strings"

	"dram/internal/problem"
)

// Table is the distributions that there are. The first is the default.
type Table []Distribution

// System is what a system says of itself in os-release(5).
type System struct {
	ID      string // "debian"
	Version string // "13", "" where it has no number
	Name    string // "Debian GNU/Linux 13 (trixie)"

	Codename string   // "trixie", "" where it says none
	Like     []string // IDs of the distributions that it is made of, the nearest first
}

// Default is the distribution that is taken where none is asked for.
func (t Table) Default() Distribution { return t[0] }

// Example is a reference to a distribution's toolchain, for hints and helps.
func (t Table) Example() string { return t.Default().Info().Newest().Reference() }

// Forms is how toolchains of distributions are asked for, for hints:
// "distro:debian/13 (or 12, 11, forky, sid)".
func (t Table) Forms() string {
	forms := make([]string, 0, len(t))
	for _, d := range t {
		suites := d.Info().Suites
		others := make([]string, 0, len(suites))
		for _, s := range suites[1:] {
			others = append(others, s.Version)
		}
		form := suites[0].Reference()
		if len(others) > 0 {
			form += " (or " + strings.Join(others, ", ") + ")"
		}
		forms = append(forms, form)
	}
	return strings.Join(forms, ", ")
}

// Find finds the suite that the value of a reference names: "debian/13", or
// "debian/trixie".
func (t Table) Find(value string) (Distribution, Suite, error) {
	id, name, _ := strings.Cut(value, "/")
	i := slices.IndexFunc(t, func(d Distribution) bool { return d.Info().ID == id })
	if i < 0 {
		return nil, Suite{}, problem.New(problem.Usage, "use one of "+strings.Join(t.references(), ", "), "unknown distribution %q", id)
	}
	s, err := t[i].Info().Suite(name)
	return t[i], s, err
}

func (t Table) references() []string {
	var all []string
	for _, d := range t {
		for _, s := range d.Info().Suites {
			all = append(all, s.Reference())
		}
	}
	return all
}

// Of finds the suite that a system is; ok is false if it is of none.
func (t Table) Of(o System) (d Distribution, s Suite, ok bool) {
	for _, d := range t {
		if info := d.Info(); info.ID == o.ID {
			s, ok = info.of(o)
			return d, s, ok
		}
	}
	return nil, Suite{}, false
}
