package pipeline

import (
	"context"

	"dram/internal/daemon"
	"dram/internal/engine"
	"dram/internal/engine/buildkit"
	"dram/internal/plan"
	"dram/internal/toolchain"
)

// Job is what the plan comes to, to be written down: no secret of this
// environment is in it.
func (p *Pipeline) Job(ctx context.Context, pl *plan.Plan) (engine.Job, error) {
	src, err := p.readSource(ctx, pl)
	if err != nil {
		return engine.Job{}, err
	}
	tc, err := p.OpenToolchain(ctx, pl.Toolchain, pl.Additions)
	if err != nil {
		return engine.Job{}, err
	}
	root, facts, err := p.unpack(ctx, tc)
	if err != nil {
		return engine.Job{}, p.diskFull(err)
	}
	return pl.Job(tc, root, facts, src, nil), nil
}

// LoadToolchain puts a toolchain into a Docker daemon under a tag, unless it is
// there.
func (p *Pipeline) LoadToolchain(ctx context.Context, d *daemon.Client, tc *toolchain.Toolchain, tag string) error {
	stage := p.UI.Start("load", tag)
	stage.Update(tc.Name)
	err := buildkit.Load(ctx, d, engine.Toolchain{ID: tc.ID, Name: tc.Ref.String(), Pull: tc.Pull(), Image: tc.Image}, tag)
	if err != nil {
		return p.diskFull(err)
	}
	stage.Done("%s is in %s as %s", tc.Name, d.Name(), tag)
	return nil
}
