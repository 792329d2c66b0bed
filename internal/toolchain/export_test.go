package toolchain

import (
	"context"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/store"
)

// Packed packs a root as that of a distribution is.
func Packed(ctx context.Context, st *store.Store, root string) (v1.Image, error) {
	l, err := pack(ctx, st, root, os.DirFS(root))
	if err != nil {
		return nil, err
	}
	return (&Toolchain{Ref: Ref{Kind: Distro, Value: "debian/13"}, store: st, arch: "amd64"}).imageOf(l)
}
