package publish

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// LayoutIndex adds an image for several platforms to the OCI image layout in
// dir, as Layout adds one for one: its entry is an index of the images, in their
// order. It tells the index's digest.
func LayoutIndex(ctx context.Context, dir string, images []v1.Image, ref string) (v1.Hash, error) {
	l, err := openLayout(dir)
	if err != nil {
		return v1.Hash{}, err
	}
	defer l.close()
	var all v1.ImageIndex = empty.Index
	var blobs []blob
	var named *v1.Descriptor
	for _, img := range images {
		if named, err = descriptor(img, ref); err != nil {
			return v1.Hash{}, fmt.Errorf("writing layout %q: %w", dir, err)
		}
		more, err := allBlobs(img)
		if err != nil {
			return v1.Hash{}, fmt.Errorf("writing layout %q: %w", dir, err)
		}
		blobs = append(blobs, more...)
		all = mutate.AppendManifests(all, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: named.Platform}})
	}
	raw, err := all.RawManifest()
	if err != nil {
		return v1.Hash{}, fmt.Errorf("writing layout %q: %w", dir, err)
	}
	mediaType, err := all.MediaType()
	if err != nil {
		return v1.Hash{}, fmt.Errorf("writing layout %q: %w", dir, err)
	}
	b := bytesBlob(raw)
	desc := v1.Descriptor{MediaType: mediaType, Digest: b.digest, Size: b.size}
	if named != nil {
		desc.Annotations = named.Annotations
	}
	return b.digest, l.addEntry(ctx, desc, distinct(append(blobs, b)))
}
