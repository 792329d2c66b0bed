package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/oci"
	"dram/internal/registry"
	"dram/internal/store"
)

// Keep puts an image's manifest and configuration into st, where its layers
// are, so that Open finds the image again by its digest.
func Keep(ctx context.Context, st *store.Store, img v1.Image) error {
	for _, raw := range []func() ([]byte, error){img.RawManifest, img.RawConfigFile} {
		body, err := raw()
		if err != nil {
			return fmt.Errorf("keeping the image: %w", err)
		}
		if _, _, err := st.PutBlob(ctx, bytes.NewReader(body), store.DigestOf(body)); err != nil {
			return fmt.Errorf("keeping the image: %w", err)
		}
	}
	return nil
}

// Open finds the image whose manifest has the digest, and says so if something
// of it is no longer in st. Layers are verified as they are read.
func Open(st *store.Store, digest store.Digest) (v1.Image, error) {
	img, err := open(st, digest)
	if err != nil {
		return nil, fmt.Errorf("opening image %s: %w", digest, err)
	}
	return img, nil
}

func open(st *store.Store, digest store.Digest) (v1.Image, error) {
	raw, err := readBlob(st, digest)
	if err != nil {
		return nil, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	for _, l := range m.Layers {
		if !st.HasBlob(store.Digest(l.Digest.String()), l.Size) {
			return nil, fmt.Errorf("layer %s is not in the cache", l.Digest)
		}
	}
	blobs := func(d v1.Descriptor) (io.ReadCloser, error) { return st.OpenBlob(store.Digest(d.Digest.String())) }
	return oci.New(oci.Manifest{Raw: raw, MediaType: m.MediaType}, blobs, blobs)
}

func readBlob(st *store.Store, d store.Digest) ([]byte, error) {
	r, err := st.OpenBlob(d)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(r, registry.MaxManifest))
	return raw, errors.Join(err, r.Close())
}
