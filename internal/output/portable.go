package output

import (
	"context"

	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/publish"
)

// Portable is the release with the loader and the libraries that it needs, where the
// plan says.
type Portable struct{ Form Form }

// ParsePortable reads the form in which a portable release is wanted.
func ParsePortable(value string) (Portable, error) {
	if form := Form(value); form == TarForm || form == RunForm {
		return Portable{form}, nil
	}
	return Portable{}, problem.New(problem.Usage, "write --portable for a tarball, or --portable=run for one executable", "there is no portable release of form %q", value)
}

// Needs is the portable release.
func (p Portable) Needs() Needs { return Needs{Portable: p.Form} }

// Check refuses links that would lead it out of the project.
func (p Portable) Check(pl *plan.Plan) error { return place(pl, p.path(pl, pl.Version)).Check() }

func (p Portable) path(pl *plan.Plan, version string) string {
	if p.Form == RunForm {
		return pl.RunPath(version)
	}
	return pl.PortablePath(version)
}

// Write puts it in its place.
func (p Portable) Write(ctx context.Context, b *Build) (Written, error) {
	path := p.path(b.Plan, b.Version)
	at := place(b.Plan, path)
	at.Program = p.Form == RunForm
	err := publish.File(ctx, at, b.Store, b.Portable.Digest, b.Portable.Size)
	return Written{Name: "portable", Place: path, Size: b.Portable.Size}, elsewhere(err)
}
