package distillery

import (
	"errors"
	"slices"
	"strings"

	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/project/elixir"
	"dram/internal/tool"
	"dram/internal/tool/mix"
)

// Tool is Distillery 1.5 to 2.1.
type Tool struct{}

// About says what it is.
func (Tool) About() tool.About {
	return tool.About{
		Name: "distillery", Title: "Distillery", Files: []string{File},
		Declared: File + " and its environment", NoLinks: "Distillery: dev_mode false",
		Init: "A release of Distillery gets its output_dir in " + File + ".",
	}
}

// name is what Mix calls it among dependencies.
const name = "distillery"

// Read goes by the dependency: one whose releases mix.exs declares without the file
// beside it is a leftover, and so is the file without the dependency; `mix release`
// makes the releases then.
func (Tool) Read(d *project.Dir) (tool.Project, error) {
	facts, err := d.Mix()
	if facts == nil && err == nil {
		return nil, nil //nolint:nilnil // none of the tool's, as Tool has it
	}
	text, has, textErr := d.Text(File, elixir.MaxFile)
	if !has && textErr == nil && (err != nil || len(facts.Releases) > 0 || !depends(d, facts) || facts.DepsOpen && len(facts.Locked) == 0 && !names(facts)) {
		return nil, err
	}
	if err == nil && !depends(d, facts) {
		d.Note(File + " is left over: mix.exs names no Distillery, and nothing in mix.lock asks for it")
		return nil, nil //nolint:nilnil // none of the tool's, as Tool has it
	}
	var config *Config
	if has {
		config, textErr = Read(text)
	}
	if _, bad := errors.AsType[*elixir.Error](textErr); bad {
		textErr = problem.New(problem.Build, "mend the file there; Distillery would fail on it too",
			"reading the project's releases: %w", textErr)
	}
	if err := errors.Join(err, textErr); err != nil {
		return nil, err
	}
	p := New(facts, config, version(d, facts))
	p.text = text
	return p, nil
}

// depends says whether the project may have Distillery at all. A lock alone does not
// say so: names stay in it that nothing asks for any longer.
func depends(d *project.Dir, facts *project.Project) bool {
	locked := slices.Contains(facts.Locked, name)
	return names(facts) ||
		facts.DepsOpen && (locked || len(facts.Locked) == 0) || locked && len(d.LockedUsers(name)) > 0
}

// names says whether mix.exs itself names it.
func names(facts *project.Project) bool {
	return slices.ContainsFunc(facts.Deps, func(d project.Dep) bool { return d.Name == name })
}

// version is the one that mix.lock holds, that of the dependency in a directory
// of the project, or the tag that mix.exs asks for; "" if none tells.
func version(d *project.Dir, facts *project.Project) string {
	if v := d.LockedVersion(name); v != "" {
		return v
	}
	for _, dep := range facts.Deps {
		if dep.Name != name {
			continue
		}
		if dep.Source == project.Path && !dep.Outside() {
			return facts.AppVersions[name]
		}
		return strings.TrimPrefix(dep.Tag, "v")
	}
	return ""
}

// Project is a project of which Distillery makes the releases.
type Project struct {
	facts   *project.Project
	config  *Config // nil where there is no file
	text    string  // the file's
	version string  // of Distillery, "" where it is not known
}

// New is the project that the facts are of, with what File says (nil if there is
// none) and the version of Distillery, "" if that is not known.
func New(facts *project.Project, config *Config, version string) *Project {
	return &Project{facts: facts, config: config, version: version}
}

// Tool is Distillery.
func (*Project) Tool() tool.Tool { return Tool{} }

// Facts is what mix.exs says.
func (p *Project) Facts() *project.Project { return p.facts }

// Releases are those that the file declares.
func (p *Project) Releases() ([]string, error) {
	switch {
	case p.config == nil:
		return nil, p.lacksFile()
	case p.config.Open:
		return nil, mix.Computed(File)
	}
	return p.config.names(), nil
}

// Implicit is true: a file without releases is the tool's to refuse.
func (*Project) Implicit() bool { return true }

// names are those of the releases, each once.
func (c *Config) names() []string {
	var names []string
	for _, r := range c.Releases {
		if !slices.Contains(names, r.Name) {
			names = append(names, r.Name)
		}
	}
	return names
}

func (p *Project) lacksFile() error {
	return problem.New(problem.Usage,
		"make it with `mix distillery.init` (`mix release.init` up to Distillery 2.0),\nor remove the dependency and use `mix release`",
		"%s depends on Distillery, but has no %s", p.facts.Dir, File)
}

// Prepared has a release come to lie where the guide mounts a directory. One that
// says where it goes is left alone.
func (p *Project) Prepared(r tool.Release) (tool.Project, *tool.Edit, error) {
	if s, ok := p.config.Profile(r.Name, r.Env, "output_dir"); ok && !s.Value.IsAtom("nil") {
		return p, nil, nil
	}
	edit := func(old []byte) ([]byte, error) { return SetOutputDir(old, r.Name, "./releases/"+r.Name) }
	text, err := edit([]byte(p.text))
	if err != nil {
		return nil, nil, err
	}
	other := *p
	other.text = string(text)
	if other.config, err = Read(other.text); err != nil {
		return nil, nil, err
	}
	return &other, &tool.Edit{Path: File, Apply: edit}, nil
}
