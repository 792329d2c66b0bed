package rebar3

import (
	"cmp"
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
		return problem.New(problem.Usage, "choose one of: "+strings.Join(known, ", "), "%s has no profile %q", File, name)
	}
	if err := grammar.Name(name); err != nil {
		return problem.New(problem.Usage, tool.NameHint, "the profile of %s: %w", File, err)
	}
	b.Profile = name
	b.Planner.Decide("profile", name, b.Planner.Origin("build.release_env"))
	return nil
}

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
	for _, c := range append([]config{p.config}, p.apps...) {
		b.deps = add(c.deps("deps")) || b.deps
		add(c.plugins())
	}
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
