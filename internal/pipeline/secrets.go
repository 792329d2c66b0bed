package pipeline

import (
	"context"

	"dram/internal/plan"
	"dram/internal/source"
)

// readSource finds what a build by the plan sees.
func (p *Pipeline) readSource(ctx context.Context, pl *plan.Plan) (*source.Tree, error) {
	return source.Read(ctx, pl.Dir, source.Options{Output: pl.OutputDir, Store: p.Store, Secrets: pl.Config().Secrets})
}
