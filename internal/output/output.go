// Package output is the door for what is wanted of a build: the release's tarball,
// its image as one tar or in an OCI layout, in a daemon, at a registry. Each kind is
// a file and a row of the table (Kinds). An output says what it needs of a build and
// is written from that; whoever builds learns nothing more of it.
package output

import (
	"cmp"
	"context"
	"errors"
	"io"

	"golang.org/x/sync/errgroup"

	"dram/internal/plan"
	"dram/internal/publish"
)

// Needs is what of a build an output is written from.
type Needs struct {
	Tarball bool // the release's tarball
	Image   bool // its image
	Files   bool // what stays on this machine is written before
	// Inventory is what the image holds and where that is from.
	Inventory bool
	// Revision is which commit the source is, as far as git tells.
	Revision bool
	// Portable is the release with all that it needs, in this form.
	Portable Form
}

// Form is how a portable release is packed.
type Form string

// The forms.
const (
	NotPortable Form = ""
	TarForm     Form = "tar" // a tarball
	RunForm     Form = "run" // one executable
)

// Output is one thing that is wanted of a build.
type Output interface {
	// Needs says what of a build it is written from.
	Needs() Needs
	// Check finds, before anything is built, what would fail after it.
	Check(pl *plan.Plan) error
	// Write writes it and says what became of it.
	Write(ctx context.Context, b *Build) (Written, error)
}

// Written is what became of an output.
type Written struct {
	Name  string // for people: "tarball", "image"; "" if it told them by itself
	Place string // a path, or what a daemon or a registry knows it by
	Size  int64  // bytes
	Ref   string // of an image that others can pull, by its digest
	Next  string // what people do with it, a command with %s for the place or the reference
}

// Outputs is all that is wanted of a build.
type Outputs []Output

// Usual is what dram image writes unless told otherwise, where the plan says.
func Usual() Outputs { return Outputs{Tarball{}, Tar{}} }

// Needs is what the outputs need together.
func (o Outputs) Needs() (all Needs) {
	for _, out := range o {
		n := out.Needs()
		all.Tarball, all.Image, all.Portable = all.Tarball || n.Tarball, all.Image || n.Image, cmp.Or(all.Portable, n.Portable)
		all.Inventory, all.Revision = all.Inventory || n.Inventory, all.Revision || n.Revision
	}
	return all
}

// Check finds, before anything is built, what would fail after it.
func (o Outputs) Check(pl *plan.Plan) error {
	for _, out := range o {
		if err := out.Check(pl); err != nil {
			return err
		}
	}
	return nil
}

// Write writes all, and says in their order what became of each: first, and at the
// same time, what stays on this machine, since each waits for the disk; then, one
// after the other, what leaves it.
func (o Outputs) Write(ctx context.Context, b *Build) ([]Written, error) {
	written := make([]Written, len(o))
	errs := make([]error, len(o))
	var group errgroup.Group
	for i, out := range o {
		if !out.Needs().Files {
			group.Go(func() error {
				written[i], errs[i] = out.Write(ctx, b)
				return nil
			})
		}
	}
	_ = group.Wait() // the first in order is told, not the first in time
	for i, out := range o {
		if errs[i] == nil && out.Needs().Files {
			written[i], errs[i] = out.Write(ctx, b)
		}
		if errs[i] != nil {
			return nil, errs[i]
		}
	}
	return written, nil
}

// Close lets go of what outputs hold open, such as a connection.
func (o Outputs) Close() error {
	var errs []error
	for _, out := range o {
		if c, ok := out.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// place is where a result of the plan goes.
func place(pl *plan.Plan, path string) publish.Place {
	return publish.Place{Path: path, Inside: pl.ResultsInside(), Dirs: true}
}
