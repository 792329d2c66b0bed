package buildkit

import (
	"context"
	"fmt"
	"io"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"dram/internal/daemon"
	"dram/internal/engine"
	"dram/internal/store"
)

// ociStore names the toolchain's content in the session.
const ociStore = "toolchain"

// handedOver is a toolchain as the builder finds it.
type handedOver struct {
	name   string        // what FROM says
	store  content.Store // where the session has it; nil where the builder does
	digest store.Digest  // of its manifest, with store
}

// handOver gives the builder the toolchain: loaded into a Docker daemon, whose
// BuildKit takes no other way, or else as an OCI layout in the session, of which
// the builder takes what it does not have.
func (b *builder) handOver(ctx context.Context, st *store.Store, tc engine.Toolchain) (handedOver, error) {
	tag := Tag(tc)
	if b.docker != nil {
		return handedOver{name: tag}, Load(ctx, b.docker, tc, tag)
	}
	img, err := tc.Image(ctx)
	if err != nil {
		return handedOver{}, err
	}
	digest, err := img.Digest()
	if err != nil {
		return handedOver{}, err
	}
	blobs, err := newBlobs(ctx, st, img)
	if err != nil {
		return handedOver{}, fmt.Errorf("handing over toolchain %s: %w", tc.Name, err)
	}
	return handedOver{name: tag, store: blobs, digest: store.Digest(digest.String())}, nil
}

// Load puts a toolchain into a Docker daemon under a tag, unless it is there.
func Load(ctx context.Context, d *daemon.Client, tc engine.Toolchain, tag string) error {
	ref, err := name.NewTag(tag)
	if err != nil {
		return fmt.Errorf("loading toolchain %s: %w", tc.Name, err)
	}
	// The tag has the toolchain's digest: who has it has the layers.
	if has, err := d.API().ImageInspect(ctx, tag); err == nil && has.Config != nil && has.Config.Labels[label] == string(tc.ID) {
		return nil
	}
	img, err := tc.Image(ctx)
	if err != nil {
		return err
	}
	if img, err = labelled(img, tc.ID); err != nil {
		return err
	}
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(tarball.Write(ref, img, w)) }()
	defer func() { _ = r.Close() }()
	return d.Load(ctx, r)
}

// label says on a loaded toolchain what its content is.
const label = "dram.toolchain"

func labelled(img v1.Image, id store.Digest) (v1.Image, error) {
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	c := config.Config.DeepCopy()
	if c.Labels == nil {
		c.Labels = map[string]string{}
	}
	c.Labels[label] = string(id)
	return mutate.Config(img, *c)
}
