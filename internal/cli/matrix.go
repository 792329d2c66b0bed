package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"dram/internal/config"
	"dram/internal/pipeline"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/ui"
)

// matrix is dram image for several releases or platforms.
type matrix struct {
	all bool // every release that the project declares
	out string
}

// asked says whether several builds were asked for, or may have been: what is
// printed depends on that, and not on how many the project has.
func (m *matrix) asked(c config.Config) bool {
	return m.all || len(c.Releases) > 1 || len(c.Platforms) > 1
}

// check finds before the build what would fail after it.
func (m *matrix) check(c config.Config) error {
	if m.all && len(c.Releases) > 0 && strings.HasPrefix(c.Origin("release"), "--") {
		return problem.New(problem.Usage, "leave one of them out", "--all-releases and --release exclude one another")
	}
	if m.out != "" && !strings.HasPrefix(m.out, "oci:") {
		return problem.New(problem.Usage, "leave -o out, or write to an image layout: -o oci:DIR", "%q is one file, and there is an image a release and platform", m.out)
	}
	if m.out != "" {
		return pipeline.CheckOutput(m.out)
	}
	return nil
}

// built is what is written, and what stdout says of it.
type built struct {
	mu      sync.Mutex
	results map[*plan.Plan]*pipeline.Result
}

// run builds all and prints a line for each image that was written: its digest,
// release, version and platform. What failed is told after that.
func (m *matrix) run(ctx context.Context, p *pipeline.Pipeline, stdout io.Writer, dir string, c config.Config) error {
	start := time.Now()
	builds, err := p.PlanMatrix(ctx, dir, c, m.all)
	if err != nil {
		return err
	}
	b := &built{results: map[*plan.Plan]*pipeline.Result{}}
	failed := builds.Build(ctx, func(ctx context.Context, pl *plan.Plan, r *pipeline.Result) error {
		if err := m.write(ctx, p, pl, r); err != nil {
			return err
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.results[pl] = r
		return nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if m.out != "" {
		if err := m.writeLayout(ctx, p, builds.Plans, b); err != nil {
			return err
		}
	}
	for _, pl := range builds.Plans {
		if r := b.results[pl]; r != nil {
			if _, err := fmt.Fprintf(stdout, "%s  %s %s %s\n", r.Image, r.Release, r.Version, pl.Platform); err != nil {
				return err
			}
		}
	}
	p.UI.Note("%d of %d done in %s", len(b.results), len(builds.Plans), ui.Seconds(time.Since(start)))
	return failed
}

// write writes one build's tarball, and its image unless that goes into a layout
// with the others.
func (m *matrix) write(ctx context.Context, p *pipeline.Pipeline, pl *plan.Plan, r *pipeline.Result) error {
	if m.out != "" {
		_, err := p.WriteTarball(ctx, pl, r)
		return err
	}
	_, out, err := p.Write(ctx, pl, r, "")
	if err == nil {
		p.UI.Note("%-10s %s, %s", "image", relative(out), ui.Bytes(r.ImageSize()))
	}
	return err
}

// writeLayout puts the images into one layout: each release's for all platforms,
// or none of it if one of its builds failed.
func (m *matrix) writeLayout(ctx context.Context, p *pipeline.Pipeline, plans []*plan.Plan, b *built) error {
	for len(plans) > 0 {
		n := slices.IndexFunc(plans, func(pl *plan.Plan) bool { return pl.Release != plans[0].Release })
		if n < 0 {
			n = len(plans)
		}
		var results []*pipeline.Result
		for _, pl := range plans[:n] {
			if r := b.results[pl]; r != nil {
				results = append(results, r)
			}
		}
		if len(results) == n {
			if err := p.WriteIndex(ctx, results, strings.TrimPrefix(m.out, "oci:")); err != nil {
				return err
			}
		} else {
			for _, pl := range plans[:n] {
				delete(b.results, pl) // it was built and is in the cache, but not written
			}
		}
		plans = plans[n:]
	}
	return nil
}

// several runs dram image as a matrix, if it is asked for one.
func (g *globals) several(cmd *cobra.Command, m *matrix, dir string, alone bool) (ran bool, err error) {
	if pipeline.IsRelease(dir) {
		if m.all {
			return true, problem.New(problem.Usage, "name the project's directory", "--all-releases is for a project, and %q is a release", dir)
		}
		return false, nil
	}
	c, err := g.config(cmd, dir)
	if err != nil {
		return true, err
	}
	if !m.asked(c) {
		return false, nil
	}
	if alone {
		return true, problem.New(problem.Usage, "build them all first, then load or push each", "--load and --push take one release and platform")
	}
	if err := m.check(c); err != nil {
		return true, err
	}
	p, err := g.pipeline(c)
	if err != nil {
		return true, err
	}
	return true, m.run(cmd.Context(), p, cmd.OutOrStdout(), dir, c)
}
