// Package escript is projects that make an escript and no release: `escript:` in
// mix.exs without `releases:`, or rebar3's settings escript_* without relx. What `mix
// escript.build` or `rebar3 escriptize` makes becomes a release with ERTS that runs
// it (package assembly).
package escript

import (
	"path"
	"strings"

	"dram/internal/fsutil"
	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/release"
	"dram/internal/tool"
	"dram/internal/tool/assembly"
	"dram/internal/tool/rebar3"
)

// Tool is what makes escripts: a task of Mix, and one of rebar3.
type Tool struct{}

// About says what it is. It has no files of its own.
func (Tool) About() tool.About {
	return tool.About{Name: "escript", Title: "escripts", Declared: "escript in mix.exs or rebar.config"}
}

// Read goes by what the file says of an escript, where it declares no release.
func (Tool) Read(d *project.Dir) (tool.Project, error) {
	facts, err := d.Mix()
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // Mix's to say
	}
	if facts != nil {
		if !facts.Escript || facts.Umbrella || len(facts.Releases) > 0 || facts.ReleasesOpen {
			return nil, nil //nolint:nilnil // none of the tool's, as Tool has it
		}
		return &ofMix{facts}, nil
	}
	p, err := rebar3.Tool{}.Read(d)
	if p == nil || err != nil {
		return nil, nil //nolint:nilerr,nilnil // rebar3's to say
	}
	of, ok := p.(*rebar3.Project)
	if !ok {
		return nil, nil //nolint:nilnil // the same
	}
	name, ok := of.Escript()
	if !ok {
		return nil, nil //nolint:nilnil // none of the tool's, as Tool has it
	}
	return &ofRebar3{of, name}, nil
}

// Made goes by the start script.
func (Tool) Made(rel *release.Release) bool { return assembly.Made(rel, assembly.Escript) }

// Boot has the start script hand all that it is told to the escript.
func (Tool) Boot(*release.Release) tool.Boot { return assembly.Boot(assembly.Escript, "") }

// choose is the name of the release, and why: the escript's own.
func choose(p tool.Planner, name, file string) (chosen, reason string, err error) {
	asked := p.Settings().Release()
	switch {
	case name == "" && asked == "":
		return "", "", problem.New(problem.Usage, "name it with --release NAME", "%s computes the escript's name", file)
	case name != "" && asked != "" && asked != name:
		return "", "", problem.New(problem.Usage, "leave the name out, or name the escript: "+name,
			"the project has no release %q: it makes the escript %q", asked, name)
	case asked != "":
		return asked, p.Origin("release"), nil
	}
	return name, file + " has an escript and declares no release", nil
}

// decideVersion says where the version comes from: an escript has none.
func decideVersion(p tool.Planner, version string) string {
	if version != "" && grammar.Version(version) == nil {
		p.Decide("version", version, "the application's")
		return version
	}
	const none = "0"
	p.Decide("version", none, "an escript has none, and the application's is computed")
	return none
}

// decide says what the release will be.
func decide(p tool.Planner, found, other string) {
	p.Decide("project", "escript", found+"; --tool "+other+" makes a release of it instead")
	p.Decide("applications", "those of Erlang/OTP that the code names or calls", "what is called by computed names alone has to be among its applications")
}

// inside is a place of a project's file, inside; ok is false where it leaves the project.
func inside(name string) (string, bool) {
	clean := path.Clean(name)
	return clean, clean != "." && !strings.HasPrefix(clean, "/") && fsutil.Local(".", clean)
}
