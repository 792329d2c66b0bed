package rebar3

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"dram/internal/beam"
	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/tool"
	"dram/internal/tool/relx"
)

// Common is what rebar3 does in a build before something is made of what it compiled,
// whatever that is.
type Common struct {
	Project *Project
	Planner tool.Planner
	Profile string

	fetch bool
	extra bool // the profile has dependencies or plugins of its own
	deps  bool // some dependency is locked
}

// found says by what the project was known.
func (p *Project) found() string {
	what := File + " found"
	if len(p.config.terms) == 0 {
		what = Script + " found"
	}
	if len(p.apps) > 0 {
		what += ", with the applications " + tool.Some(p.facts.OwnApps, 6)
	}
	return what
}

// Open chooses the profile.
func (b *Common) Open() error {
	asked := b.Planner.Settings().ReleaseEnv
	name := cmp.Or(asked, usual)
	known := append(b.Project.config.profiles(), "default", usual)
	if !slices.Contains(known, name) && !b.Project.script {
		return problem.New(problem.Usage, tool.OneOf(known, name), "%s has no profile %q", File, name)
	}
	if err := grammar.Name(name); err != nil {
		return problem.New(problem.Usage, tool.NameHint, "the profile of %s: %w", File, err)
	}
	b.Profile = name
	b.Planner.Decide("profile", name, b.Planner.Origin("build.release_env"))
	return nil
}

// elixirs are plugins that compile dependencies in Elixir.
var elixirs = []string{"rebar_mix", "rebar3_elixir", "rebar3_elixir_compile", "rebar_elixir_plugin"}

// Asks is what is asked of a toolchain: no Elixir, but by plugins that compile it, and
// an Erlang that is new enough.
func (b *Common) Asks() tool.Elixir {
	asks := relx.Elixir()
	asks.Least = b.Project.least()
	bare := asks.Image
	asks.Image = func(otp string) string {
		for _, p := range b.Project.config.plugins() {
			if slices.Contains(elixirs, p.Name) {
				b.Planner.Note("the plugin " + p.Name + " compiles Elixir, which images of Erlang alone do not have: --toolchain image:REF names one with both and rebar3, such as one of Docker's elixir")
			}
		}
		return bare(otp)
	}
	return asks
}

// least is the oldest Erlang that rebar3 is told to go on with.
func (p *Project) least() project.Version {
	if v := p.config.text("minimum_otp_vsn"); numbers.MatchString(v) {
		return project.Version{Version: v, File: File}
	}
	return project.Version{}
}

// numbers is a version, in whole or in part.
var numbers = regexp.MustCompile(`^\d{1,4}(\.\d{1,6}){0,5}$`)

// Decide decides what is fetched, and says which native code is compiled.
func (b *Common) Decide(online string) tool.Work {
	remote := b.remote()
	b.Project.facts.Deps = remote
	switch {
	case len(remote) > 0:
		b.Planner.Decide("fetch", "rebar3 get-deps, "+online, "dependencies and plugins: "+tool.Some(names(remote), 6))
	case b.fetch:
		b.Planner.Decide("fetch", "rebar3 get-deps, "+online, Script+" computes what there is")
	default:
		b.Planner.Decide("fetch", "no", "no dependency and no plugin comes over the network")
	}
	if b.deps && !b.Project.facts.HasLock {
		b.Planner.Note("there is no " + Lock + ": run `rebar3 get-deps` and commit it, or builds may differ")
	}
	if code := b.Project.facts.NativeCode; len(code) > 0 {
		b.Planner.Decide("native code", "compiled in the toolchain", tool.Some(code, 6))
	}
	b.needs()
	b.gaps()
	tool.Dockerfile{Facts: b.Project.facts, Planner: b.Planner, Before: relx.BeforeStart}.Read()
	return tool.Work{Fetch: b.fetch, Locked: b.Project.facts.HasLock || !b.deps}
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
func (b *Common) remote() []project.Dep {
	p := b.Project
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
	for _, c := range slices.Concat([]config{p.config}, p.apps, p.lent) {
		b.deps = add(c.deps("deps")) || b.deps
		add(c.deps("plugins"))
	}
	add(p.config.deps("project_plugins")) // those of applications are for who works on them alone
	mine := p.config.profile(b.Profile)
	b.extra = add(slices.Concat(mine.deps("deps"), mine.plugins())) || p.script
	b.fetch = len(out) > 0 || p.script
	return out
}

// needs says what the steps call that a toolchain may lack.
func (b *Common) needs() {
	relx.NeedGit(b.Planner, b.Project.facts.Deps)
	for _, c := range b.Project.calls {
		b.Planner.Need(c)
	}
	tool.NeedMakers(b.Planner, slices.Compact(slices.Sorted(slices.Values(append(names(b.Project.facts.Deps), b.Project.facts.Locked...)))))
}

// gaps notes what hooks want that a build does not have, and what makes something else
// of the project than a release for Linux.
func (b *Common) gaps() {
	p := b.Project
	if p.asksGit != "" && !p.git {
		b.Planner.Note(p.asksGit + " asks git, and the build sees no .git: let it in by a .dockerignore that does not exclude it")
	}
	for _, what := range slices.Compact(slices.Sorted(slices.Values(p.online))) {
		if b.Planner.Settings().BuildNetwork != "host" {
			b.Planner.Note(what + ", and compiling has no network; where that has to be, --build-network host gives it one")
		}
	}
	for _, plugin := range p.config.plugins() {
		if plugin.Name == "rebar3_grisp" {
			b.Planner.Note("this is firmware for boards of GRiSP, which `rebar3 grisp deploy` makes with an Erlang for these: what dram makes is a release for Linux")
		}
	}
}

// Escript is the name of the escript that the project makes; ok is false if it makes
// none, or releases. It is "" where a script has a say in it.
func (p *Project) Escript() (name string, ok bool) {
	text := func(key string) string {
		for _, t := range p.config.terms {
			pair, ok := beam.AsTuple(t, key, 2)
			if !ok {
				continue
			}
			if a, ok := pair[1].(beam.Atom); ok {
				return string(a)
			}
			text, _ := beam.Text(pair[1])
			return text
		}
		return ""
	}
	if !slices.ContainsFunc(p.config.terms, func(t beam.Term) bool { return strings.HasPrefix(relx.Key(t), "escript_") }) {
		return "", false
	}
	for _, profile := range append([]string{usual}, p.config.profiles()...) {
		if len(p.relxOf(profile).Names()) > 0 {
			return "", false
		}
	}
	return cmp.Or(text("escript_name"), text("escript_main_app"), p.facts.App), true
}
