package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"

	"dram/internal/config"
	"dram/internal/engine/buildkit"
	"dram/internal/engine/pool"
	"dram/internal/pipeline"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/sandbox"
	"dram/internal/store"
	"dram/internal/ui"
)

// builders is the engine of the builders that dram.toml names.
func builders(st *store.Store, u *ui.UI, c config.Config) pipeline.EngineOption {
	var workers []pool.Worker
	for _, b := range c.Builders {
		at := addressOf(b)
		workers = append(workers, pool.Worker{
			Name: b.Name, Engine: buildkit.New(st, at), Weight: b.Weight, Platforms: b.Platforms,
			Probe: func(ctx context.Context) ([]string, error) {
				info, err := buildkit.Probe(ctx, at)
				return info.Platforms, err
			},
		})
	}
	return pipeline.EngineOption{
		Name: plan.BuildKitEngine, Asked: config.FileName + " names builders",
		Engine: pool.New(workers, pool.Options{Excluded: func(name string, why error) {
			u.Warn("builder %s is left out from now on: %v", name, why)
		}}),
		Needs: func(ctx context.Context) []sandbox.Precondition { return builderNeeds(ctx, c.Builders) },
	}
}

func addressOf(b config.Builder) buildkit.Address {
	return buildkit.Address{
		URL: b.Address, Environ: os.Environ(),
		TLS: buildkit.TLS{CA: b.CA, Cert: b.Cert, Key: b.Key, ServerName: b.ServerName},
	}
}

// builderNeeds tries every builder, all at the same time.
func builderNeeds(ctx context.Context, list []config.Builder) []sandbox.Precondition {
	out := make([]sandbox.Precondition, len(list))
	var group sync.WaitGroup
	for i, b := range list {
		group.Go(func() {
			out[i] = sandbox.Precondition{Name: "builder " + b.Name}
			info, err := buildkit.Probe(ctx, addressOf(b))
			if err != nil {
				out[i].Detail, out[i].Remedy = err.Error(), problem.Hint(err)
				return
			}
			does := info.Platforms
			if len(b.Platforms) > 0 {
				does = b.Platforms
			}
			out[i].OK = true
			out[i].Detail = fmt.Sprintf("%s at %s, weight %d, for %s", info.Name, info.Address, b.Weight, strings.Join(does, ", "))
		})
	}
	group.Wait()
	return out
}
