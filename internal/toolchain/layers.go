package toolchain

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"dram/internal/httpbound"
	"dram/internal/oci"
	"dram/internal/problem"
	"dram/internal/registry"
	"dram/internal/store"
	"dram/internal/untar"
)

const (
	maxRoot    = 16 << 30  // what an image may unpack to, all its layers together, in bytes
	maxFiles   = 1_000_000 // and in entries
	freeBytes  = 256 << 20 // what any layer may unpack to
	maxRatio   = 100       // and how many bytes more for each that it has; gzip's utmost is 1,030
	atOnce     = 4         // layers fetched at the same time
	layerTries = 3         // a connection that breaks is tried again
)

// unpackImage fetches and verifies the image's layers, then lays them over one
// another in dir.
func (p *call) unpackImage(ctx context.Context, img v1.Image, dir string) error {
	layers, err := layersOf(img)
	if err != nil {
		return err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	if len(config.RootFS.DiffIDs) != len(layers) {
		return fmt.Errorf("the configuration lists %d layers, the manifest %d", len(config.RootFS.DiffIDs), len(layers))
	}
	if err := p.fetchLayers(ctx, layers); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // only a handle
	tree, err := untar.NewTree(root)
	if err != nil {
		return err
	}
	u := &unpacker{store: p.Store, tree: tree, bytes: maxRoot, files: maxFiles}
	for i, l := range layers {
		p.progress("unpacking layer %d of %d", i+1, len(layers))
		if err := u.layer(ctx, l, store.Digest(config.RootFS.DiffIDs[i].String())); err != nil {
			return fmt.Errorf("unpacking layer %d: %w", i+1, err)
		}
	}
	return tree.Finish()
}

// layersOf are the layers of an image whose sizes are those of one.
func layersOf(img v1.Image) ([]v1.Layer, error) {
	m, err := img.Manifest()
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	if err := registry.CheckSizes(m); err != nil {
		return nil, registry.Problem("reading the manifest", err)
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, fmt.Errorf("reading layers: %w", err)
	}
	return layers, nil
}

// fetchLayers brings layers into the cache, some at the same time.
func (p *call) fetchLayers(ctx context.Context, layers []v1.Layer) error {
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, l := range layers {
		group.Go(func() error { return p.fetchLayer(each, l) })
	}
	return group.Wait()
}

// fetchLayer brings a layer's bytes into the cache, under their digest.
func (p *call) fetchLayer(ctx context.Context, l v1.Layer) error {
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
		if err == nil || ctx.Err() != nil || try == layerTries || !again(err) || try > 1 && errors.Is(err, httpbound.ErrSilent) {
			break
		}
		p.progress("fetching layer %s again: %v", want.Hex()[:12], err)
	}
	return fetchProblem(ctx, want, err)
}

// again says whether what failed may work the next time. A server that sends too
// much, or elsewhere, does so again.
func again(err error) bool {
	var local *fs.PathError // this machine's disk
	return !errors.As(err, &local) && (errors.Is(err, httpbound.ErrSilent) || registry.Problem("", err) == nil)
}

// fetchProblem says what a failed fetch means and what to do; nil for nil.
func fetchProblem(ctx context.Context, layer store.Digest, err error) error {
	doing := "fetching layer " + string(layer)
	switch bound := registry.Problem(doing, err); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case bound != nil:
		return bound
	case errors.Is(err, syscall.ENOSPC):
		return problem.New(problem.Environment, "make room on the cache's disk, or set DRAM_CACHE_DIR to another one", "%s: %w", doing, err)
	}
	return problem.New(problem.Failure, "see that the registry can be reached and is sound, and run it again: what was fetched is kept", "%s: %w", doing, err)
}

func (p *Provider) copyLayer(ctx context.Context, l v1.Layer, want store.Digest) error {
	r, err := l.Compressed()
	if err != nil {
		return err
	}
	// What is read of a registry has the context that the image was opened with.
	stop := context.AfterFunc(ctx, func() { _ = r.Close() })
	defer stop()
	_, _, err = p.Store.PutBlob(ctx, r, want)
	return errors.Join(err, r.Close())
}

// unpacker lays layers over one another; what they may unpack to is bounded for
// all of them together.
type unpacker struct {
	store *store.Store
	tree  *untar.Tree
	bytes int64 // that are left
	files int
}

// layer unpacks a fetched layer and compares what came out with diffID.
func (u *unpacker) layer(ctx context.Context, l v1.Layer, diffID store.Digest) error {
	digest, err := l.Digest()
	if err != nil {
		return err
	}
	size, err := l.Size()
	if err != nil {
		return err
	}
	blob, err := u.store.OpenBlob(store.Digest(digest.String()))
	if err != nil {
		return err
	}
	defer func() { _ = blob.Close() }()
	r, err := oci.Decompress(blob)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	sum := sha256.New()
	body := io.TeeReader(untar.Bounded(store.WithContext(ctx, r), min(u.bytes, freeBytes+maxRatio*size)), sum)
	if err := u.extract(ctx, body); err != nil {
		return err
	}
	if got := store.SumDigest(sum); got != diffID {
		return fmt.Errorf("its content is %s, the configuration says %s", got, diffID)
	}
	return nil
}

func (u *unpacker) extract(ctx context.Context, body io.Reader) error {
	if u.bytes <= 0 || u.files <= 0 {
		return fmt.Errorf("%w: all layers together, more than %d bytes or %d files", untar.ErrLimit, int64(maxRoot), maxFiles)
	}
	got, err := u.tree.Extract(ctx, body, untar.Options{Whiteouts: true, MaxBytes: u.bytes, MaxEntries: u.files})
	u.bytes, u.files = u.bytes-got.Bytes, u.files-got.Entries
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, body) // what follows the archive's end
	return err
}
