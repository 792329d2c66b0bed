package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"dram/internal/fsutil"
	"dram/internal/plan"
	"dram/internal/release"
)

// IsRelease says whether a path is a release that was built already: a
// directory as mix release assembles it, or a tarball of one.
func IsRelease(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	if !info.IsDir() {
		return strings.HasSuffix(path, ".tar.gz") || strings.HasSuffix(path, ".tgz")
	}
	_, err = os.Stat(filepath.Join(path, "releases", "start_erl.data"))
	return err == nil
}

// Bottle makes the image of a release that was built elsewhere.
func (p *Pipeline) Bottle(ctx context.Context, pl *plan.Plan, path string) (*Result, error) {
	r, err := p.doubting(ctx, pl.Toolchain, func() (*Result, error) { return p.bottleFrom(ctx, pl, path) })
	return r, p.diskFull(err)
}

func (p *Pipeline) bottleFrom(ctx context.Context, pl *plan.Plan, path string) (*Result, error) {
	rel, done, err := p.openRelease(ctx, path)
	if err != nil {
		return nil, err
	}
	defer done()
	tc, err := p.OpenToolchain(ctx, pl.Toolchain, pl.Packages)
	if err != nil {
		return nil, err
	}
	if _, _, err := p.unpack(ctx, tc); err != nil {
		return nil, err
	}
	stage := p.UI.Start("bottle", rel.Name+" "+rel.Version)
	s, closed, err := p.shipment(ctx, pl, rel, tc, true)
	if err != nil {
		return nil, err
	}
	defer closed()
	s.alone = true
	failed, err := p.ship(ctx, s)
	if err = damaged(s.root, err); err != nil {
		return nil, err
	}
	img, err := p.image(ctx, s)
	if err = damaged(s.root, err); err != nil {
		return nil, err
	}
	r := &Result{Release: rel.Name, Version: rel.Version, Image: img.Digest, Layers: img.Layers, Failed: failed}
	stage.Done("%s %s", rel.Name, rel.Version)
	return r, nil
}

func (p *Pipeline) openRelease(ctx context.Context, path string) (*release.Release, func(), error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("opening release: %w", err)
	}
	if !info.IsDir() {
		return p.openTarball(ctx, path, release.Options{})
	}
	return openDirectory(ctx, path, release.Options{})
}

func (p *Pipeline) openTarball(ctx context.Context, path string, opts release.Options) (*release.Release, func(), error) {
	tmp, done, err := p.Store.TempDir("release")
	if err != nil {
		return nil, nil, err
	}
	f, err := fsutil.Open(path) // a pipe would be waited for
	if err != nil {
		done()
		return nil, nil, fmt.Errorf("opening release: %w", err)
	}
	rel, err := release.ReadTarball(ctx, f, tmp, opts)
	_ = f.Close()
	if err != nil {
		done()
		return nil, nil, fmt.Errorf("opening release %q: %w", path, err)
	}
	return rel, func() {
		closeFS(rel)
		done()
	}, nil
}
