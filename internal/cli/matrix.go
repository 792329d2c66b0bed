package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dram/internal/config"
	"dram/internal/output"
	"dram/internal/pipeline"
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

// oneRelease says whether all builds are of one release, for several platforms: what is
// printed is its digest then, as for one build.
func (m *matrix) oneRelease() bool { return !m.all && len(m.settings.Releases) <= 1 }

// check finds before the build what would fail after it.
func (m *matrix) check() error {
	for _, a := range m.to.asked {
		value, layout := strings.CutPrefix(a.Value, "oci:")
		switch {
		case m.oneRelease():
		case a.Flag != output.FlagFile:
			return problem.New(problem.Usage, "build them all first, then load or push each", "--%s takes one release", a.Flag)
		case !layout:
			return problem.New(problem.Usage, "leave -o out, or write to an image layout: -o oci:DIR", "%q is one file, and there is an image a release", value)
		}
	}
	if m.all && len(m.settings.Releases) > 0 && strings.HasPrefix(m.settings.Origin("release"), "--") {
		return problem.New(problem.Usage, "leave one of them out", "--all-releases and --release exclude one another")
	}
	return nil
}

// outputs are what is written.
func (m *matrix) outputs(ctx context.Context) (output.Outputs, error) {
	asked, err := m.to.open(ctx)
	if err != nil {
		return nil, err
	}
	outs := ofProject(asked)
	if len(m.settings.Platforms) > 1 {
		err = outs.ForPlatforms()
	}
	return outs, err
}

// run builds all and prints a line for each release that was written: its digest, name,
// version and platforms; of one release the digest alone. What failed is told after that.
func (m *matrix) run(ctx context.Context, a *app, stdout io.Writer, dir string) error {
	start := time.Now()
	outs, err := m.outputs(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = outs.Close() }() // all is written
	decide := a.PlanMatrix
	if m.all {
		decide = a.PlanAllReleases
	}
	todo, err := decide(ctx, dir, m.settings)
	if err != nil {
		return err
	}
	count := 0
	var printing error
	failed := todo.Build(ctx, outs, func(builds []*output.Build, written []output.Written) {
		count += len(builds)
		for _, w := range written {
			if w.Name != "" {
				a.UI.Note("%-10s %s, %s", w.Name, relative(w.Place), ui.Bytes(w.Size))
			}
		}
		line, err := m.line(builds, written)
		if err == nil {
			_, err = fmt.Fprintln(stdout, line)
		}
		printing = cmp.Or(printing, err)
		if m.oneRelease() {
			next(a.UI, written)
		}
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	a.UI.Note("%d of %d done in %s", count, len(todo.Plans), ui.Seconds(time.Since(start)))
	return cmp.Or(failed, printing)
}

// line is what stdout says of a release that was written.
func (m *matrix) line(builds []*output.Build, written []output.Written) (string, error) {
	digest := string(builds[0].Image)
	var platforms []string
	for _, b := range builds {
		platforms = append(platforms, b.Plan.Platform)
	}
	if len(builds) > 1 {
		of, err := output.IndexDigest(builds)
		if err != nil {
			return "", err
		}
		digest = string(of)
	}
	if !m.oneRelease() {
		return fmt.Sprintf("%s  %s %s %s", digest, builds[0].Release, builds[0].Version, strings.Join(platforms, ",")), nil
	}
	for _, w := range written {
		if w.Ref != "" {
			return w.Ref, nil
		}
	}
	return digest, nil
}

// several runs dram image as a matrix.
func (g *globals) several(cmd *cobra.Command, m *matrix, arg string) error {
	if pipeline.IsRelease(arg) {
		return problem.New(problem.Usage, "name the project's directory", "--all-releases is for a project, and %q is a release", arg)
	}
	if err := m.check(); err != nil {
		return err
	}
	a, err := g.with(m.settings)
	if err != nil {
		return err
	}
	return m.run(cmd.Context(), a, cmd.OutOrStdout(), arg)
}
