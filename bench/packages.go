package main

import (
	"slices"
	"strings"
)

// packageSet is what a dpkg status file lists.
type packageSet struct {
	names    []string // sorted
	provided map[string]bool
	depends  []relation // of Depends and Pre-Depends
}

// relation is one dependency of a package.
type relation struct {
	alternatives []string // each "name", or "name (>= 1)"
	owner        string   // the version of the package that has it
}

// packagesOf reads a dpkg status file, of which dram or mmdebstrap is the author.
func packagesOf(status string) packageSet {
	set := packageSet{provided: map[string]bool{}}
	for stanza := range strings.SplitSeq(status, "\n\n") {
		fields := map[string]string{}
		for line := range strings.Lines(stanza) {
			if key, value, ok := strings.Cut(line, ": "); ok && !strings.HasPrefix(line, " ") {
				fields[key] = strings.TrimSpace(value)
			}
		}
		set.add(fields)
	}
	slices.Sort(set.names)
	return set
}

func (s *packageSet) add(fields map[string]string) {
	name := fields["Package"]
	if name == "" {
		return
	}
	s.names = append(s.names, name)
	s.provided[name] = true
	for p := range strings.SplitSeq(fields["Provides"], ",") {
		name, _, _ := dependency(p)
		s.provided[name] = true
	}
	for _, field := range []string{"Depends", "Pre-Depends"} {
		if fields[field] == "" {
			continue
		}
		for d := range strings.SplitSeq(fields[field], ",") {
			s.depends = append(s.depends, relation{strings.Split(d, "|"), fields["Version"]})
		}
	}
}

// absent is what the packages depend on and none of them is or provides, as
// entries of a Provides field.
func (s packageSet) absent() []string {
	var entries []string
	for _, d := range s.depends {
		if slices.ContainsFunc(d.alternatives, func(a string) bool {
			name, _, _ := dependency(a)
			return s.provided[name]
		}) {
			continue
		}
		name, operator, version := dependency(d.alternatives[0])
		switch operator {
		case "":
		case "=", ">=", "<=":
			name += " (= " + version + ")"
		default: // strictly less or more: of the same source, hence of the same version
			name += " (= " + d.owner + ")"
		}
		entries = append(entries, name)
	}
	slices.Sort(entries)
	return slices.Compact(entries)
}

// dependency splits "perl:any (>= 5.36)".
func dependency(text string) (name, operator, version string) {
	name, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	name, _, _ = strings.Cut(name, ":")
	rest = strings.Trim(rest, "() ")
	operator, version, _ = strings.Cut(rest, " ")
	return name, operator, version
}
