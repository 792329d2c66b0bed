package pipeline

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"dram/internal/config"
	"dram/internal/output"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/tool"
	"dram/internal/tool/tools"
)

// Matrix is several builds of one project: releases × platforms.
type Matrix struct {
	Plans []*plan.Plan // by release, then by platform, as they were asked for
	p     *Pipeline
}

// PlanMatrix decides how each of the releases and platforms that were asked for
// is built.
func (p *Pipeline) PlanMatrix(ctx context.Context, dir string, cfg config.Config) (*Matrix, error) {
	return p.planMatrix(ctx, dir, cfg, func(tool.Project) ([]string, error) { return cfg.Releases, nil })
}

// PlanAllReleases does so for each release that the project declares.
func (p *Pipeline) PlanAllReleases(ctx context.Context, dir string, cfg config.Config) (*Matrix, error) {
	return p.planMatrix(ctx, dir, cfg, tool.Project.Releases)
}

func (p *Pipeline) planMatrix(ctx context.Context, dir string, cfg config.Config, wanted func(tool.Project) ([]string, error)) (*Matrix, error) {
	stage := p.UI.Start("plan", dir)
	proj, err := tools.Read(dir, plan.Given(cfg))
	if err != nil {
		return nil, err
	}
	releases, err := wanted(proj)
	if err != nil {
		return nil, err
	}
	m := &Matrix{p: p}
	var notes []string
	for _, release := range orNone(releases) {
		for _, platform := range orNone(cfg.Platforms) {
			pl, err := p.at(platform).plan(ctx, proj, cfg.For(release, platform), nil)
			if err != nil {
				return nil, err
			}
			m.Plans = append(m.Plans, pl)
			for _, note := range pl.Notes {
				if !slices.Contains(notes, note) {
					notes = append(notes, note)
				}
			}
		}
	}
	stage.Done("%s", m.summary())
	for _, note := range notes {
		p.UI.Warn("%s", note)
	}
	return m, nil
}

// orNone is what was asked for, or once nothing.
func orNone(asked []string) []string {
	if len(asked) == 0 {
		return []string{""}
	}
	return asked
}

func (m *Matrix) summary() string {
	var names []string
	for _, pl := range m.Plans {
		names = append(names, buildName(pl))
	}
	what := strings.Join(names, ", ")
	if engine := m.Plans[0].Engine; len(names) > 1 {
		return fmt.Sprintf("%d builds on engine %s: %s", len(names), engine, what)
	}
	return what
}

// buildName is what a build of several is called.
func buildName(pl *plan.Plan) string { return pl.Release + " " + pl.Platform }

// atOnce is how many builds go on at the same time: as many as the builders
// take, and some more that are unpacked, bottled and written here meanwhile; one
// where this machine builds.
func (m *Matrix) atOnce() int {
	eng, err := m.p.engine(m.Plans[0].Engine)
	if pool, ok := eng.(interface{ Slots() int }); ok && err == nil {
		return pool.Slots() + runtime.GOMAXPROCS(0)
	}
	return 1
}

// Done is told of a build whose outputs are written.
type Done func(b *output.Build, written []output.Written)

// Build builds all, writes of each the outputs as it comes, and tells done. A build
// that fails lets the others go on; the error says what became of each that failed,
// and has the kind of the first.
func (m *Matrix) Build(ctx context.Context, outs output.Outputs, done Done) error {
	errs := make([]error, len(m.Plans))
	var group errgroup.Group
	group.SetLimit(m.atOnce())
	for i, pl := range m.Plans {
		group.Go(func() error {
			errs[i] = m.build(ctx, pl, outs, done)
			return nil
		})
	}
	_ = group.Wait() // each has its own error
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return m.failed(errs)
}

// build builds one.
func (m *Matrix) build(ctx context.Context, pl *plan.Plan, outs output.Outputs, done Done) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p := m.p.at(pl.Platform).With(m.p.UI.Job(buildName(pl)))
	defer p.UI.Leave()
	r, err := p.Build(ctx, pl, outs)
	if err != nil {
		return err
	}
	written, err := p.Write(ctx, pl, r, outs)
	if err != nil {
		return err
	}
	done(m.p.finished(pl, r), written)
	return nil
}

// failed is what is said at the end: each error, once for all builds that it
// ended.
func (m *Matrix) failed(errs []error) error {
	var says, hints []string
	names := map[string][]string{}
	var failed []error
	for i, err := range errs {
		if err == nil {
			continue
		}
		failed = append(failed, err)
		if names[err.Error()] == nil {
			says = append(says, err.Error())
		}
		names[err.Error()] = append(names[err.Error()], buildName(m.Plans[i]))
		if hint := problem.Hint(err); hint != "" && !slices.Contains(hints, hint) {
			hints = append(hints, hint)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	for i, text := range says {
		says[i] = strings.Join(names[text], ", ") + ": " + text
	}
	return &problem.Error{Kind: problem.Kind(problem.Code(failed[0])), Hint: strings.Join(hints, "\n"), Err: &several{
		fmt.Sprintf("%d of %d builds failed:\n  %s", len(failed), len(errs), strings.Join(says, "\n  ")), failed,
	}}
}

// several is the errors of several builds.
type several struct {
	says string
	errs []error
}

func (s *several) Error() string   { return s.says }
func (s *several) Unwrap() []error { return s.errs }
