package buildkit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"dram/internal/store"
)

// blobs is one image as a content store that is only read: its manifest and
// configuration, and its layers from dram's cache. The builder verifies what it
// takes.
type blobs struct {
	content.Store // nothing else is asked for; it would fail
	st            *store.Store
	small         map[digest.Digest][]byte
	layers        map[digest.Digest]int64 // sizes in bytes
}

func newBlobs(ctx context.Context, st *store.Store, img v1.Image) (content.Store, error) {
	b := &blobs{st: st, small: map[digest.Digest][]byte{}, layers: map[digest.Digest]int64{}}
	for _, raw := range []func() ([]byte, error){img.RawManifest, img.RawConfigFile} {
		body, err := raw()
		if err != nil {
			return nil, err
		}
		b.small[digest.FromBytes(body)] = body
	}
	m, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	for _, l := range m.Layers {
		if err := keepLayer(ctx, st, img, l); err != nil {
			return nil, fmt.Errorf("layer %s: %w", l.Digest, err)
		}
		b.layers[digest.Digest(l.Digest.String())] = l.Size
	}
	return b, nil
}

// keepLayer puts a layer into the cache unless it is there.
func keepLayer(ctx context.Context, st *store.Store, img v1.Image, l v1.Descriptor) error {
	want := store.Digest(l.Digest.String())
	if st.HasBlob(want, l.Size) {
		return nil
	}
	layer, err := img.LayerByDigest(l.Digest)
	if err != nil {
		return err
	}
	r, err := layer.Compressed()
	if err != nil {
		return err
	}
	_, _, err = st.PutBlob(ctx, r, want)
	return errors.Join(err, r.Close())
}

// Info says how large a blob is.
func (b *blobs) Info(_ context.Context, d digest.Digest) (content.Info, error) {
	if body, ok := b.small[d]; ok {
		return content.Info{Digest: d, Size: int64(len(body))}, nil
	}
	if size, ok := b.layers[d]; ok {
		return content.Info{Digest: d, Size: size}, nil
	}
	return content.Info{}, fmt.Errorf("blob %s: %w", d, errdefs.ErrNotFound)
}

// ReaderAt opens a blob.
func (b *blobs) ReaderAt(_ context.Context, desc ocispec.Descriptor) (content.ReaderAt, error) {
	if body, ok := b.small[desc.Digest]; ok {
		return readerAt{bytes.NewReader(body), io.NopCloser(nil), int64(len(body))}, nil
	}
	size, ok := b.layers[desc.Digest]
	if !ok {
		return nil, fmt.Errorf("blob %s: %w", desc.Digest, errdefs.ErrNotFound)
	}
	f, err := os.Open(b.st.BlobPath(store.Digest(desc.Digest.String())))
	if err != nil {
		return nil, err
	}
	return readerAt{f, f, size}, nil
}

type readerAt struct {
	io.ReaderAt
	io.Closer
	size int64
}

func (r readerAt) Size() int64 { return r.size }
