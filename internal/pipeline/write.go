package pipeline

import (
	"context"
	"errors"
	"strings"

	"golang.org/x/sync/errgroup"

	"dram/internal/image"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/publish"
)

// Write puts the tarball where the plan says and the image where out says, as
// WriteImage takes it (where the plan says if out is empty), at the same time,
// since each waits for the disk. It tells both places.
func (p *Pipeline) Write(ctx context.Context, pl *plan.Plan, r *Result, out string) (tarball, written string, err error) {
	at := publish.Anywhere(out)
	if out == "" {
		out = pl.ImagePath(r.Version)
		at = place(pl, out)
	}
	var group errgroup.Group
	group.Go(func() error { return p.writeImage(ctx, r, at) })
	tarball, err = p.WriteTarball(ctx, pl, r)
	if imageErr := group.Wait(); err == nil {
		err = imageErr
	}
	return tarball, out, err
}

// place is where a result of the plan goes.
func place(pl *plan.Plan, path string) publish.Place {
	return publish.Place{Path: path, Inside: pl.ResultsInside(), Dirs: true}
}

// checkPlaces refuses links that would lead results out of the project: before a
// build, not after it.
func checkPlaces(pl *plan.Plan) error {
	if err := place(pl, pl.TarballPath(pl.Version)).Check(); err != nil {
		return err
	}
	return place(pl, pl.ImagePath(pl.Version)).Check()
}

// WriteTarball puts the release's tarball where the plan says, and tells where.
func (p *Pipeline) WriteTarball(ctx context.Context, pl *plan.Plan, r *Result) (string, error) {
	path := pl.TarballPath(r.Version)
	err := publish.File(ctx, place(pl, path), p.Store, r.Tarball.Digest, r.Tarball.Size)
	if unwritable, ok := errors.AsType[*problem.Error](err); ok && unwritable.Kind != problem.Usage { // -o, which publish speaks of, is for images
		err = problem.New(unwritable.Kind, "make room or make the directory writable, or write elsewhere with --output-dir", "%w", err)
	}
	return path, err
}

// WriteImage writes the image to out: a path for one tar, or "oci:DIR".
func (p *Pipeline) WriteImage(ctx context.Context, r *Result, out string) error {
	return p.writeImage(ctx, r, publish.Anywhere(out))
}

func (p *Pipeline) writeImage(ctx context.Context, r *Result, at publish.Place) error {
	img, err := image.Open(p.Store, r.Image)
	if err != nil {
		return err
	}
	if dir, ok := strings.CutPrefix(at.Path, "oci:"); ok && at.Inside == "" && !at.Dirs {
		return publish.Layout(ctx, dir, img, r.Names()[0])
	}
	_, err = publish.Tar(ctx, at, img, r.Names())
	return err
}
