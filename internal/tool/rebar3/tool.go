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
	reltool string      // with what rebar 2 makes its releases, "" if it makes none
	args    bool        // config/ has the arguments of the VM
	appups  []string    // applications that say how they are upgraded
	// checkouts are dependencies that lie in the project, and lent what these say
	checkouts []string
	lent      []config
	asksGit   string   // the first hook that asks git, "" if none does
	online    []string // hooks and plugins that may download
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
	if v := c.text("require_otp_vsn"); numbers.MatchString(v) { // rebar 2's, which rebar3 passes over
		facts.Offers = append(facts.Offers, project.Offer{File: File, Erlang: v})
	}
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
	p.facts.Locked, p.facts.HasLock = locked(d)
	p.args, p.reltool = relx.BringsArgs(d), p.reltools(d)
	p.checkouts = d.Folders("_checkouts")
	p.native(d, ".", p.config)
	if err := p.app(d, "."); err != nil {
		return err
	}
	if len(p.facts.OwnApps) > 0 {
		p.facts.App = p.facts.OwnApps[0]
		p.facts.Version = p.facts.AppVersions[p.facts.App]
	}
	for _, dir := range p.folders(d) {
		if err := p.app(d, dir); err != nil {
			return err
		}
	}
	if err := p.borrow(d); err != nil {
		return err
	}
	slices.Sort(p.facts.OwnApps)
	slices.Sort(p.facts.NativeCode)
	p.facts.NativeCode = slices.Compact(p.facts.NativeCode)
	return nil
}

// borrow reads what dependencies in the project need themselves.
func (p *Project) borrow(d *project.Dir) error {
	for _, name := range p.checkouts[:min(len(p.checkouts), maxApps)] {
		dir := path.Join("_checkouts", name)
		c, _, err := consult(d, path.Join(dir, File))
		if err != nil {
			return err
		}
		c.file = path.Join(dir, File)
		p.lent = append(p.lent, c)
		p.native(d, dir, c)
	}
	return nil
}

// folders are where applications lie, as project_app_dirs has it: "apps/*", or one of
// them, "apps/web". A profile adds to these.
func (p *Project) folders(d *project.Dir) []string {
	var out []string
	layers := []config{p.config}
	for _, name := range p.config.profiles() {
		if name == usual || len(p.config.get("project_app_dirs")) == 0 {
			layers = append(layers, p.config.profile(name))
		}
	}
	for _, layer := range layers {
		for _, t := range layer.get("project_app_dirs") {
			if dir, ok := beam.Text(t); ok && !relx.Outside(dir) {
				out = append(out, apps(d, path.Clean(dir))...)
			}
		}
	}
	if len(out) == 0 {
		out = append(apps(d, "apps/*"), apps(d, "lib/*")...)
	}
	return out
}

// apps are the directories that such an entry means.
func apps(d *project.Dir, entry string) []string {
	dir, all := strings.CutSuffix(entry, "/*")
	switch {
	case !all && entry == "*":
		dir = "."
	case !all:
		return []string{entry}
	}
	names := d.Folders(dir)
	for i, name := range names {
		names[i] = path.Join(dir, name)
	}
	return names
}

// reltools is the file that rebar 2 makes releases by: in rel/ and its folders, or where
// its sub_dirs say.
func (p *Project) reltools(d *project.Dir) string {
	dirs := []string{"rel"}
	for _, t := range p.config.get("sub_dirs") {
		if dir, ok := beam.Text(t); ok && !relx.Outside(dir) {
			dirs = append(dirs, dir)
		}
	}
	for _, folder := range d.Folders("rel") {
		dirs = append(dirs, path.Join("rel", folder))
	}
	for _, dir := range dirs {
		for _, made := range []string{"", ".in", ".script", ".src"} { // of these it is made
			if file := path.Join(dir, "reltool.config"+made); d.Has(file) {
				return file
			}
		}
	}
	return ""
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
		if name, ok := strings.CutSuffix(strings.TrimSuffix(strings.TrimSuffix(file, ".script"), ".src"), ".appup"); ok {
			p.appups = append(p.appups, name)
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
