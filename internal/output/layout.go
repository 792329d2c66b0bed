package output

import (
	"context"
	"os"

	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/publish"
)

// Layout is the image in an OCI layout, a directory.
type Layout struct{ Dir string }

// Needs is the image.
func (Layout) Needs() Needs { return Needs{Image: true} }

// Check has nothing to find: the directory was looked at when it was named.
func (Layout) Check(*plan.Plan) error { return nil }

// Write adds the image to the layout.
func (l Layout) Write(ctx context.Context, b *Build) (Written, error) {
	img, err := b.OpenImage()
	if err != nil {
		return Written{}, err
	}
	return Written{Name: "image", Place: "oci:" + l.Dir, Size: b.ImageSize(), Next: "dram run %s"}, publish.Layout(ctx, l.Dir, img, b.Names()[0])
}

func openLayout(_ context.Context, dir string, _ Options) (Output, error) { return OpenLayout(dir) }

// OpenLayout refuses a directory that is something else.
func OpenLayout(dir string) (Layout, error) {
	info, err := os.Stat(dir)
	switch {
	case dir == "":
		err = noName()
	case err == nil && !info.IsDir():
		err = problem.New(problem.Usage, "name a directory, or leave \"oci:\" away for a tar", "writing layout %q: it is a file", dir)
	case err == nil:
		err = publish.CheckLayout(dir)
	default:
		err = canBeMade(dir, err)
	}
	return Layout{dir}, err
}
