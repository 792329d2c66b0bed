package output

import (
	"context"
	"errors"

	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/publish"
)

// Tarball is the release's tarball, where the plan says; the portable one, if the
// plan has the release bring its libraries.
type Tarball struct{}

// Needs is the tarball.
func (Tarball) Needs() Needs { return Needs{Tarball: true} }

// Check refuses links that would lead the tarball out of the project.
func (Tarball) Check(pl *plan.Plan) error { return place(pl, pl.ResultPath(pl.Version)).Check() }

// Write puts the tarball in its place.
func (Tarball) Write(ctx context.Context, b *Build) (Written, error) {
	if b.Plan.Portable {
		return Portable{TarForm}.Write(ctx, b)
	}
	path := b.Plan.TarballPath(b.Version)
	err := publish.File(ctx, place(b.Plan, path), b.Store, b.Tarball.Digest, b.Tarball.Size)
	return Written{Name: "tarball", Place: path, Size: b.Tarball.Size}, elsewhere(err)
}

// elsewhere says how what is no image is written elsewhere: publish speaks of -o,
// which is for images.
func elsewhere(err error) error {
	if unwritable, ok := errors.AsType[*problem.Error](err); ok && unwritable.Kind != problem.Usage {
		return problem.New(unwritable.Kind, "make room or make the directory writable, or write elsewhere with --output-dir", "%w", err)
	}
	return err
}
