// Package gleam is Gleam: `gleam export erlang-shipment` makes a directory of
// applications, which becomes a release with ERTS and a start script (package assembly).
// See Gleam's documentation of gleam.toml and its template of entrypoint.sh.
package gleam

import (
	"fmt"
	"slices"
	"strings"

	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/release"
	"dram/internal/tool"
	"dram/internal/tool/assembly"
)

// The files of a project.
const (
	File     = "gleam.toml"
	Manifest = "manifest.toml"
)

// Bounds of what is read, in bytes.
const (
	maxFile   = 1 << 20
	maxSource = 4 << 20
)

// Tool is Gleam.
type Tool struct{}

// About says what it is.
func (Tool) About() tool.About {
	return tool.About{Name: "gleam", Title: "Gleam", Files: []string{File}, Built: []string{"build"}, Declared: File}
}

// Made goes by the start script.
func (Tool) Made(rel *release.Release) bool { return assembly.Made(rel, assembly.Shipment) }

// Boot has the start script run the project's main function.
func (Tool) Boot(*release.Release) tool.Boot { return assembly.Boot(assembly.Shipment, "run") }

// config is what gleam.toml says.
type config struct {
	Name         string         `toml:"name"`
	Version      string         `toml:"version"`
	Target       string         `toml:"target"`
	Dependencies map[string]any `toml:"dependencies"`
}

// manifest is what manifest.toml says: the lock.
type manifest struct {
	Packages []struct {
		Name       string   `toml:"name"`
		Source     string   `toml:"source"`
		Repo       string   `toml:"repo"`
		Path       string   `toml:"path"`
		BuildTools []string `toml:"build_tools"`
	} `toml:"packages"`
}

// Project is a project of Gleam.
type Project struct {
	facts  *project.Project
	config config
	lock   manifest
	runs   bool // there is a main function
}

// Read goes by gleam.toml.
func (Tool) Read(d *project.Dir) (tool.Project, error) {
	if !d.Has(File) {
		return nil, nil //nolint:nilnil // none of the tool's, as Tool has it
	}
	facts, err := d.Plain()
	if err != nil {
		return nil, err
	}
	p := &Project{facts: facts}
	if _, err := decode(d, File, &p.config); err != nil {
		return nil, err
	}
	if p.facts.HasLock, err = decode(d, Manifest, &p.lock); err != nil {
		return nil, err
	}
	main, _, err := d.Text("src/"+p.config.Name+".gleam", maxSource)
	if err != nil {
		return nil, err
	}
	p.runs = strings.Contains(main, "pub fn main(")
	p.facts.App, p.facts.Version, p.facts.OwnApps = p.config.Name, p.config.Version, []string{p.config.Name}
	p.dependencies()
	return p, nil
}

// decode reads a file; ok is false if there is none.
func decode(d *project.Dir, name string, into any) (ok bool, err error) {
	text, ok, err := d.Text(name, maxFile)
	if err != nil || !ok {
		return ok, err
	}
	if err := grammar.TOML([]byte(text), into); err != nil {
		return true, problem.New(problem.Build, "mend the file there; gleam would fail on it too", "reading %s: %w", name, err)
	}
	return true, nil
}

// dependencies are those that manifest.toml locks, or else those of gleam.toml.
func (p *Project) dependencies() {
	add := func(name string, source project.Source, where string) {
		p.facts.Deps = append(p.facts.Deps, project.Dep{Name: name, Source: source, Where: where})
	}
	for _, l := range p.lock.Packages {
		switch l.Source {
		case "git":
			add(l.Name, project.Git, l.Repo)
		case "local":
			add(l.Name, project.Path, l.Path)
		default:
			add(l.Name, project.Hex, "")
		}
	}
	for name, value := range p.config.Dependencies {
		if slices.ContainsFunc(p.facts.Deps, func(d project.Dep) bool { return d.Name == name }) {
			continue
		}
		table, _ := value.(map[string]any)
		switch {
		case table["path"] != nil:
			add(name, project.Path, fmt.Sprint(table["path"]))
		case table["git"] != nil:
			add(name, project.Git, fmt.Sprint(table["git"]))
		default:
			add(name, project.Hex, "")
		}
	}
	slices.SortFunc(p.facts.Deps, func(a, b project.Dep) int { return strings.Compare(a.Name, b.Name) })
}

// Tool is Gleam.
func (*Project) Tool() tool.Tool { return Tool{} }

// Facts is what the files say.
func (p *Project) Facts() *project.Project { return p.facts }

// Releases are none: what is made has the package's name.
func (p *Project) Releases() ([]string, error) { return nil, nil }

// Implicit is true of what can be run.
func (p *Project) Implicit() bool { return p.runs }
