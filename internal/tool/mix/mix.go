// Package mix is `mix release`, which assembles releases since Elixir 1.9. See
// Elixir's documentation of Mix.Tasks.Release. What Mix does before that is here
// too, for tools that are tasks of Mix themselves.
package mix

import (
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/tool"
)

// Tool is `mix release`.
type Tool struct{}

// About says what it is.
func (Tool) About() tool.About {
	return tool.About{Name: "mix", Title: "`mix release`", Files: []string{"mix.exs"}, Declared: "mix.exs"}
}

// Read goes by mix.exs.
func (Tool) Read(d *project.Dir) (tool.Project, error) {
	facts, err := d.Mix()
	if err != nil || facts == nil {
		return nil, err
	}
	return New(facts), nil
}

// Project is a project of which Mix makes the releases.
type Project struct{ facts *project.Project }

// New is the project that the facts are of.
func New(facts *project.Project) *Project { return &Project{facts} }

// Tool is Mix.
func (*Project) Tool() tool.Tool { return Tool{} }

// Facts is what mix.exs says.
func (p *Project) Facts() *project.Project { return p.facts }

// Releases are those that mix.exs declares.
func (p *Project) Releases() ([]string, error) {
	if p.facts.ReleasesOpen {
		return nil, Computed("mix.exs")
	}
	var names []string
	for _, r := range p.facts.Releases {
		names = append(names, r.Name)
	}
	return names, nil
}

// Implicit is true of what has an application at its top: Mix makes a release of its name.
func (p *Project) Implicit() bool { return !p.facts.Umbrella }

// Computed is the problem with all releases of a project whose file computes some.
func Computed(file string) error {
	return problem.New(problem.Usage, "name them: --release NAME --release NAME",
		"%s computes its releases, so not all their names are known", file)
}
