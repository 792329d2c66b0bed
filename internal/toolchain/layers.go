package toolchain

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"dram/internal/store"
	"dram/internal/untar"
)

const (
	maxRoot     = 16 << 30 // what an image may unpack to, in bytes
	maxLayers   = 256
	zstdWindow  = 128 << 20 // what a zstd frame may ask for, in bytes of memory
	atOnce      = 4         // layers fetched at the same time
	layerTries  = 3         // a connection that breaks is tried again
	sniffLength = 4
)

// unpackImage fetches and verifies the image's layers, then lays them over one
// another in dir.
func (p *Provider) unpackImage(ctx context.Context, img v1.Image, dir string) error {
	layers, err := img.Layers()
	if err != nil {
		return fmt.Errorf("reading layers: %w", err)
	}
	if len(layers) > maxLayers {
		return fmt.Errorf("the image has %d layers, more than %d", len(layers), maxLayers)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	if len(config.RootFS.DiffIDs) != len(layers) {
		return fmt.Errorf("the configuration lists %d layers, the manifest %d", len(config.RootFS.DiffIDs), len(layers))
	}
	group, fetchCtx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, l := range layers {
		group.Go(func() error { return p.fetchLayer(fetchCtx, l) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, l := range layers {
		p.progress("unpacking layer %d of %d", i+1, len(layers))
		if err := p.unpackLayer(ctx, l, store.Digest(config.RootFS.DiffIDs[i].String()), dir); err != nil {
			return fmt.Errorf("unpacking layer %d: %w", i+1, err)
		}
	}
	return nil
}

// fetchLayer brings a layer's bytes into the cache, under their digest.
func (p *Provider) fetchLayer(ctx context.Context, l v1.Layer) error {
	digest, err := l.Digest()
	if err != nil {
		return err
	}
	want := store.Digest(digest.String())
	if p.Store.HasBlob(want, -1) && p.Store.VerifyBlob(want) == nil {
		return nil
	}
	p.progress("fetching layer %s", want.Hex()[:12])
	for try := 1; ; try++ {
		err = p.copyLayer(ctx, l, want)
		if err == nil || try == layerTries || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("fetching layer %s: %w", want, err)
	}
	return nil
}

func (p *Provider) copyLayer(ctx context.Context, l v1.Layer, want store.Digest) error {
	r, err := l.Compressed()
	if err != nil {
		return err
	}
	_, _, err = p.Store.PutBlob(ctx, r, want)
	return errors.Join(err, r.Close())
}

// unpackLayer unpacks a fetched layer and compares what came out with diffID.
func (p *Provider) unpackLayer(ctx context.Context, l v1.Layer, diffID store.Digest, dir string) error {
	digest, err := l.Digest()
	if err != nil {
		return err
	}
	blob, err := p.Store.OpenBlob(store.Digest(digest.String()))
	if err != nil {
		return err
	}
	defer func() { _ = blob.Close() }()
	r, err := decompress(blob)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	sum := sha256.New()
	body := io.TeeReader(store.WithContext(ctx, io.LimitReader(r, maxRoot)), sum)
	if _, err := untar.Extract(ctx, body, dir, untar.Options{Whiteouts: true, MaxBytes: maxRoot}); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, body); err != nil { // what follows the archive's end
		return err
	}
	if got := store.SumDigest(sum); got != diffID {
		return fmt.Errorf("its content is %s, the configuration says %s", got, diffID)
	}
	return nil
}

// decompress reads gzip, zstd or plain bytes, told apart by their magic.
func decompress(r io.Reader) (io.ReadCloser, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	magic, err := br.Peek(sniffLength)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(br)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(br, zstd.WithDecoderMaxMemory(zstdWindow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(br), nil
}
