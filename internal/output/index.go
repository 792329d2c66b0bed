package output

import (
	"context"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/problem"
	"dram/internal/publish"
	"dram/internal/store"
)

// Indexed is an output that takes the builds of one release for several platforms
// together: the images as one index, all else each by itself.
type Indexed interface {
	Output
	// WriteIndex writes them and says what became of each.
	WriteIndex(ctx context.Context, builds []*Build) ([]Written, error)
}

// ForPlatforms refuses, before anything is built, what takes one platform alone.
func (o Outputs) ForPlatforms() error {
	for _, out := range o {
		if _, ok := out.(Indexed); !ok {
			return problem.New(problem.Usage, "build for one platform with it, each by itself: --platform linux/amd64", "%s takes one platform", nameOf(out))
		}
		if p, ok := out.(Push); ok && len(p.Attach) > 0 {
			return problem.New(problem.Usage, "push without it, or push each platform by itself", "--attach takes one platform")
		}
	}
	return nil
}

// nameOf is what people call an output.
func nameOf(out Output) string {
	return "--" + strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", out), "output."))
}

// WriteIndex writes all outputs of one release's builds for several platforms; what
// leaves this machine comes last.
func (o Outputs) WriteIndex(ctx context.Context, builds []*Build) ([]Written, error) {
	var all []Written
	for _, leaves := range []bool{false, true} {
		for _, out := range o {
			indexed, ok := out.(Indexed)
			if !ok || out.Needs().Files != leaves {
				continue
			}
			written, err := indexed.WriteIndex(ctx, builds)
			if err != nil {
				return nil, err
			}
			all = append(all, written...)
		}
	}
	return all, nil
}

// IndexDigest is the digest of the index of builds for several platforms.
func IndexDigest(builds []*Build) (store.Digest, error) {
	images, err := openImages(builds)
	if err != nil {
		return "", err
	}
	index, err := publish.NewIndex(images)
	if err != nil {
		return "", err
	}
	return store.Digest(index.Digest().String()), nil
}

func openImages(builds []*Build) ([]v1.Image, error) {
	images := make([]v1.Image, 0, len(builds))
	for _, b := range builds {
		img, err := b.OpenImage()
		if err != nil {
			return nil, err
		}
		images = append(images, img)
	}
	return images, nil
}

// indexSize is the size of all layers, each once, in bytes.
func indexSize(builds []*Build) (n int64) {
	seen := map[store.Digest]bool{}
	for _, b := range builds {
		for _, l := range b.Layers {
			if !seen[l.Digest] {
				seen[l.Digest] = true
				n += l.Size
			}
		}
	}
	return n
}

// forArch is the build for an architecture, or else the first.
func forArch(builds []*Build, arch string) *Build {
	for _, b := range builds {
		if b.Plan.Platform == "linux/"+arch {
			return b
		}
	}
	return builds[0]
}

// each writes an output of each build by itself.
func each(ctx context.Context, o Output, builds []*Build) (all []Written, err error) {
	for _, b := range builds {
		w, err := o.Write(ctx, b)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

// WriteIndex writes the tarball of each.
func (t Tarball) WriteIndex(ctx context.Context, builds []*Build) ([]Written, error) {
	return each(ctx, t, builds)
}

// WriteIndex writes the portable release of each.
func (p Portable) WriteIndex(ctx context.Context, builds []*Build) ([]Written, error) {
	return each(ctx, p, builds)
}

// WriteIndex writes one tar with all images; docker load takes this machine's of it where
// it knows no index.
func (t Tar) WriteIndex(ctx context.Context, builds []*Build) ([]Written, error) {
	images, err := openImages(builds)
	if err != nil {
		return nil, err
	}
	first := builds[0]
	at := t.place(first.Plan, first.Version)
	own, err := forArch(builds, first.Arch).OpenImage()
	if err != nil {
		return nil, err
	}
	_, err = publish.TarIndex(ctx, at, images, own, first.Names())
	return []Written{{Name: "image", Place: at.Path, Size: indexSize(builds), Next: "docker load < %s"}}, err
}

// WriteIndex adds the images to the layout as an index of their platforms.
func (l Layout) WriteIndex(ctx context.Context, builds []*Build) ([]Written, error) {
	images, err := openImages(builds)
	if err != nil {
		return nil, err
	}
	_, err = publish.LayoutIndex(ctx, l.Dir, images, builds[0].Names()[0])
	return []Written{{Name: "image", Place: "oci:" + l.Dir, Size: indexSize(builds), Next: "dram run %s"}}, err
}

// WriteIndex loads the image for the daemon's own platform.
func (l Load) WriteIndex(ctx context.Context, builds []*Build) ([]Written, error) {
	arch := l.Daemon.Arch()
	b := forArch(builds, arch)
	if arch != "" && b.Plan.Platform != "linux/"+arch {
		return nil, problem.New(problem.Usage, "build for that platform, too, or leave --load out", "%s runs linux/%s, and none of the images is for it", l.Daemon.Name(), arch)
	}
	w, err := l.Write(ctx, b)
	return []Written{w}, err
}

// WriteIndex sends the images and their index.
func (p Push) WriteIndex(ctx context.Context, builds []*Build) ([]Written, error) {
	images, err := openImages(builds)
	if err != nil {
		return nil, err
	}
	first := builds[0]
	sent, err := p.SendAll(ctx, first.Store, first.UI, images)
	return []Written{{Place: p.To.Repository.String(), Ref: sent, Next: "docker pull %s"}}, err
}
