package toolchain

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/httpbound"
	"dram/internal/registry"
)

const (
	maxTags    = 500_000         // of a repository
	maxPages   = 10_000          // that they come in
	maxTagText = 64 << 20        // bytes of all of them
	smallTime  = 5 * time.Minute // for a list of tags, or for all of an image but its layers
	maxIndexes = 3               // in indexes
)

// client speaks to the registry that has repo.
func (p *Provider) client(repo name.Repository) (*remote.Puller, error) {
	var inner http.RoundTripper
	if p.HTTP != nil {
		inner = p.HTTP.Transport
	}
	return remote.NewPuller(
		remote.WithTransport(registry.Transport(inner, repo.RegistryStr(), p.limits)),
		remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithUserAgent("dram"),
		// The library waits without an eye on the context, so it does not wait for long.
		remote.WithRetryBackoff(remote.Backoff{Duration: 300 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 3}),
	)
}

// within is ctx, ending after smallTime with an error of its own.
func (p *Provider) within(ctx context.Context) (context.Context, context.CancelFunc) {
	d := cmp.Or(p.small, smallTime)
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("%w: no answer in full within %v", httpbound.ErrSlow, d))
}

// because is err, or what ended ctx.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, httpbound.ErrSlow) {
		return cause
	}
	return err
}

// listTags reads the tags of a repository, page by page.
func (p *Provider) listTags(ctx context.Context, repo name.Repository) ([]string, error) {
	client, err := p.client(repo)
	if err != nil {
		return nil, err
	}
	ctx, cancel := p.within(ctx)
	defer cancel()
	pages, err := client.Lister(ctx, repo)
	if err != nil {
		return nil, because(ctx, err)
	}
	var all tagList
	for pages.HasNext() {
		page, err := pages.Next(ctx)
		if err != nil {
			return nil, because(ctx, err)
		}
		if err := all.add(page.Tags, page.Next); err != nil {
			return nil, err
		}
	}
	return all.tags, nil
}

// tagList are the tags of the pages so far.
type tagList struct {
	tags []string
	text int             // bytes of them
	seen map[string]bool // where further pages are
}

// add takes a page and where the next one is, "" for none.
func (l *tagList) add(tags []string, next string) error {
	for _, tag := range tags {
		l.text += len(tag)
	}
	l.tags = append(l.tags, tags...)
	switch {
	case len(l.tags) > maxTags:
		return fmt.Errorf("%w: more than %d tags", httpbound.ErrTooLarge, maxTags)
	case l.text > maxTagText:
		return fmt.Errorf("%w: tags of more than %d bytes", httpbound.ErrTooLarge, maxTagText)
	case len(l.seen) >= maxPages:
		return fmt.Errorf("%w: more than %d pages of tags", httpbound.ErrTooLarge, maxPages)
	case next == "":
		return nil
	case l.seen[next]:
		return fmt.Errorf("%w: the list of tags leads back to %q", httpbound.ErrTooLarge, next)
	}
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	l.seen[next] = true
	return nil
}

// fetchImage gets all of an image but its layers, for linux/arch.
func (p *Provider) fetchImage(ctx context.Context, ref name.Reference) (v1.Image, error) {
	client, err := p.client(ref.Context())
	if err != nil {
		return nil, err
	}
	small, cancel := p.within(ctx)
	defer cancel()
	desc, err := client.Get(small, ref)
	for depth := 0; err == nil && desc.MediaType.IsIndex(); depth++ {
		if depth == maxIndexes {
			return nil, errors.New("too many indexes in indexes")
		}
		var chosen v1.Descriptor
		if chosen, err = forPlatform(desc.Manifest, p.Arch); err == nil {
			desc, err = client.Get(small, ref.Context().Digest(chosen.Digest.String()))
		}
	}
	if err != nil {
		return nil, because(small, err)
	}
	img := &pulled{raw: desc.Manifest, mediaType: desc.MediaType}
	img.open = func(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
		return openBlob(ctx, client, ref.Context(), d)
	}
	img.layer = func(d v1.Descriptor) (io.ReadCloser, error) { return img.open(ctx, d) }
	if err := img.read(small); err != nil {
		return nil, because(small, err)
	}
	return partial.CompressedToImage(img)
}

// forPlatform is the index's first entry for linux/arch.
func forPlatform(index []byte, arch string) (v1.Descriptor, error) {
	m, err := v1.ParseIndexManifest(bytes.NewReader(index))
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("parsing the index: %w", err)
	}
	for _, d := range m.Manifests {
		fits := d.Platform == nil || d.Platform.OS == "linux" && d.Platform.Architecture == arch
		if fits && (d.MediaType.IsImage() || d.MediaType.IsIndex()) {
			return d, nil
		}
	}
	return v1.Descriptor{}, fmt.Errorf("the index has no image for linux/%s", arch)
}

// openBlob opens a blob of a repository; it is as long as d says, or its reader
// fails.
func openBlob(ctx context.Context, client *remote.Puller, repo name.Repository, d v1.Descriptor) (io.ReadCloser, error) {
	layer, err := client.Layer(ctx, repo.Digest(d.Digest.String()))
	if err != nil {
		return nil, err
	}
	r, err := layer.Compressed()
	if err != nil {
		return nil, err
	}
	return registry.Exactly(r, d.Size), nil
}

// pulled is an image of a registry, in the terms of go-containerregistry.
type pulled struct {
	raw, config []byte
	manifest    *v1.Manifest
	mediaType   types.MediaType
	open        func(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)
	layer       func(d v1.Descriptor) (io.ReadCloser, error)
}

// read reads manifest and configuration.
func (i *pulled) read(ctx context.Context) (err error) {
	if i.manifest, err = v1.ParseManifest(bytes.NewReader(i.raw)); err != nil {
		return fmt.Errorf("parsing the manifest: %w", err)
	}
	if i.manifest.Config.Digest.Hex == "" {
		return fmt.Errorf("its manifest (%s) names no configuration: an image of a form that is no longer in use", i.mediaType)
	}
	if err := registry.CheckSizes(i.manifest); err != nil {
		return err
	}
	r, err := i.open(ctx, i.manifest.Config)
	if err != nil {
		return err
	}
	i.config, err = io.ReadAll(r)
	return errors.Join(err, r.Close())
}

func (i *pulled) RawManifest() ([]byte, error)        { return i.raw, nil }
func (i *pulled) RawConfigFile() ([]byte, error)      { return i.config, nil }
func (i *pulled) MediaType() (types.MediaType, error) { return i.mediaType, nil }

func (i *pulled) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, d := range i.manifest.Layers {
		if d.Digest == h {
			return pulledLayer{i, d}, nil
		}
	}
	return nil, fmt.Errorf("the image has no layer %s", h)
}

type pulledLayer struct {
	image *pulled
	desc  v1.Descriptor
}

func (l pulledLayer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l pulledLayer) Size() (int64, error)                { return l.desc.Size, nil }
func (l pulledLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l pulledLayer) Compressed() (io.ReadCloser, error)  { return l.image.layer(l.desc) }
