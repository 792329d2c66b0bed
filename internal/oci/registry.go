package oci

import (
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
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"dram/internal/httpbound"
	"dram/internal/registry"
)

const (
	maxTags    = 500_000         // of a repository
	maxPages   = 10_000          // that they come in
	maxTagText = 64 << 20        // bytes of all of them
	smallTime  = 5 * time.Minute // for a list of tags, or for all of an image but its layers
)

// Registry asks registries for images and tags.
type Registry struct {
	Transport http.RoundTripper // nil: one with timeouts of its own
	Limits    registry.Limits   // zero: the usual ones
	Small     time.Duration     // for all that is small; zero: five minutes
}

// client speaks to the registry that has repo.
func (r Registry) client(repo name.Repository) (*remote.Puller, error) {
	return remote.NewPuller(
		remote.WithTransport(registry.Transport(r.Transport, repo.RegistryStr(), r.Limits)),
		remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithUserAgent("dram"),
		// The library waits without an eye on the context, so it does not wait for long.
		remote.WithRetryBackoff(remote.Backoff{Duration: 300 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 3}),
	)
}

// within is ctx, ending after the time for what is small, with an error of its own.
func (r Registry) within(ctx context.Context) (context.Context, context.CancelFunc) {
	d := cmp.Or(r.Small, smallTime)
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("%w: no answer in full within %v", httpbound.ErrSlow, d))
}

// because is err, or what ended ctx.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, httpbound.ErrSlow) {
		return cause
	}
	return err
}

// Tags lists the tags of a repository, page by page.
func (r Registry) Tags(ctx context.Context, repo name.Repository) ([]string, error) {
	client, err := r.client(repo)
	if err != nil {
		return nil, err
	}
	ctx, cancel := r.within(ctx)
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

// Image gets all of an image for linux/arch but its layers, which are read within
// ctx, when they are asked for.
func (r Registry) Image(ctx context.Context, at name.Reference, arch string) (v1.Image, error) {
	client, err := r.client(at.Context())
	if err != nil {
		return nil, err
	}
	small, cancel := r.within(ctx)
	defer cancel()
	get := func(at name.Reference) (Manifest, error) {
		desc, err := client.Get(small, at)
		if err != nil {
			return Manifest{}, err
		}
		return Manifest{desc.Manifest, desc.MediaType}, nil
	}
	m, err := get(at)
	if err == nil {
		m, err = follow(m, arch, First, func(d v1.Descriptor) (Manifest, error) { return get(at.Context().Digest(d.Digest.String())) })
	}
	if err != nil {
		return nil, because(small, err)
	}
	blobs := func(ctx context.Context) Blobs {
		return func(d v1.Descriptor) (io.ReadCloser, error) { return openBlob(ctx, client, at.Context(), d) }
	}
	img, err := New(m, blobs(small), blobs(ctx))
	return img, because(small, err)
}

// openBlob opens a blob of a repository.
func openBlob(ctx context.Context, client *remote.Puller, repo name.Repository, d v1.Descriptor) (io.ReadCloser, error) {
	layer, err := client.Layer(ctx, repo.Digest(d.Digest.String()))
	if err != nil {
		return nil, err
	}
	return layer.Compressed()
}
