// Package pipeline puts the stages in sequence: plan → build → image →
// publish, and run. It decides nothing: the plan does.
package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"dram/internal/check"
	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/distro/distros"
	"dram/internal/output"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/store"
	"dram/internal/target"
	"dram/internal/tool"
	"dram/internal/toolchain"
	"dram/internal/ui"
	"dram/internal/upstream"
)

// Pipeline holds what the stages need. Its methods may be called concurrently.
type Pipeline struct {
	Store      *store.Store
	UI         *ui.UI
	Toolchains *toolchain.Provider
	Engines    []EngineOption // in the order in which auto tries them
	Environ    []string       // dram's own environment
	Version    string         // dram's own
	Host       string         // the architecture that compiles, as Go names it; "" for this machine's
	Refresh    bool           // ask archives and registries again
}

// With is the pipeline with another UI: of one of several builds, say.
func (p *Pipeline) With(u *ui.UI) *Pipeline {
	other := *p
	other.UI = u
	return &other
}

// host is the architecture that compiles.
func (p *Pipeline) host() string { return cmp.Or(p.Host, runtime.GOARCH) }

// at is the pipeline for a platform, "" for the same.
func (p *Pipeline) at(platform string) *Pipeline {
	_, arch, _ := strings.Cut(platform, "/")
	if arch == "" || arch == p.Toolchains.Arch {
		return p
	}
	other := *p
	other.Toolchains = p.Toolchains.For(arch)
	return &other
}

// asking is the pipeline that asks archives and registries again.
func (p *Pipeline) asking() *Pipeline {
	other := *p
	other.Refresh = true
	return &other
}

// Plan reads the project in dir and decides how it is built. Nothing is
// changed but the cache's knowledge of archives and registries.
func (p *Pipeline) Plan(ctx context.Context, dir string, cfg config.Config) (*plan.Plan, error) {
	proj, cfg, err := read(dir, cfg)
	if err != nil {
		return nil, err
	}
	return p.PlanProject(ctx, proj, cfg)
}

// PlanProject decides for a project that was read. As plan.Make has it, there may be a
// plan beside an error.
func (p *Pipeline) PlanProject(ctx context.Context, proj tool.Project, cfg config.Config) (*plan.Plan, error) {
	stage := p.UI.Start("plan", proj.Facts().Dir)
	pl, err := p.plan(ctx, proj, cfg, progress(stage))
	if err != nil {
		return pl, err
	}
	stage.Done("%s %s, %s", pl.Release, pl.Version, pl.Toolchain)
	for _, note := range pl.Notes {
		p.UI.Warn("%s", note)
	}
	return pl, nil
}

func (p *Pipeline) plan(ctx context.Context, proj tool.Project, cfg config.Config, tell toolchain.Progress) (*plan.Plan, error) {
	where, err := plan.CheckTarget(cfg)
	if err != nil {
		return nil, err
	}
	if err := possible(plan.CheckSettings{Target: where, Allow: cfg.Allow}); err != nil {
		return nil, err
	}
	pl, err := p.decide(ctx, p.inputs(proj, cfg, tell))
	if err != nil {
		return pl, err
	}
	if _, err := p.base(ctx, pl); err != nil {
		return pl, err
	}
	return pl, output.Usual().Check(pl)
}

// decide makes a plan for the place where the release is to run.
func (p *Pipeline) decide(ctx context.Context, in plan.Inputs) (*plan.Plan, error) {
	place, done, err := p.place(ctx, in.Config.RunsOn)
	if err != nil {
		return nil, err
	}
	defer done()
	in.Place = place
	pl, err := plan.Make(ctx, in)
	if err != nil {
		return pl, err
	}
	return pl, p.checkRef(pl.Toolchain)
}

// inputs is what a plan of the project is made from.
func (p *Pipeline) inputs(proj tool.Project, cfg config.Config, tell toolchain.Progress) plan.Inputs {
	in := plan.Inputs{
		Project: proj, Config: cfg, Arch: p.Toolchains.Arch, Host: p.host(),
		Distro: p.Toolchains.Distros.Default().Info(), Engine: p.chooseEngine,
		Versions: func(ctx context.Context, suite string) (distro.Versions, error) {
			return p.Toolchains.Versions(ctx, suite, tell)
		},
		Tags: func(ctx context.Context, repository, prefix string) ([]string, error) {
			return p.Toolchains.Tags(ctx, repository, toolchain.Options{Refresh: p.Refresh, Progress: tell, Prefix: prefix})
		},
		Upstream: func(ctx context.Context, w upstream.Wanted) (upstream.File, error) {
			return p.Toolchains.FindUpstream(ctx, w, tell)
		},
		Took: p.Toolchains.Took,
	}
	in.Added = func(r ref.Ref, a plan.Additions) string { return p.Toolchains.Added(r, a.Options()) }
	return in
}

// possible finds settings of the check that cannot be, before anything is asked or
// done.
func possible(set plan.CheckSettings) error {
	if err := check.Known(set.Allow); err != nil || set.Target == "" {
		return err
	}
	return target.Check(set.Target, toolchain.HasDistro)
}

// checkRef finds a reference that cannot be before anything is done with it.
func (p *Pipeline) checkRef(s string) error {
	parsed, err := toolchain.ParseRef(s)
	if err != nil {
		return err
	}
	return p.Toolchains.Known(parsed)
}

// OpenToolchain resolves a reference, with what is added. Nothing is unpacked yet, but
// for an image that something is added to: what it has is read of its files.
func (p *Pipeline) OpenToolchain(ctx context.Context, ref string, add plan.Additions) (*toolchain.Toolchain, error) {
	parsed, err := toolchain.ParseRef(ref)
	if err != nil {
		return nil, err
	}
	stage := p.UI.Start("toolchain", ref)
	opts := add.Options()
	opts.Refresh, opts.Progress = p.Refresh, progress(stage)
	tc, err := p.Toolchains.Open(ctx, parsed, opts)
	stage.Update("")
	return tc, err
}

// unpack makes the toolchain's root, if it is not there, and reads its facts.
func (p *Pipeline) unpack(ctx context.Context, tc *toolchain.Toolchain) (root string, facts toolchain.Facts, err error) {
	stage := p.UI.Start("toolchain", tc.Name)
	if root, err = tc.Unpack(ctx, progress(stage)); err != nil {
		return "", facts, err
	}
	if facts, err = tc.Facts(ctx); err != nil {
		return "", facts, err
	}
	how := "from the cache"
	if tc.Fresh() {
		how = "unpacked"
	}
	stage.Done("%s: OTP %s, Elixir %s; %s", tc.Name, facts.OTP, facts.Elixir, how)
	if facts.OTP == "" || facts.Elixir == "" {
		return "", facts, problem.New(problem.Usage, "choose a toolchain with both, as "+distros.All().Example(),
			"toolchain %s has no Erlang or no Elixir where dram looks for them", tc.Ref)
	}
	return root, facts, nil
}

// progress shows in a stage what goes on.
func progress(stage *ui.Stage) toolchain.Progress {
	return func(format string, args ...any) { stage.Update(fmt.Sprintf(format, args...)) }
}

// diskFull makes "no space left" a problem of the environment, wherever it
// came up.
func (p *Pipeline) diskFull(err error) error {
	var known *problem.Error
	if err == nil || !errors.Is(err, errNoSpace) || errors.As(err, &known) && known.Kind == problem.Environment {
		return err // a limit on namespaces has the same number, and what sees it says more
	}
	return problem.New(problem.Environment,
		"make room, run `dram cache prune`, or set DRAM_CACHE_DIR to a larger disk (the cache is at "+p.Store.Dir()+")",
		"the disk is full: %w", err)
}
