package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/config"
	"dram/internal/distro/distros"
	"dram/internal/engine"
	"dram/internal/engine/pool"
	"dram/internal/output"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/store"
	"dram/internal/toolchain"
	"dram/internal/ui"
)

// planner is a pipeline that plans.
func planner(t *testing.T, options ...EngineOption) *Pipeline {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &Pipeline{
		Host: "amd64", Store: st, UI: ui.New(&strings.Builder{}, ui.Options{}), Toolchains: &toolchain.Provider{Store: st, Arch: "amd64", Distros: distros.All()}, Engines: options,
	}
}

func mixProject(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	const mix = `defmodule App.MixProject do
  use Mix.Project
  def project, do: [app: :app, version: "0.1.0", deps: [], releases: [web: [], worker: [version: "2.0.0"]]]
end
`
	if err := os.WriteFile(filepath.Join(dir, "mix.exs"), []byte(mix), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Releases × platforms, by release; what was asked for twice or not at all is one
// build.
func TestPlanMatrix(t *testing.T) {
	p := planner(t, EngineOption{Name: "buildkit", Asked: "dram.toml names builders"})
	dir := mixProject(t)
	base := config.Config{Toolchain: "distro:debian/13"}
	for _, tt := range []struct {
		name                string
		releases, platforms []string
		all                 bool
		want                []string
	}{
		{"all", nil, nil, true, []string{"web linux/amd64 web.tar.gz", "worker linux/amd64 worker.tar.gz"}},
		{"one of two platforms", []string{"web"}, []string{"linux/arm64"}, false, []string{"web linux/arm64 web.tar.gz"}},
		{
			"two of two", nil,
			[]string{"linux/amd64", "linux/arm64"},
			true,
			[]string{
				"web linux/amd64 web-linux-amd64.tar.gz", "web linux/arm64 web-linux-arm64.tar.gz",
				"worker linux/amd64 worker-linux-amd64.tar.gz", "worker linux/arm64 worker-linux-arm64.tar.gz",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := base
			cfg.Releases, cfg.Platforms = tt.releases, tt.platforms
			decide := p.PlanMatrix
			if tt.all {
				decide = p.PlanAllReleases
			}
			m, err := decide(t.Context(), dir, cfg)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, pl := range m.Plans {
				got = append(got, fmt.Sprintf("%s %s %s", pl.Release, pl.Platform, filepath.Base(pl.TarballPath(pl.Version))))
				if pl.Engine != "buildkit" {
					t.Errorf("engine %q", pl.Engine)
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// How many builds go on at once is the engine's to say.
func TestAtOnce(t *testing.T) {
	one := &Matrix{p: planner(t, EngineOption{Name: "native", Engine: refusing{}}), Plans: []*plan.Plan{{Engine: "native"}}}
	if n := one.atOnce(); n != 1 {
		t.Errorf("%d builds at once on this machine", n)
	}
	workers := []pool.Worker{{Name: "a", Weight: 3}, {Name: "b", Weight: 2}}
	many := &Matrix{p: planner(t, EngineOption{Name: "buildkit", Engine: pool.New(workers, pool.Options{})}), Plans: []*plan.Plan{{Engine: "buildkit"}}}
	if n := many.atOnce(); n < 6 {
		t.Errorf("%d builds at once with 5 places at builders", n)
	}
}

type refusing struct{}

func (refusing) Run(context.Context, engine.Job, engine.Events) (*engine.Result, error) {
	return nil, errors.New("it does not run")
}

// The end of several builds: the kind of the first failure, each error once with
// the builds that it ended, each hint once.
func TestSeveralFailures(t *testing.T) {
	m := &Matrix{Plans: []*plan.Plan{
		{Release: "a", Platform: "linux/amd64"}, {Release: "b", Platform: "linux/amd64"}, {Release: "c", Platform: "linux/amd64"}, {Release: "d", Platform: "linux/amd64"},
	}}
	none := problem.New(problem.Environment, "start one", "no builder is left")
	err := m.failed([]error{nil, problem.New(problem.Build, "mend it", "step failed"), none, none})
	const says = "3 of 4 builds failed:\n  b linux/amd64: step failed\n  c linux/amd64, d linux/amd64: no builder is left"
	if err.Error() != says || problem.Code(err) != 4 || problem.Hint(err) != "mend it\nstart one" {
		t.Errorf("exit %d, %q, hint %q", problem.Code(err), err, problem.Hint(err))
	}
	if err := m.failed(make([]error, 4)); err != nil {
		t.Errorf("nothing failed, and yet: %v", err)
	}
	refused := &Refused{Err: problem.New(problem.Check, "", "it does not fit")}
	if as, ok := errors.AsType[*Refused](m.failed([]error{refused})); !ok || as != refused {
		t.Error("a refusal's report is lost")
	}
}

// Cancelling starts nothing more, and is what is told.
func TestCancelledMatrix(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := &Matrix{p: planner(t, EngineOption{Name: "native", Engine: refusing{}}), Plans: []*plan.Plan{{Engine: "native"}, {Engine: "native"}}}
	var called atomic.Int32
	err := m.Build(ctx, output.Usual(), func([]*output.Build, []output.Written) { called.Add(1) })
	if !errors.Is(err, context.Canceled) || called.Load() != 0 {
		t.Errorf("%v, %d results", err, called.Load())
	}
}
