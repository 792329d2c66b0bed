package cli

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"slices"

	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/engine/buildkit"
	"dram/internal/engine/host"
	"dram/internal/engine/native"
	"dram/internal/pipeline"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/sandbox"
	"dram/internal/store"
	"dram/internal/ui"
)

// engines is what builds, in the order in which auto tries it; the host engine,
// which isolates nothing, it leaves to those who ask for it. Where dram.toml
// names builders, they are what BuildKit means.
func engines(st *store.Store, u *ui.UI, c config.Config) []pipeline.EngineOption {
	options := []pipeline.EngineOption{
		{
			Name: "native", Engine: native.New(st), Why: "dram's own sandbox works here",
			Needs: func(ctx context.Context) []sandbox.Precondition { return nativeNeeds(ctx, st) },
		},
		{
			Name: "buildkit", Engine: buildkit.New(st, builderAddress()), Why: "a builder answers",
			Needs: func(ctx context.Context) []sandbox.Precondition { return []sandbox.Precondition{buildkitNeed(ctx)} },
		},
		{
			Name: "host", ByName: "every step runs as you, outside any sandbox",
			Engine: host.New(st, host.Options{Note: func(dir string, why error) {
				u.Warn("building in %s, not in /app (%v): paths in the release may differ from those of other engines", dir, why)
			}}),
			Needs: func(context.Context) []sandbox.Precondition { return hostNeeds() },
		},
	}
	if len(c.Builders) > 0 {
		options[slices.IndexFunc(options, isBuildKit)] = builders(st, u, c)
	}
	return options
}

func isBuildKit(o pipeline.EngineOption) bool { return o.Name == plan.BuildKitEngine }

func nativeNeeds(ctx context.Context, st *store.Store) []sandbox.Precondition {
	scratch, done, err := st.TempDir("doctor")
	if err != nil {
		return []sandbox.Precondition{{Name: "cache", Detail: err.Error(), Remedy: "make it writable, or set DRAM_CACHE_DIR"}}
	}
	defer done()
	return sandbox.Preconditions(ctx, scratch)
}

// builderAddress is where the environment says that the builder is.
func builderAddress() buildkit.Address { return buildkit.Address{Environ: os.Environ()} }

// configurer runs the scripts of a distribution's packages where there is no
// sandbox: at the builder. nil stands for the sandbox.
func configurer(st *store.Store) distro.Configurer {
	if runtime.GOOS == "linux" {
		return nil
	}
	return buildkit.NewConfigurer(st, builderAddress())
}

func buildkitNeed(ctx context.Context) sandbox.Precondition {
	b, err := buildkit.Probe(ctx, builderAddress())
	if err != nil {
		return sandbox.Precondition{Name: "builder", Detail: err.Error(), Remedy: problem.Hint(err)}
	}
	return sandbox.Precondition{Name: "builder", OK: true, Detail: b.Name + " at " + b.Address}
}

func hostNeeds() []sandbox.Precondition {
	var out []sandbox.Precondition
	for _, name := range []string{"erl", "elixir", "mix"} {
		p := sandbox.Precondition{Name: name, Remedy: "install Erlang and Elixir here, in the versions that the project asks for, or use another engine"}
		at, err := exec.LookPath(name)
		if p.OK = err == nil; p.OK {
			p.Detail = at
		} else {
			p.Detail = "not found in PATH"
		}
		out = append(out, p)
	}
	return out
}
