package toolchain

import (
	"context"
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
