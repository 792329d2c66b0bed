package relx

import (
	"strings"

	"dram/internal/beam"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/tool"
)

// What the projects of the tools have in common that have relx assemble.

// Bounds of a file of terms of a project: dependencies, profiles and releases are looked
// up by name, each among all.
const (
	maxTerms = 1 << 20 // bytes
	maxNamed = 5_000   // what one list names
)

// Consult reads a file of terms of a project; ok is false if there is none. by is what
// reads it in the build, for messages.
func Consult(d *project.Dir, name, by string) (terms []beam.Term, ok bool, err error) {
	text, ok, err := d.Text(name, maxTerms)
	if err != nil || !ok {
		return nil, ok, err
	}
	terms, err = beam.Consult([]byte(strings.TrimPrefix(text, "\ufeff")))
	if err != nil {
		return nil, true, problem.New(problem.Build, "mend the file there; "+by+" would fail on it too", "reading %s: %w", name, err)
	}
	if n := longest(terms); n > maxNamed {
		return nil, true, problem.New(problem.Build, "make it shorter", "reading %s: a list names %d things, at most %d are read", name, n, maxNamed)
	}
	return terms, true, nil
}

// longest is how many tuples and atoms the longest list in some terms has.
func longest(terms []beam.Term) (most int) {
	named := 0
	for _, t := range terms {
		switch t := t.(type) {
		case beam.Tuple:
			named++
			most = max(most, longest(t))
		case beam.List:
			most = max(most, longest(t))
		case beam.Atom:
			named++
		}
	}
	return max(most, named)
}

// BringsArgs says whether a project brings the arguments of the VM where relx looks
// for them by itself.
func BringsArgs(d *project.Dir) bool { return d.Has("config/vm.args") || d.Has("config/vm.args.src") }

// Elixir is what is asked of a toolchain's Elixir: these tools need none.
func Elixir() tool.Elixir {
	return tool.Elixir{None: true, Image: func(otp string) string { return "erlang:" + otp }}
}

// BeforeStart is where a project says what comes before its release starts.
const BeforeStart = "a pre_start hook of {extended_start_script_hooks, …}"

// Repositories are where those dependencies come from that are in git.
func Repositories(deps []project.Dep) []string {
	var urls []string
	for _, d := range deps {
		if d.Source == project.Git && d.Where != "" {
			urls = append(urls, d.Where)
		}
	}
	return urls
}

// NeedGit says of each dependency that is in git what fetches it.
func NeedGit(p tool.Planner, deps []project.Dep) {
	for _, d := range deps {
		if d.Source == project.Git {
			tool.NeedGit(p, d.Name, d.Where)
		}
	}
}
