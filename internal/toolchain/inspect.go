package toolchain

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/image"
	"dram/internal/ref"
)

// Image is the image that a reference leads to, to be read: nothing of it is unpacked.
func (p *Provider) Image(ctx context.Context, r ref.Ref, opts Options) (v1.Image, error) {
	t, err := p.Open(ctx, r, opts)
	if err != nil {
		return nil, err
	}
	if kept, err := image.Open(p.Store, t.ID); err == nil {
		return kept, nil
	}
	return p.call(opts.Progress).find(ctx, r, opts.As)
}
