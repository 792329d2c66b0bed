package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/daemon"
	"dram/internal/layer"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/publish"
	"dram/internal/store"
	"dram/internal/ui"
)

// Load is the image in Docker or Podman, under its names.
type Load struct{ Daemon *daemon.Client }

func openLoad(ctx context.Context, _ string, o Options) (Output, error) {
	d, err := daemon.Connect(ctx, o.Environ)
	return Load{d}, err
}

// Needs is the image, when what stays here is written.
func (Load) Needs() Needs { return Needs{Image: true, Files: true} }

// Check refuses layers that the daemon cannot read.
func (l Load) Check(pl *plan.Plan) error {
	if pl.Image.How().Format == layer.Zstd {
		return readsZstd(l.Daemon)
	}
	return nil
}

func readsZstd(d *daemon.Client) error {
	if d.Zstd() {
		return nil
	}
	return problem.New(problem.Usage, "make an image of gzip layers for it (--compression gzip), or use Docker 23 or newer",
		"%s cannot read layers that zstd compressed", d.Name())
}

// Write loads the image.
func (l Load) Write(ctx context.Context, b *Build) (Written, error) {
	img, err := b.OpenImage()
	if err != nil {
		return Written{}, err
	}
	name, err := LoadImage(ctx, b.UI, l.Daemon, img, b.Names())
	next := "docker run --rm %s"
	if l.Daemon.Podman() {
		next = "podman run --rm %s"
	}
	return Written{Place: name, Next: next}, err
}

// Close lets the daemon go.
func (l Load) Close() error {
	if l.Daemon == nil {
		return nil
	}
	return l.Daemon.Close()
}

// LoadImage puts an image into a daemon under its names and gives the name or id that
// the daemon knows it by.
func LoadImage(ctx context.Context, u *ui.UI, d *daemon.Client, img v1.Image, names []string) (string, error) {
	manifest, err := img.Manifest()
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(manifest.Layers, func(l v1.Descriptor) bool { return l.MediaType == types.OCILayerZStd }) {
		if err := readsZstd(d); err != nil {
			return "", err
		}
	}
	stage := u.Start("load", d.Name())
	id, err := img.ConfigName()
	if err != nil {
		return "", err
	}
	there := d.Layers(ctx, names[len(names)-1])
	sent, err := stream(ctx, d, img, names, there)
	if err != nil && len(there) > 0 && ctx.Err() == nil { // the older image may have gone in between
		sent, err = stream(ctx, d, img, names, nil)
	}
	if err != nil {
		return "", err
	}
	if err := d.Tag(ctx, id.Hex, names); err != nil {
		return "", err
	}
	stage.Done("%s into %s, %s", strings.Join(names, " and "), d.Name(), ui.Bytes(sent))
	if d.Podman() { // whose short names mean Docker Hub's
		return id.Hex, nil
	}
	return names[0], nil
}

// stream streams the image and tells how many bytes that were.
func stream(ctx context.Context, d *daemon.Client, img v1.Image, names, there []string) (int64, error) {
	r, w := io.Pipe()
	count := &counter{w: w}
	made := make(chan error, 1)
	go func() {
		err := publish.Archive(ctx, count, img, names, there)
		_ = w.CloseWithError(err) // nil is the end of the file
		made <- err
	}()
	err := d.Load(ctx, r)
	_ = r.CloseWithError(errLoaded)
	if bad := <-made; bad != nil && !errors.Is(bad, errLoaded) {
		if errors.Is(bad, store.ErrCorrupt) || err == nil {
			err = fmt.Errorf("reading the image: %w", bad)
		}
	}
	return count.n, err
}

var errLoaded = errors.New("the daemon has read enough")

// counter counts what goes through.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
