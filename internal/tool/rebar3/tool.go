// Package rebar3 is rebar3, which has relx assemble releases. See rebar3's
// documentation of rebar.config, and its rebar_relx.erl.
//
// rebar.config is read as Erlang terms. rebar.config.script is code and never run
// before the build: what it makes of the terms is unknown.
package rebar3

import (
	"path"
	"slices"
	"strings"

	"dram/internal/beam"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/release"
	"dram/internal/source"
	"dram/internal/tool"
	"dram/internal/tool/relx"
)

// The files of a project.
const (
	File   = "rebar.config"
	Script = "rebar.config.script"
	Lock   = "rebar.lock"
)

// Tool is rebar3.
type Tool struct{}

// About says what it is.
func (Tool) About() tool.About {
	return tool.About{
		Name: "rebar3", Title: "rebar3", Files: []string{File, Script},
		Built: []string{"_build"}, Declared: "relx in " + File, NoLinks: "relx: {mode, prod}",
	}
}

// Made is true of all that relx assembled.
func (Tool) Made(rel *release.Release) bool { return relx.Made(rel) }

// Boot is as relx has it.
func (Tool) Boot(rel *release.Release) tool.Boot { return relx.Boot(rel) }

// Project is a project of which rebar3 makes the releases.
type Project struct {
	facts   *project.Project
	config  config      // of the project's top
	apps    []config    // of its applications
	apart   []beam.Term // relx.config
	script  bool        // a script computes more
	own     bool        // rebar3 lies in the project
	git     bool        // the build sees .git
	calls   []tool.Need // what compiles native code
	vsnGit  []string    // applications whose version git tells
	reltool bool        // rebar 2 makes its releases
	args    bool        // config/ has the arguments of the VM
	// checkouts are dependencies that lie in the project
	checkouts []string
}

// Read goes by rebar.config.
func (Tool) Read(d *project.Dir) (tool.Project, error) {
	c, ok, err := consult(d, File)
	script := d.Has(Script)
	if err != nil || !ok && !script {
		return nil, err
	}
	facts, err := d.Plain()
	if err != nil {
		return nil, err
	}
	c.file = File
	p := &Project{facts: facts, config: c, script: script, own: d.Has("rebar3"), git: source.Sees(d.Path, ".git/HEAD")}
	apart, _, err := consult(d, "relx.config")
	if err != nil {
		return nil, err
	}
	p.apart = apart.terms
	if err := p.read(d); err != nil {
		return nil, err
	}
	return p, nil
}

// Tool is rebar3.
func (*Project) Tool() tool.Tool { return Tool{} }

// Facts is what the files say.
func (p *Project) Facts() *project.Project { return p.facts }

// Releases are those that relx's configuration declares, in any profile.
func (p *Project) Releases() ([]string, error) {
	if p.script {
		return nil, problem.New(problem.Usage, "name them: --release NAME --release NAME",
			"%s computes what %s says, so not all names of releases are known", Script, File)
	}
	var names []string
	for _, profile := range append([]string{usual}, p.config.profiles()...) {
		for _, name := range p.relxOf(profile).Names() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// read reads the project's applications: the one at its top, or those in its
// folders.
func (p *Project) read(d *project.Dir) error {
	p.facts.AppVersions = map[string]string{}
	_, p.facts.HasLock, _ = d.Text(Lock, maxFile) // one that cannot be read is rebar3's to refuse
	p.args, p.reltool = relx.BringsArgs(d), d.Has("rel/reltool.config")
	p.checkouts = d.Folders("_checkouts")
	p.native(d, ".", p.config)
	if err := p.app(d, "."); err != nil {
		return err
	}
	if len(p.facts.OwnApps) > 0 {
		p.facts.App = p.facts.OwnApps[0]
		p.facts.Version = p.facts.AppVersions[p.facts.App]
	}
	for _, dir := range p.folders() {
		for _, name := range d.Folders(dir) {
			if err := p.app(d, path.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	slices.Sort(p.facts.OwnApps)
	slices.Sort(p.facts.NativeCode)
	p.facts.NativeCode = slices.Compact(p.facts.NativeCode)
	return nil
}

// folders are where applications lie, as project_app_dirs has it: "apps/*".
func (p *Project) folders() []string {
	var out []string
	for _, t := range p.config.get("project_app_dirs") {
		if dir, ok := beam.Text(t); ok && strings.HasSuffix(dir, "/*") {
			out = append(out, strings.TrimSuffix(dir, "/*"))
		}
	}
	if len(out) == 0 {
		return []string{"apps", "lib"}
	}
	return out
}

// app reads the application in a directory, if there is one.
func (p *Project) app(d *project.Dir, dir string) error {
	if len(p.facts.OwnApps) >= maxApps {
		return nil
	}
	found := false
	for _, file := range d.Files(path.Join(dir, "src")) {
		name, ok := strings.CutSuffix(strings.TrimSuffix(file, ".script"), ".app.src")
		if ok && !slices.Contains(p.facts.OwnApps, name) {
			p.facts.OwnApps = append(p.facts.OwnApps, name)
			p.version(d, path.Join(dir, "src", name+".app.src"), name)
			found = true
		}
	}
	if !found || dir == "." {
		return nil
	}
	c, _, err := consult(d, path.Join(dir, File))
	if err != nil {
		return err
	}
	c.file = path.Join(dir, File)
	p.apps = append(p.apps, c)
	p.native(d, dir, c)
	return nil
}

// version reads what an application's resource file says of its version. One that
// cannot be read is rebar3's to refuse.
func (p *Project) version(d *project.Dir, file, name string) {
	c, _, err := consult(d, file)
	if err != nil || len(c.terms) != 1 {
		return
	}
	spec, ok := beam.AsTuple(c.terms[0], "application", 3)
	if !ok {
		return
	}
	vsn, _ := beam.Property(spec[2], "vsn")
	if text, ok := beam.Text(vsn); ok && text != "git" && text != "semver" {
		p.facts.AppVersions[name] = text
		return
	}
	if vsn != nil && !isTuple(vsn, "file") && !isTuple(vsn, "cmd") {
		p.vsnGit = append(p.vsnGit, name)
	}
}

func isTuple(t beam.Term, tag string) bool {
	_, ok := beam.AsTuple(t, tag, 2)
	return ok
}
