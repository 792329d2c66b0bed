package gleam

import (
	"path"
	"regexp"
	"strings"

	"dram/internal/beam"
	"dram/internal/engine"
	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/release"
	"dram/internal/tool"
	"dram/internal/tool/assembly"
	"dram/internal/tool/relx"
)

// entrypoint is the script that starts a shipment, and tells it apart.
const entrypoint = "entrypoint.sh"

// Exported is a shipment that is there already: what `gleam export erlang-shipment`
// leaves in build/erlang-shipment. It is compiled, and nothing of it is built again.
type Exported struct{}

// About says what it is. Other projects have scripts of that name, so that it has no
// files of its own.
func (Exported) About() tool.About {
	return tool.About{Name: "shipment", Title: "a shipment of Gleam", Built: []string{"build"}, Compiled: true}
}

// Made is said by Gleam's other tool: what both make is the same.
func (Exported) Made(*release.Release) bool { return false }

// Boot is as Gleam has it.
func (Exported) Boot(rel *release.Release) tool.Boot { return Tool{}.Boot(rel) }

// shipped is the line of the script that has the name of the package.
var shipped = regexp.MustCompile(`(?m)^PACKAGE=["']?([A-Za-z0-9_]+)["']?\r?$`)

// Read goes by the script, and the application that it starts.
func (Exported) Read(d *project.Dir) (tool.Project, error) {
	if d.Has(File) {
		return nil, nil //nolint:nilnil // none of the tool's, as Tool has it
	}
	text, ok, err := d.Text(entrypoint, maxFile)
	if err != nil || !ok {
		return nil, nil //nolint:nilerr,nilnil // a script of that name is somebody's
	}
	m := shipped.FindStringSubmatch(text)
	if m == nil || !strings.Contains(text, "@@main:run(") {
		return nil, nil //nolint:nilnil // none of the tool's, as Tool has it
	}
	facts, err := d.Plain()
	if err != nil {
		return nil, err
	}
	name := m[1]
	facts.App, facts.OwnApps = name, []string{name}
	p := &shipmentProject{facts: facts}
	file := path.Join(name, "ebin", name+".app")
	spec, ok, err := d.Text(file, maxFile)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, problem.New(problem.Usage, "export it anew: gleam export erlang-shipment", "the shipment has no %s, and %s starts %s", file, entrypoint, name)
	}
	app, err := beam.ParseApp([]byte(spec), name)
	if err != nil {
		return nil, problem.New(problem.Usage, "export it anew: gleam export erlang-shipment", "reading %s: %w", file, err)
	}
	facts.Version = app.Version
	return p, nil
}

// shipmentProject is a shipment.
type shipmentProject struct{ facts *project.Project }

func (*shipmentProject) Tool() tool.Tool               { return Exported{} }
func (p *shipmentProject) Facts() *project.Project     { return p.facts }
func (p *shipmentProject) Releases() ([]string, error) { return nil, nil }

// Implicit is true: a shipment runs.
func (p *shipmentProject) Implicit() bool { return true }

// Plan says what was found, and what is not known of it.
func (p *shipmentProject) Plan(pl tool.Planner) (tool.Build, error) {
	pl.Decide("project", "a shipment of Gleam", entrypoint+" found")
	pl.Note("a shipment does not say which Erlang compiled it: where that is newer than the toolchain's, or its NIFs are another system's, the check says so; --toolchain names the right one")
	return &bottling{facts: p.facts, planner: pl}, nil
}

// bottling makes a release of a shipment.
type bottling struct {
	facts   *project.Project
	planner tool.Planner
	release tool.Release
}

// Elixir is asked for by nothing.
func (*bottling) Elixir() tool.Elixir { return relx.Elixir() }

// Release is the package that the script starts.
func (b *bottling) Release() (tool.Release, error) {
	name, asked := b.facts.App, b.planner.Settings().Release()
	if asked != "" && asked != name {
		return b.release, problem.New(problem.Usage, "leave the name out: it is "+name, "the project has no release %q", asked)
	}
	if err := grammar.MixRelease(name); err != nil {
		return b.release, problem.New(problem.Usage, tool.NameHint, "the package's name: %w", err)
	}
	if err := grammar.Version(b.facts.Version); err != nil {
		return b.release, problem.New(problem.Usage, tool.NameHint, "the package's version: %w", err)
	}
	b.planner.Decide("release", name, "the package that "+entrypoint+" starts")
	b.planner.Decide("version", b.facts.Version, path.Join(name, "ebin", name+".app"))
	b.release = tool.Release{Name: name, Version: b.facts.Version, Declared: true}
	return b.release, nil
}

// Work is to add ERTS.
func (b *bottling) Work(string) (tool.Work, error) {
	return tool.Work{Does: "dram adds ERTS and the applications of Erlang/OTP that it calls", Command: []string{"escript", "assembly"}, Locked: true}, nil
}

// Job makes a release of it.
func (b *bottling) Job(tool.Circumstances) tool.Job {
	export := path.Join(buildDir, "dram", b.release.Name)
	return tool.Job{
		CacheDirs: []string{buildDir}, Export: export, Astray: "see that the shipment is whole",
		Steps: []engine.Step{assembly.Step(assembly.Shipment, engine.SourceDir, b.release.Name, b.release.Version, export)},
	}
}
