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
	"dram/internal/output"
	"dram/internal/pipeline"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/ui"
)

// matrix is dram image for several releases or platforms.
type matrix struct {
	settings config.Config
	all      bool // every release that the project declares
	to       *outputFlags
}

// newMatrix is nil where one build was asked for.
func newMatrix(c config.Config, to *outputFlags, all bool) *matrix {
	if !all && !several(c) {
		return nil
	}
	return &matrix{c, all, to}
}

// several says whether several builds were asked for, or may have been: what is
// printed depends on that, and not on how many the project has.
func several(c config.Config) bool { return len(c.Releases) > 1 || len(c.Platforms) > 1 }

// check finds before the build what would fail after it.
func (m *matrix) check() error {
	for _, a := range m.to.asked {
		if a.Flag != output.FlagFile {
			return problem.New(problem.Usage, "build them all first, then load or push each", "--load and --push take one release and platform")
		}
	}
	if m.all && len(m.settings.Releases) > 0 && strings.HasPrefix(m.settings.Origin("release"), "--") {
		return problem.New(problem.Usage, "leave one of them out", "--all-releases and --release exclude one another")
	}
	return nil
}

// layout is the one that all images go into, nil if each goes into a file of its own.
func (m *matrix) layout() (*output.Layout, error) {
	value, asked := m.to.value(output.FlagFile)
	if !asked {
		return nil, nil //nolint:nilnil // there is none
	}
	if dir, ok := strings.CutPrefix(value, "oci:"); ok {
		l, err := output.OpenLayout(dir)
		return &l, err
	}
	return nil, problem.New(problem.Usage, "leave -o out, or write to an image layout: -o oci:DIR", "%q is one file, and there is an image a release and platform", value)
}

// builds is what is written, and what stdout says of it.
type builds struct {
	mu   sync.Mutex
	done map[*plan.Plan]*output.Build
}

// run builds all and prints a line for each image that was written: its digest,
// release, version and platform. What failed is told after that.
func (m *matrix) run(ctx context.Context, a *app, stdout io.Writer, dir string, in *output.Layout) error {
	start := time.Now()
	decide := a.PlanMatrix
	if m.all {
		decide = a.PlanAllReleases
	}
	todo, err := decide(ctx, dir, m.settings)
	if err != nil {
		return err
	}
	outs := output.Usual()
	if in != nil {
		outs = output.Outputs{output.Tarball{}, output.Cached{}}
	}
	b := &builds{done: map[*plan.Plan]*output.Build{}}
	failed := todo.Build(ctx, outs, func(done *output.Build, written []output.Written) {
		if in == nil {
			a.UI.Note("%-10s %s, %s", "image", relative(written[1].Place), ui.Bytes(done.ImageSize()))
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.done[done.Plan] = done
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if in != nil {
		if err := b.write(ctx, todo.Plans, in); err != nil {
			return err
		}
	}
	for _, pl := range todo.Plans {
		if r := b.done[pl]; r != nil {
			if _, err := fmt.Fprintf(stdout, "%s  %s %s %s\n", r.Image, r.Release, r.Version, pl.Platform); err != nil {
				return err
			}
		}
	}
	a.UI.Note("%d of %d done in %s", len(b.done), len(todo.Plans), ui.Seconds(time.Since(start)))
	return failed
}

// write puts the images into one layout: each release's for all platforms, or none
// of it if one of its builds failed.
func (b *builds) write(ctx context.Context, plans []*plan.Plan, in *output.Layout) error {
	for len(plans) > 0 {
		n := slices.IndexFunc(plans, func(pl *plan.Plan) bool { return pl.Release != plans[0].Release })
		if n < 0 {
			n = len(plans)
		}
		var whole []*output.Build
		for _, pl := range plans[:n] {
			if r := b.done[pl]; r != nil {
				whole = append(whole, r)
			}
		}
		if len(whole) == n {
			if err := in.WriteIndex(ctx, whole); err != nil {
				return err
			}
		} else {
			for _, pl := range plans[:n] {
				delete(b.done, pl) // it was built and is in the cache, but not written
			}
		}
		plans = plans[n:]
	}
	return nil
}

// several runs dram image as a matrix.
func (g *globals) several(cmd *cobra.Command, m *matrix, arg string) error {
	if pipeline.IsRelease(arg) {
		return problem.New(problem.Usage, "name the project's directory", "--all-releases is for a project, and %q is a release", arg)
	}
	if err := m.check(); err != nil {
		return err
	}
	in, err := m.layout()
	if err != nil {
		return err
	}
	a, err := g.with(m.settings)
	if err != nil {
		return err
	}
	return m.run(cmd.Context(), a, cmd.OutOrStdout(), arg, in)
}
