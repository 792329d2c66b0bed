package rebar3

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"dram/internal/beam"
	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/tool"
	"dram/internal/tool/relx"
)

// usual is the profile that releases are made in unless another is asked for.
const usual = "prod"

// build is how rebar3 makes a release.
type build struct {
	project  *Project
	planner  tool.Planner
	release  tool.Release
	settings relx.Settings
	output   string // where relx is told to put it, relative to the project
	fetch    bool
	extra    bool // the profile has dependencies or plugins of its own
	deps     bool // some dependency is locked
}

// Plan says what was found.
func (p *Project) Plan(pl tool.Planner) (tool.Build, error) {
	what := File + " found"
	if len(p.config.terms) == 0 {
		what = Script + " found"
	}
	if len(p.apps) > 0 {
		what += ", with the applications " + tool.Some(p.facts.OwnApps, 6)
	}
	pl.Decide("project", "rebar3", what)
	if p.script {
		pl.Note(Script + " changes what " + File + " says: what it computes, only the build knows")
	}
	return &build{project: p, planner: pl}, nil
}

// Elixir is asked for by nothing that rebar3 itself does.
func (b *build) Elixir() tool.Elixir {
	return tool.Elixir{None: true, Image: func(otp string) string { return "erlang:" + otp }}
}

// Release chooses profile and release, and judges what relx is told of it.
func (b *build) Release() (tool.Release, error) {
	for _, decide := range []func() error{b.profile, b.choose, b.judge, b.outputDir} {
		if err := decide(); err != nil {
			return b.release, err
		}
	}
	b.version()
	return b.release, nil
}

func (b *build) profile() error {
	asked := b.planner.Settings().ReleaseEnv
	name := cmp.Or(asked, usual)
	known := append(b.project.config.profiles(), "default", usual)
	if !slices.Contains(known, name) && !b.project.script {
		return problem.New(problem.Usage, "choose one of: "+strings.Join(known, ", "), "%s has no profile %q", File, name)
	}
	if err := grammar.Name(name); err != nil {
		return problem.New(problem.Usage, tool.NameHint, "the profile of %s: %w", File, err)
	}
	b.release.Env = name
	b.planner.Decide("profile", name, b.planner.Origin("build.release_env"))
	return nil
}

func (b *build) choose() error {
	names := b.project.relxOf(b.release.Env).Names()
	asked := b.planner.Settings().Release()
	name, reason := asked, b.planner.Origin("release")
	switch {
	case asked != "" && !slices.Contains(names, asked) && !b.project.script:
		return problem.New(problem.Usage, "choose one of: "+strings.Join(names, ", "), "the project has no release %q", asked)
	case asked != "":
	case len(names) > 1:
		return problem.New(problem.Usage, "choose one with --release NAME", "%s declares several releases: %s", File, strings.Join(names, ", "))
	case len(names) == 1:
		name, reason = names[0], "the only one that relx is told of"
	case b.project.script:
		return problem.New(problem.Usage, "name it with --release NAME", "%s computes the releases: their names are not known", Script)
	default:
		return b.none()
	}
	if err := grammar.Name(name); err != nil {
		return problem.New(problem.Usage, tool.NameHint, "the release's name: %w", err)
	}
	b.release.Name = name
	b.release.Declared = slices.Contains(names, name)
	b.planner.Decide("release", name, reason)
	return nil
}

// none is the problem with a project that declares no release: what it is, and what
// would make one.
func (b *build) none() error {
	apps := b.project.facts.OwnApps
	what := "a library"
	for _, key := range []string{"escript_main_app", "escript_name", "escript_emu_args"} {
		if slices.ContainsFunc(b.project.config.terms, func(t beam.Term) bool { return isTuple(t, key) }) {
			what = "an escript (" + key + ")"
		}
	}
	example := cmp.Or(b.project.facts.App, strings.Join(apps[:min(len(apps), 1)], ""), "my_app")
	return problem.New(problem.Usage, fmt.Sprintf("declare one in %s:\n{relx, [{release, {%s, \"0.1.0\"}, [%s, sasl]}, {mode, prod}]}.", File, example, example),
		"%s declares no release: as it stands, the project is %s, and dram builds releases", File, what)
}

// judge finds what would be no release that runs elsewhere.
func (b *build) judge() error {
	var first []beam.Term
	if b.release.Env == usual {
		first = []beam.Term{beam.Tuple{beam.Atom("mode"), beam.Atom("prod")}}
	}
	config := b.project.relxOf(b.release.Env)
	b.settings = config.Settings(b.release.Name, first...)
	if b.project.script && b.settings.ERTS == "" {
		b.settings.ERTS = "true" // the script may say so
	}
	b.release.Cookie = b.settings.Args || b.project.args
	return b.settings.Check(b.told())
}

func (b *build) told() relx.Told {
	return relx.Told{
		File: File, Where: " in profile " + b.release.Env, Release: b.release.Name, By: b.planner, Git: b.project.git,
		Instead: "set {mode, prod} in the profile " + usual + ", or choose another with --release-env NAME",
	}
}

func (b *build) outputDir() error {
	dir := b.settings.OutputDir
	if dir == "" {
		return nil
	}
	clean := path.Clean(dir)
	if path.IsAbs(clean) || clean == "." || relx.Outside(clean) || !grammar.Printable(clean) {
		return problem.New(problem.Usage, "leave it out, or name a directory of the project", "output_dir %q of %s is not a directory of its own inside the project", dir, File)
	}
	b.output = clean
	b.planner.Decide("output_dir", clean, File+" says so; dram takes the release from there")
	return nil
}

// version is what relx is told, where that is a text.
func (b *build) version() {
	r, _ := b.project.relxOf(b.release.Env).Release(b.release.Name)
	b.release.Version = b.told().Version(r)
	if apps := b.project.vsnGit; len(apps) > 0 && !b.project.git {
		b.planner.Note("git tells the version of " + tool.Some(apps, 3) + relx.Unseen(`"0"`))
	}
}

// Work decides what is fetched, and says which native code is compiled.
func (b *build) Work(online string) (tool.Work, error) {
	w := tool.Work{Does: "rebar3 compiles, and relx assembles", Command: b.assemble("rebar3")}
	remote := b.remote()
	b.project.facts.Deps = remote
	w.Fetch, w.Locked = b.fetch, b.project.facts.HasLock || !b.deps
	switch {
	case len(remote) > 0:
		b.planner.Decide("fetch", "rebar3 get-deps, "+online, "dependencies and plugins: "+tool.Some(names(remote), 6))
	case b.fetch:
		b.planner.Decide("fetch", "rebar3 get-deps, "+online, Script+" computes what there is")
	default:
		b.planner.Decide("fetch", "no", "no dependency and no plugin comes over the network")
	}
	if b.deps && !b.project.facts.HasLock {
		b.planner.Note("there is no " + Lock + ": run `rebar3 get-deps` and commit it, or builds may differ")
	}
	if code := b.project.facts.NativeCode; len(code) > 0 {
		b.planner.Decide("native code", "compiled in the toolchain", tool.Some(code, 6))
	}
	b.needs()
	return w, nil
}

func names(deps []project.Dep) []string {
	out := make([]string, 0, len(deps))
	for _, d := range deps {
		out = append(out, d.Name)
	}
	return out
}

// remote are the dependencies and plugins that come over the network, each once:
// those under _checkouts lie in the project.
func (b *build) remote() []project.Dep {
	p := b.project
	var out []project.Dep
	add := func(deps []project.Dep) bool {
		before := len(out)
		for _, d := range deps {
			known := slices.ContainsFunc(out, func(o project.Dep) bool { return o.Name == d.Name })
			if !known && !slices.Contains(p.checkouts, d.Name) {
				out = append(out, d)
			}
		}
		return len(out) > before
	}
	for _, c := range append([]config{p.config}, p.apps...) {
		b.deps = add(c.deps("deps")) || b.deps
		add(c.plugins())
	}
	mine := p.config.profile(b.release.Env)
	b.extra = add(slices.Concat(mine.deps("deps"), mine.plugins())) || p.script
	b.fetch = len(out) > 0 || p.script
	return out
}

// needs says what the steps call that a toolchain may lack.
func (b *build) needs() {
	for _, d := range b.project.facts.Deps {
		if d.Source == project.Git {
			tool.NeedGit(b.planner, d.Name, d.Where)
		}
	}
	for _, c := range b.project.calls {
		b.planner.Need(c)
	}
}
