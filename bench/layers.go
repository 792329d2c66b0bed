package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// layers measures what a one-line edit changes in an image.
func (b *bench) layers(ctx context.Context) ([]row, error) {
	project, err := b.copyTree("examples/hello", "hello-edited")
	if err != nil {
		return nil, err
	}
	before, err := b.layout(ctx, project, "before")
	if err != nil {
		return nil, err
	}
	page := filepath.Join(project, "lib", "hello", "router.ex")
	if err := replaceOnce(page, `"ok\n"`, `"fine\n"`); err != nil {
		return nil, err
	}
	after, err := b.layout(ctx, project, "after")
	if err != nil {
		return nil, err
	}
	changed, err := changedBytes(before, after)
	return []row{{
		what: "layers changed by a one-line edit of hello", unit: bytes,
		ours: []float64{changed}, value: 150e3,
	}}, err
}

// size measures the image of examples/hello beside its floor.
func (b *bench) size(ctx context.Context) ([]row, error) {
	r := row{what: "image of hello, gzip layers", rival: "one gzip -9 tar", unit: bytes, value: 13.5e6}
	gzip := program("gzip")
	if gzip == "" {
		r.skipped = "gzip is not installed"
		return []row{r}, nil
	}
	project, err := b.copyTree("examples/hello", "hello-size")
	if err != nil {
		return nil, err
	}
	image, err := b.layout(ctx, project, "size")
	if err != nil {
		return nil, err
	}
	total, err := layersSize(image)
	if err != nil {
		return nil, err
	}
	floor, err := flatSize(ctx, gzip, image)
	r.ours, r.theirs = []float64{total}, []float64{floor}
	return []row{r}, err
}

// layersSize is the size of an image's layers, compressed.
func layersSize(image v1.Image) (float64, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return 0, err
	}
	total := 0.0
	for _, l := range manifest.Layers {
		total += float64(l.Size)
	}
	return total, nil
}

// layout makes the image of a project as an OCI layout and opens it.
func (b *bench) layout(ctx context.Context, project, name string) (v1.Image, error) {
	dir := filepath.Join(b.work, "layout-"+name)
	if _, err := b.image(ctx, project, "oci:"+dir); err != nil {
		return nil, err
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the layout: %w", err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("reading the layout's index: %w", err)
	}
	if len(manifest.Manifests) != 1 {
		return nil, fmt.Errorf("the layout holds %d images, not one", len(manifest.Manifests))
	}
	return index.Image(manifest.Manifests[0].Digest)
}

// changedBytes is the size of the layers of after that before does not have.
func changedBytes(before, after v1.Image) (float64, error) {
	was, err := before.Manifest()
	if err != nil {
		return 0, err
	}
	is, err := after.Manifest()
	if err != nil {
		return 0, err
	}
	known := map[v1.Hash]bool{}
	for _, l := range was.Layers {
		known[l.Digest] = true
	}
	changed := 0.0
	for _, l := range is.Layers {
		if !known[l.Digest] {
			changed += float64(l.Size)
		}
	}
	if changed == 0 {
		return 0, errors.New("the edit changed no layer: the second image is not of the edited source")
	}
	return changed, nil
}

// flatSize is the size of all files of an image as one tar through gzip -9.
func flatSize(ctx context.Context, gzip string, image v1.Image) (float64, error) {
	flat := mutate.Extract(image)
	cmd := exec.CommandContext(ctx, gzip, "-9", "-n", "-c")
	var size counter
	cmd.Stdin, cmd.Stdout = flat, &size
	if err := errors.Join(cmd.Run(), flat.Close()); err != nil {
		return 0, fmt.Errorf("compressing the image's files: %w", err)
	}
	return float64(size.n), nil
}

// program is the path of a program of this machine, "" if it is not installed.
func program(name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
