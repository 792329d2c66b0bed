package pipeline

import (
	"context"
	"os"

	"dram/internal/fsutil"
	"dram/internal/inspect"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/rootfs"
	"dram/internal/toolchain"
)

// Inspect says what an image, a release or a release's tarball holds. Nothing is
// unpacked and nothing is run.
func (p *Pipeline) Inspect(ctx context.Context, from ref.Ref) (*inspect.Report, error) {
	if from.Kind != ref.Path {
		img, err := p.Toolchains.Image(ctx, from, toolchain.Options{Refresh: p.Refresh, As: ReleaseUse()})
		if err != nil {
			return nil, err
		}
		return inspect.Image(ctx, from.String(), img)
	}
	info, err := os.Stat(from.Value)
	if err != nil {
		return nil, problem.New(problem.Usage, ReleaseUse().Hint, "inspecting: %w", err)
	}
	if info.IsDir() {
		dir, err := rootfs.Dir(from.Value)
		if err != nil {
			return nil, err
		}
		defer func() { _ = dir.Close() }() // only read
		return inspect.Directory(ctx, from.Value, dir)
	}
	f, err := fsutil.Open(from.Value)
	if err != nil {
		return nil, problem.New(problem.Usage, ReleaseUse().Hint, "inspecting: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	r, err := inspect.Tarball(ctx, from.Value, f)
	if err == nil && len(r.Twice) > 0 {
		p.UI.Warn("%s names %d files several times, of which the last counts (%s)", from.Value, len(r.Twice), some(r.Twice))
	}
	return r, err
}
