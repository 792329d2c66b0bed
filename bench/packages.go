package main

import (
	"slices"
	"strings"
)

// packageSet is what a dpkg status file lists.
type packageSet struct {
	names    []string // sorted
	provided map[string]bool
	depends  []string // each "a | b (>= 1)", of Depends and Pre-Depends
}

// packagesOf reads a dpkg status file, of which dram or mmdebstrap is the author.
func packagesOf(status string) packageSet {
	set := packageSet{provided: map[string]bool{}}
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if strings.HasPrefix(line, " ") {
			continue
		}
		switch key {
		case "Package":
			set.names = append(set.names, value)
			set.provided[value] = true
		case "Provides":
			for _, p := range strings.Split(value, ",") {
				name, _ := dependency(p)
				set.provided[name] = true
			}
		case "Depends", "Pre-Depends":
			set.depends = append(set.depends, strings.Split(value, ",")...)
		}
	}
	slices.Sort(set.names)
	return set
}

// absent is what the packages depend on and none of them is or provides, as
// entries of a Provides field.
func (s packageSet) absent() []string {
	var entries []string
	for _, d := range s.depends {
		alternatives := strings.Split(d, "|")
		if slices.ContainsFunc(alternatives, func(a string) bool {
			name, _ := dependency(a)
			return s.provided[name]
		}) {
			continue
		}
		name, version := dependency(alternatives[0])
		if version != "" {
			name += " (= " + version + ")"
		}
		entries = append(entries, name)
	}
	slices.Sort(entries)
	return slices.Compact(entries)
}

// dependency splits "perl:any (>= 5.36)" into its name and its version.
func dependency(text string) (name, version string) {
	name, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	name, _, _ = strings.Cut(name, ":")
	return name, strings.Trim(strings.TrimSpace(rest), "()<>= ")
}
