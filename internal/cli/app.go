package cli

import (
	"context"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/distro/distros"
	"dram/internal/httpbound"
	"dram/internal/pipeline"
	"dram/internal/plan"
	"dram/internal/toolchain"
	"dram/internal/ui"
)

// app is dram for one call: the settings, loaded once, and the parts that they make,
// here and nowhere else.
type app struct {
	*pipeline.Pipeline
	settings config.Config
}

// open is dram with the settings for the project in dir.
func (g *globals) open(cmd *cobra.Command, dir string) (*app, error) {
	c, err := g.config(cmd, dir)
	if err != nil {
		return nil, err
	}
	return g.with(c)
}

// with is dram with these settings.
func (g *globals) with(c config.Config) (*app, error) {
	st, err := g.beginStore()
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: httpbound.Base()}
	u := g.progress()
	return &app{settings: c, Pipeline: &pipeline.Pipeline{
		Store: st,
		UI:    u,
		Toolchains: &toolchain.Provider{
			Store: st, HTTP: client, Arch: architecture(c.Platform()), Distros: distros.All(),
			Mirror: distro.Mirror{Archive: c.Mirror, Security: c.SecurityMirror}, Etc: os.DirFS("/etc"),
			Sources: c.Sources, Checksums: c.SourceChecksums(),
			AllowExpired: c.Expired == "allow", Configure: configurer(st), Warn: u.Warn,
		},
		Engines: engines(st, u, c),
		Environ: os.Environ(),
		Version: version,
		Refresh: g.refresh,
	}}, nil
}

// plannedWith is what most commands begin with: the project's plan.
func (g *globals) plannedWith(ctx context.Context, c config.Config, dir string) (*app, *plan.Plan, error) {
	if err := one(c); err != nil {
		return nil, nil, err
	}
	a, err := g.with(c)
	if err != nil {
		return nil, nil, err
	}
	pl, err := a.Plan(ctx, dir, c)
	return a, pl, err
}

// progress is told to stderr, as the flags say.
func (g *globals) progress() *ui.UI {
	return ui.New(g.std.Err, ui.Options{Verbose: g.verbose, Quiet: g.quiet})
}
