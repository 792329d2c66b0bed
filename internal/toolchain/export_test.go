package toolchain

import (
	"bytes"
	"context"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/ref"
	"dram/internal/registry"
	"dram/internal/store"
)

// Patience sets how long registries are waited for: in silence, and for all that
// is small.
func (p *Provider) Patience(silence, small time.Duration) {
	p.limits = registry.Limits{Silence: silence, Whole: small}
	p.small = small
}

// Packed packs a root as that of a distribution is.
func Packed(ctx context.Context, st *store.Store, root string) (v1.Image, error) {
	l, err := pack(ctx, st, root, os.DirFS(root))
	if err != nil {
		return nil, err
	}
	return (&Toolchain{Ref: ref.Ref{Kind: ref.Distro, Value: "debian/13"}, store: st, arch: "amd64"}).imageOf(l)
}

var ForPlatform = forPlatform

// ReadPulled reads a manifest as that of a registry, with config for its
// configuration.
func ReadPulled(ctx context.Context, raw, config []byte) error {
	p := &pulled{raw: raw}
	p.open = func(context.Context, v1.Descriptor) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(config)), nil
	}
	return p.read(ctx)
}

// JoinTags reads pages of tags.
func JoinTags(pages [][]string, next []string) ([]string, error) {
	var l tagList
	for i, page := range pages {
		if err := l.add(page, next[i]); err != nil {
			return nil, err
		}
	}
	return l.tags, nil
}
