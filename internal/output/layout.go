package output

import (
	"context"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

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

// WriteIndex adds the images of one release to the layout: one as it is, several as
// an index of their platforms.
func (l Layout) WriteIndex(ctx context.Context, builds []*Build) error {
	if len(builds) == 1 {
		_, err := l.Write(ctx, builds[0])
		return err
	}
	images := make([]v1.Image, 0, len(builds))
	for _, b := range builds {
		img, err := b.OpenImage()
		if err != nil {
			return err
		}
		images = append(images, img)
	}
	_, err := publish.LayoutIndex(ctx, l.Dir, images, builds[0].Names()[0])
	return err
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

// Cached is the image in the cache alone, for what is written of several builds
// when all are done.
type Cached struct{}

// Needs is the image.
func (Cached) Needs() Needs { return Needs{Image: true} }

// Check has nothing to find.
func (Cached) Check(*plan.Plan) error { return nil }

// Write has nothing to write.
func (Cached) Write(context.Context, *Build) (Written, error) { return Written{}, nil }
