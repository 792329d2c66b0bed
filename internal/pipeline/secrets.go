package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"

	"dram/internal/check"
	"dram/internal/plan"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/source"
	"dram/internal/target"
	"dram/internal/tool/tools"
)

// readSource finds what a build by the plan sees.
func (p *Pipeline) readSource(ctx context.Context, pl *plan.Plan) (*source.Tree, error) {
	return source.Read(ctx, pl.Dir, source.Options{
		Output: pl.OutputDir, Built: pl.Built(), Compiled: pl.Compiled(), Store: p.Store, Secrets: pl.Secrets,
		Context: source.Context{Dir: pl.Context.Dir, At: pl.Context.At, Beside: pl.Context.Beside},
	})
}

// NoteSource is plans with a note on what the builds do not see of the project,
// or see though it is a secret.
func (p *Pipeline) NoteSource(ctx context.Context, plans []*plan.Plan) ([]*plan.Plan, error) {
	var out []*plan.Plan
	for _, pl := range plans {
		src, err := p.readSource(ctx, pl)
		if err != nil {
			return nil, err
		}
		out = append(out, pl.Noted(src.Notes))
	}
	return out, nil
}

// checkLeftOut looks for secrets in what the tarball has and the image has not, and
// gives the rules that fail and were allowed. What Erlang/OTP and Elixir have of
// that is documentation and headers.
func (p *Pipeline) checkLeftOut(ctx context.Context, b *bottling, tarball rootfs.FS, t *target.Target) ([]string, error) {
	rel, err := release.Read(ctx, tarball, release.Options{Survey: true, OwnApps: b.plan.OwnApps})
	if err != nil {
		return nil, err
	}
	_, out := rel.ForImage(tools.Boot(rel).Exclude)
	rel.Files = nil
	for _, f := range out {
		if f.Origin == release.Own || f.Origin == release.Dependency || f.Origin == release.Metadata {
			rel.Files = append(rel.Files, f.File)
		}
	}
	if len(rel.Files) == 0 {
		return nil, nil
	}
	return p.checkRelease(ctx, b.plan, check.Input{Release: rel, Target: t, Only: []string{"secret"}})
}

// settings is what the image's configuration will say of what was set.
func settings(pl *plan.Plan) []string { return slices.Concat(pl.Image.Env, pl.Image.Labels) }

// withheldHint is for a step that speaks of a file that it was not given.
func withheldHint(withheld []source.Withheld, output []byte) string {
	for _, w := range withheld {
		if bytes.Contains(output, []byte(path.Base(w.Path))) {
			return fmt.Sprintf("%s was left out of the build (%s); if it is needed: --include-secret %s\n", w.Path, w.Why, w.Path)
		}
	}
	return ""
}
