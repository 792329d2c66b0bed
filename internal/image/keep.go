package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/store"
)

// maxManifest bounds a manifest or configuration, in bytes.
const maxManifest = 4 << 20

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
	k := kept{st: st}
	var err error
	if k.manifest, err = readBlob(st, digest); err != nil {
		return nil, fmt.Errorf("opening image %s: %w", digest, err)
	}
	m, err := v1.ParseManifest(bytes.NewReader(k.manifest))
	if err != nil {
		return nil, fmt.Errorf("opening image %s: %w", digest, err)
	}
	k.mediaType = m.MediaType
	if k.config, err = readBlob(st, store.Digest(m.Config.Digest.String())); err != nil {
		return nil, fmt.Errorf("opening image %s: %w", digest, err)
	}
	for _, l := range m.Layers {
		if !st.HasBlob(store.Digest(l.Digest.String()), l.Size) {
			return nil, fmt.Errorf("opening image %s: layer %s is not in the cache", digest, l.Digest)
		}
	}
	return partial.CompressedToImage(k)
}

func readBlob(st *store.Store, d store.Digest) ([]byte, error) {
	r, err := st.OpenBlob(d)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(r, maxManifest))
	return raw, errors.Join(err, r.Close())
}

// kept is an image in the store, in the terms of go-containerregistry.
type kept struct {
	st               *store.Store
	manifest, config []byte
	mediaType        types.MediaType
}

func (k kept) RawManifest() ([]byte, error)        { return k.manifest, nil }
func (k kept) RawConfigFile() ([]byte, error)      { return k.config, nil }
func (k kept) MediaType() (types.MediaType, error) { return k.mediaType, nil }

func (k kept) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	m, err := v1.ParseManifest(bytes.NewReader(k.manifest))
	if err != nil {
		return nil, err
	}
	for _, l := range append(m.Layers, m.Config) {
		if l.Digest == h {
			return keptLayer{k.st, l}, nil
		}
	}
	return nil, fmt.Errorf("the image has no layer %s", h)
}

type keptLayer struct {
	st   *store.Store
	desc v1.Descriptor
}

func (l keptLayer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l keptLayer) Size() (int64, error)                { return l.desc.Size, nil }
func (l keptLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l keptLayer) Compressed() (io.ReadCloser, error) {
	return l.st.OpenBlob(store.Digest(l.desc.Digest.String()))
}
