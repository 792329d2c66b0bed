package erlangmk

import (
	"path"
	"slices"
	"strings"

	"dram/internal/distro"
	"dram/internal/engine"
	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/source"
	"dram/internal/tool"
	"dram/internal/tool/relup"
	"dram/internal/tool/relx"
)

// build is how erlang.mk makes its release.
type build struct {
	project *Project
	planner tool.Planner
	release tool.Release
	fetch   bool
	adds    bool // {include_erts, true}
}

// Plan says what was found.
func (p *Project) Plan(pl tool.Planner) (tool.Build, error) {
	pl.Decide("project", "erlang.mk", File+" found")
	if p.script {
		pl.Note(p.file + suffix + " changes what " + p.file + " says: what it computes, only the build knows")
	}
	return &build{project: p, planner: pl}, nil
}

// Elixir is asked for by nothing that erlang.mk itself does.
func (*build) Elixir() tool.Elixir { return relx.Elixir() }

// Release is the first of relx's configuration: erlang.mk makes no other.
func (b *build) Release() (tool.Release, error) {
	if err := b.choose(); err != nil {
		return b.release, err
	}
	if err := grammar.Name(b.release.Name); err != nil {
		return b.release, problem.New(problem.Usage, tool.NameHint, "the release's name: %w", err)
	}
	s := b.project.config.Settings(b.release.Name)
	if s.OutputDir != "" {
		return b.release, problem.New(problem.Usage, "leave it out: erlang.mk has a place of its own, RELX_OUTPUT_DIR", "%s sets output_dir %q", b.project.file, s.OutputDir)
	}
	told := relx.Told{File: b.project.file, By: b.planner, Release: b.release.Name, Instead: "leave it out, or set {mode, prod}", Adds: true, Git: b.project.git}
	if err := s.Check(told); err != nil {
		return b.release, err
	}
	b.adds = s.ERTS == ""
	b.release.Cookie = s.Args || b.project.args
	r, _ := b.project.config.Release(b.release.Name)
	b.release.Version = told.Version(r)
	return b.release, relup.Decide(b.planner, b.project.facts, nil)
}

func (b *build) choose() error {
	p, asked := b.project, b.planner.Settings().Release()
	switch {
	case asked != "" && (p.script || slices.Contains(p.names[:min(len(p.names), 1)], asked)):
		b.release.Name = asked
		b.planner.Decide("release", asked, b.planner.Origin("release"))
	case asked != "" && len(p.names) == 0, asked == "" && len(p.names) == 0 && !p.script:
		return problem.New(problem.Usage, "make one with `make -f erlang.mk bootstrap-rel`; a library is built by whoever depends on it",
			"there is no %s that declares a release: as it stands, the project is a library, and dram builds releases", b.project.file)
	case asked != "":
		return problem.New(problem.Usage, "choose "+p.names[0]+"; for another one, put it first in "+b.project.file,
			"erlang.mk makes the first release of %s, which is not %q", b.project.file, asked)
	case len(p.names) == 0:
		return problem.New(problem.Usage, "name it with --release NAME", "%s computes the release: its name is not known", p.file+suffix)
	default:
		b.release.Name = p.names[0]
		b.planner.Decide("release", p.names[0], "the one that "+b.project.file+" declares first")
	}
	b.release.Declared = true
	return nil
}

// Work decides what is fetched.
func (b *build) Work(online string) (tool.Work, error) {
	p := b.project
	w := tool.Work{Does: "erlang.mk compiles, and relx assembles", Command: b.assemble()}
	b.fetch = len(p.remote) > 0 || p.open || p.has("RELX_URL")
	w.Fetch = b.fetch
	b.planner.Need(tool.Need{What: distro.C, Why: File})
	relx.NeedGit(b.planner, p.sources)
	tool.NeedMakers(b.planner, p.remote)
	tool.Dockerfile{Facts: p.facts, Planner: b.planner, Before: relx.BeforeStart}.Read()
	switch {
	case len(p.remote) > 0:
		b.planner.Decide("fetch", strings.Join(b.fetching(), " ")+", "+online, "dependencies: "+tool.Some(p.remote, 6))
		b.planner.Note("erlang.mk locks nothing: name a commit or a tag for each dependency, or builds may differ")
	case b.fetch:
		b.planner.Decide("fetch", strings.Join(b.fetching(), " ")+", "+online, "what make computes, and relx")
	default:
		b.planner.Decide("fetch", "no", "no dependency comes over the network")
	}
	if !p.relxHere && !p.has("rel-deps") {
		return w, problem.New(problem.Usage, "take a newer one: replace the file by that of https://erlang.mk, and add to the Makefile: REL_DEPS = relx",
			"this %s knows nothing of releases", File)
	}
	if !p.relxHere {
		return w, problem.New(problem.Usage, "add to the Makefile: REL_DEPS = relx", "the Makefile names no relx among its dependencies, and this erlang.mk makes no release without it")
	}
	if code := p.facts.NativeCode; len(code) > 0 {
		b.planner.Decide("native code", "compiled in the toolchain", tool.Some(code, 6))
	}
	return w, nil
}

// has says whether this version of erlang.mk has a word.
func (p *Project) has(word string) bool { return strings.Contains(p.mk, word) }

// fetching is the command that fetches and, where this version has no other, compiles
// dependencies. Older ones download relx as a program.
func (b *build) fetching() []string {
	argv := []string{"make", "deps", "rel-deps"}
	switch {
	case b.project.has("fetch-rel-deps:"):
		argv = []string{"make", "fetch-deps", "fetch-rel-deps"}
	case b.project.has("RELX_URL"):
		argv = []string{"make", "deps"}
	}
	if b.project.has("RELX_URL") {
		argv = append(argv, program, "RELX="+program)
	}
	return argv
}

// program is relx as a program, inside: where each version that has it so puts it when it
// is told to.
const program = engine.SourceDir + "/" + tmpDir + "/relx"

// added is relx.config with what dram adds, inside.
const added = engine.SourceDir + "/" + tmpDir + "/project.config"

func (b *build) assemble(more ...string) []string {
	argv := []string{"make", "rel", "RELX_OUTPUT_DIR=" + relDir}
	if b.adds {
		argv = append(argv, "RELX_CONFIG="+added)
	}
	if b.project.has("RELX_URL") {
		argv = append(argv, "RELX="+program)
	}
	return append(argv, more...)
}

// Job has the release made where erlang.mk makes it by itself. Erlang, and so relx,
// finds an application in a directory of its name alone: there is a link of it.
func (b *build) Job(c tool.Circumstances) tool.Job {
	dir := func(name string) string { return engine.SourceDir + "/" + name }
	job := tool.Job{
		CacheDirs: []string{dir(relDir), dir(depsDir), dir(tmpDir)},
		Env:       []string{"V=0"},
		Export:    path.Join(dir(relDir), b.release.Name),
		Compile:   []string{"make", "app"},
		Astray:    "see that " + b.project.file + " names the release, and that the Makefile sets no RELX_OUTPUT_DIR by itself",
	}
	if b.fetch {
		job.Steps = append(job.Steps, engine.Step{Name: "fetch", Argv: b.fetching(), Secrets: tool.Proxies(c.Environ), Network: true, Needs: b.needs(c.Source), Remotes: relx.Repositories(b.project.sources)})
	}
	if copies := b.project.copies(); len(copies) > 0 && !b.fetch {
		job.Steps = append(job.Steps, engine.Step{Name: "copied", Argv: append([]string{"rm", "-rf"}, copies...)})
	}
	release := engine.Step{Name: engine.StepRelease, Argv: b.assemble("RELX_TAR=0"), Network: c.Network, Packing: b.assemble()}
	if c.Network {
		release.Secrets = tool.Proxies(c.Environ)
	}
	if b.adds {
		job.Steps = append(job.Steps, engine.Step{Name: "configuration", Argv: []string{
			"sh", "-c", `mkdir -p "${2%/*}" && { [ ! -f "$1" ] || cat "$1"; echo; echo '{include_erts, true}.'; } > "$2"`, "configuration", b.project.file, added,
		}})
	}
	if app := b.project.facts.App; app != "" {
		libs := dir(tmpDir) + "/project"
		release.Env = []string{"ERL_LIBS=" + libs}
		job.Steps = append(job.Steps, engine.Step{Name: "name", Argv: []string{
			"sh", "-c", `mkdir -p "$1" && ln -sfn "$2" "$1/$3"`, "name", libs, engine.SourceDir, app,
		}})
	}
	job.Steps = append(job.Steps, engine.Step{Name: engine.StepClear, Argv: []string{"rm", "-rf", job.Export}}, release)
	job.Steps = append(job.Steps, relup.Steps(b.planner, b.release.Name, job.Export)...)
	return job
}

// copies are where erlang.mk has put what it copied: it does so once, and an edit of
// what was copied would come to nothing. After a step that fetches, these are the
// place's own, which is another where one of their files is.
func (p *Project) copies() []string {
	var out []string
	for _, c := range p.copied {
		out = append(out, engine.SourceDir+"/"+depsDir+"/"+c.name, engine.SourceDir+"/"+tmpDir+"/dep_built/"+c.name)
	}
	return out
}

// needs is what a fetching step reads of the source: makefiles, what it copies, and
// relx's configuration, without which there is no such goal.
func (b *build) needs(src *source.Tree) []string {
	out := []string{}
	for _, f := range src.Files {
		base := path.Base(f.Path)
		copied := slices.ContainsFunc(b.project.copied, func(c copied) bool { return strings.HasPrefix(f.Path, c.dir+"/") })
		if copied || base == makeFile || path.Ext(base) == ".mk" || f.Path == b.project.file || f.Path == b.project.file+suffix {
			out = append(out, f.Path)
		}
	}
	return out
}
