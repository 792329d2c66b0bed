package pipeline

import (
	"cmp"
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
	proj, cfg, err := read(dir, cfg)
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

// Done is told of a release whose outputs are written: of its builds, one for each
// platform.
type Done func(builds []*output.Build, written []output.Written)

// Build builds all, writes the outputs of each release when it is built for all of its
// platforms, in the order in which they were asked for, and tells done. A build that fails
// lets the others go on, and nothing of its release is written; the error says what became
// of each that failed, and has the kind of the first.
func (m *Matrix) Build(ctx context.Context, outs output.Outputs, done Done) error {
	early, err := m.prefetch(ctx)
	if err != nil {
		return err
	}
	errs := make([]error, len(m.Plans))
	made := make([]*output.Build, len(m.Plans))
	ended := make([]chan struct{}, len(m.Plans))
	for i := range ended {
		ended[i] = make(chan struct{})
	}
	var group errgroup.Group
	group.SetLimit(m.atOnce())
	go func() {
		for i, pl := range m.Plans {
			group.Go(func() error {
				defer close(ended[i])
				made[i], errs[i] = m.build(ctx, pl, outs)
				return nil
			})
		}
	}()
	for _, part := range m.releases() {
		for i := part.from; i < part.to; i++ {
			<-ended[i]
		}
		errs[part.from] = cmp.Or(errs[part.from], m.write(ctx, made[part.from:part.to], outs, done))
	}
	early()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return m.failed(errs)
}

// span is which of the plans are of one release.
type span struct{ from, to int }

func (m *Matrix) releases() (out []span) {
	for i, pl := range m.Plans {
		if i == 0 || pl.Release != m.Plans[i-1].Release {
			out = append(out, span{i, i})
		}
		out[len(out)-1].to = i + 1
	}
	return out
}

// build builds one.
func (m *Matrix) build(ctx context.Context, pl *plan.Plan, outs output.Outputs) (*output.Build, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	p := m.p.at(pl.Platform).With(m.p.UI.Job(buildName(pl)))
	defer p.UI.Leave()
	r, err := p.Build(ctx, pl, outs)
	if err != nil {
		return nil, err
	}
	return p.finished(pl, r), nil
}

// write writes the outputs of one release, if it was built for all its platforms.
func (m *Matrix) write(ctx context.Context, builds []*output.Build, outs output.Outputs, done Done) error {
	if ctx.Err() != nil || slices.Contains(builds, nil) {
		return nil // why is told where it failed
	}
	for _, b := range builds {
		b.UI = m.p.UI.Job(b.Release)
	}
	defer builds[0].UI.Leave()
	var written []output.Written
	var err error
	if len(builds) == 1 {
		written, err = outs.Write(ctx, builds[0])
	} else {
		written, err = outs.WriteIndex(ctx, builds)
	}
	if err == nil {
		done(builds, written)
	}
	return err
}

// prefetch unpacks, while the first builds go on, what later ones take of other
// platforms: what these lack is known before anything is built. What it gives waits for
// the end. Who builds with it says what went wrong while it was unpacked.
func (m *Matrix) prefetch(ctx context.Context) (wait func(), err error) {
	var group errgroup.Group
	for _, pl := range m.Plans {
		if pl.Across == nil {
			continue
		}
		p := m.p.at(pl.Platform).With(m.p.UI.Job(buildName(pl)))
		tc, err := p.OpenToolchain(ctx, pl.Toolchain, pl.Across.Runtime)
		p.UI.Leave()
		if err != nil {
			_ = group.Wait() // what was begun is kept
			return nil, p.diskFull(err)
		}
		group.Go(func() error {
			_, err := tc.Unpack(ctx, nil)
			return err
		})
	}
	return func() { _ = group.Wait() }, nil
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
