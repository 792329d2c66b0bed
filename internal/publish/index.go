package publish

import (
	"context"
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// imageIndex is an image for several platforms, taken apart: an image index (OCI image
// specification 1.1) and the images, in their order.
type imageIndex struct {
	manifest
	images []v1.Image
	desc   v1.Descriptor // its entry in a layout
}

// newIndex makes the index of images for several platforms.
func newIndex(images []v1.Image, ref string) (*imageIndex, error) {
	var all v1.ImageIndex = empty.Index
	x := &imageIndex{images: images}
	for _, img := range images {
		named, err := descriptor(img, ref)
		if err != nil {
			return nil, err
		}
		x.desc.Annotations = named.Annotations
		all = mutate.AppendManifests(all, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: named.Platform}})
	}
	raw, err := all.RawManifest()
	if err != nil {
		return nil, err
	}
	mediaType, err := all.MediaType()
	if err != nil {
		return nil, err
	}
	b := bytesBlob(raw)
	x.manifest = manifest{b.digest, string(mediaType), raw}
	x.desc.MediaType, x.desc.Digest, x.desc.Size = mediaType, b.digest, b.size
	return x, nil
}

// Index is the index of images for several platforms, in their order: wherever it is
// written, it is the same.
type Index struct{ of *imageIndex }

// NewIndex makes the index of images for several platforms.
func NewIndex(images []v1.Image) (Index, error) {
	x, err := newIndex(images, "")
	if err != nil {
		return Index{}, fmt.Errorf("making the index: %w", err)
	}
	return Index{x}, nil
}

// Digest names it.
func (i Index) Digest() v1.Hash { return i.of.digest }

// RawManifest is its text.
func (i Index) RawManifest() ([]byte, error) { return i.of.raw, nil }

// MediaType is that of an image index.
func (i Index) MediaType() (types.MediaType, error) { return types.MediaType(i.of.mediaType), nil }

// LayoutIndex adds an image for several platforms to the OCI image layout in
// dir, as Layout adds one for one: its entry is an index of the images, in their
// order. It tells the index's digest.
func LayoutIndex(ctx context.Context, dir string, images []v1.Image, ref string) (v1.Hash, error) {
	l, err := openLayout(dir)
	if err != nil {
		return v1.Hash{}, err
	}
	defer l.close()
	x, err := newIndex(images, ref)
	if err != nil {
		return v1.Hash{}, fmt.Errorf("writing layout %q: %w", dir, err)
	}
	var blobs []blob
	for _, img := range images {
		more, err := allBlobs(img)
		if err != nil {
			return v1.Hash{}, fmt.Errorf("writing layout %q: %w", dir, err)
		}
		blobs = append(blobs, more...)
	}
	return x.digest, l.addEntry(ctx, x.desc, distinct(append(blobs, bytesBlob(x.raw))))
}

// TarIndex writes images for several platforms to one file, as Tar writes one: a layout
// whose entry is their index. What docker load reads of it, where it does not know
// indexes, is own, one of the images.
func TarIndex(ctx context.Context, at Place, images []v1.Image, own v1.Image, names []string) (written bool, err error) {
	parts, err := collectIndex(images, own, names)
	if err != nil {
		return false, fmt.Errorf("writing %q: %w", at.Path, err)
	}
	return parts.write(ctx, at)
}

func collectIndex(images []v1.Image, own v1.Image, names []string) (*contents, error) {
	ref := ""
	if len(names) > 0 {
		ref = names[0]
	}
	x, err := newIndex(images, ref)
	if err != nil {
		return nil, err
	}
	top, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{x.desc}})
	if err != nil {
		return nil, err
	}
	one, err := collect(own, names)
	if err != nil {
		return nil, err
	}
	out := &contents{small: []file{{"oci-layout", []byte(layoutFile)}, {"index.json", top}}}
	out.small = append(out.small, one.named("manifest.json"), file{bytesBlob(x.raw).path(), x.raw})
	seen := map[string]bool{}
	for _, img := range images {
		parts, err := collect(img, names)
		if err != nil {
			return nil, err
		}
		for _, f := range parts.small {
			if isBlob(f.name) && !seen[f.name] {
				seen[f.name] = true
				out.small = append(out.small, f)
			}
		}
		out.layers = append(out.layers, parts.layers...)
	}
	out.layers = distinct(out.layers)
	return out, nil
}

// PushIndex sends images for several platforms to a registry, as Push sends one: the
// tags name their index, and are written when all of each image is there.
func (p *Pusher) PushIndex(ctx context.Context, images []v1.Image, to Destination) (Pushed, error) {
	x, err := newIndex(images, "")
	if err != nil {
		return Pushed{}, fmt.Errorf("pushing to %s: %w", to.Repository, err)
	}
	var blobs []blob
	var parts []manifest
	for _, img := range images {
		more, m, err := pushParts(img)
		if err != nil {
			return Pushed{}, fmt.Errorf("pushing to %s: %w", to.Repository, err)
		}
		blobs, parts = append(blobs, more...), append(parts, m)
	}
	return p.send(ctx, sending{distinct(blobs), parts, x.manifest}, to)
}
