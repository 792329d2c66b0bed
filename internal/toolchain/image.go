package toolchain

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"dram/internal/image"
	"dram/internal/oci"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/registry"
	"dram/internal/store"
)

// tagAge is how long a tag's digest is believed before the registry is asked
// again; a build in between needs no network.
const tagAge = 24 * time.Hour

func (p *call) openImage(ctx context.Context, r ref.Ref, opts Options) (*Toolchain, error) {
	if r.Kind == ref.Image {
		if t := p.recorded(r, opts); t != nil {
			return t, nil
		}
	}
	img, err := opts.Image, error(nil)
	if img == nil {
		img, err = p.find(ctx, r, opts.As)
	}
	if err != nil {
		return nil, err
	}
	digest, err := img.Digest()
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", r, err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", r, err)
	}
	if config.Architecture != "" && config.Architecture != p.Arch {
		return nil, problem.New(problem.Usage, "choose an image for this platform, or say with --platform what it was built for",
			"%s %s is for %s, not %s", opts.As.Noun, r, config.Architecture, p.Arch)
	}
	tag := tagRecord{ID: store.Digest(digest.String()), Config: config.Config}
	if r.Kind == ref.Image {
		if err := image.Keep(ctx, p.Store, img); err != nil { // to unpack it again without the registry
			return nil, err
		}
		if err := p.Store.Put("tag", p.tagKey(r), tag); err != nil {
			return nil, err
		}
	}
	return p.toolchain(r, opts.As, tag, img), nil
}

// tagRecord is what a registry said of a reference.
type tagRecord struct {
	ID     store.Digest `json:"id"`
	Config v1.Config    `json:"config"`
}

func (p *Provider) tagKey(r ref.Ref) string { return p.Arch + " " + r.Value }

// recorded is the toolchain as last seen, if that was not long ago.
func (p *Provider) recorded(r ref.Ref, opts Options) *Toolchain {
	var tag tagRecord
	age, ok := p.Store.Age("tag", p.tagKey(r))
	pinned := strings.Contains(r.Value, "@sha256:")
	if opts.Refresh || !ok || (age > tagAge && !pinned) || !p.Store.Get("tag", p.tagKey(r), &tag) {
		return nil
	}
	t := p.toolchain(r, opts.As, tag, nil)
	if !t.Unpacked() && p.kept(tag.ID) == nil {
		return nil // its layers are needed, so the registry is too
	}
	return t
}

func (p *Provider) toolchain(r ref.Ref, as ref.Use, tag tagRecord, img v1.Image) *Toolchain {
	return &Toolchain{
		Ref: r, ID: tag.ID, Name: r.Value, Config: tag.Config, store: p.Store, warn: p.Warn,
		arch: p.Arch,
		fill: func(ctx context.Context, dir string, tell Progress) error {
			img := img
			if img == nil {
				var err error
				if img, err = p.call(tell).same(ctx, r, as, tag.ID); err != nil {
					return err
				}
			}
			return p.call(tell).unpackImage(ctx, img, dir)
		},
		find: func(ctx context.Context) (v1.Image, error) { return p.call(nil).findAll(ctx, r, as, img) },
	}
}

// same is the image with that digest: what the cache has of it, else what the
// registry has; the tag may name another by now.
func (p *call) same(ctx context.Context, r ref.Ref, as ref.Use, id store.Digest) (v1.Image, error) {
	if kept := p.kept(id); kept != nil {
		return kept, nil
	}
	parsed, err := name.ParseReference(r.Value)
	if err != nil {
		return nil, problem.New(problem.Usage, as.Hint, "%s %s: %w", as.Noun, r, err)
	}
	return p.pull(ctx, ref.Ref{Kind: ref.Image, Value: parsed.Context().Digest(string(id)).String()}, as)
}

// kept is the image as the cache has it, all its layers sound; nil if it is not.
func (p *Provider) kept(id store.Digest) v1.Image {
	img, err := image.Open(p.Store, id)
	if err != nil {
		return nil
	}
	m, err := img.Manifest()
	if err != nil {
		return nil
	}
	for _, l := range m.Layers {
		if p.Store.VerifyBlob(store.Digest(l.Digest.String())) != nil {
			return nil
		}
	}
	return img
}

// find opens the image's manifest wherever r says.
func (p *call) find(ctx context.Context, r ref.Ref, as ref.Use) (v1.Image, error) {
	if r.Kind == ref.Image {
		return p.pull(ctx, r, as)
	}
	opts := oci.Options{Arch: p.Arch, TempDir: p.Store.TempDir}
	if r.Kind == ref.Layout {
		opts.Choose = oci.First
	}
	img, err := oci.Open(r, opts)
	if err != nil {
		return nil, problem.New(problem.Usage, as.Hint, "%w", err)
	}
	return img, nil
}

func (p *call) pull(ctx context.Context, r ref.Ref, as ref.Use) (v1.Image, error) {
	parsed, err := name.ParseReference(r.Value)
	if err != nil {
		return nil, problem.New(problem.Usage, as.Hint, "%s %s: %w", as.Noun, r, err)
	}
	p.progress("asking the registry for %s", parsed)
	img, err := p.registry().Image(ctx, parsed, p.Arch)
	if err != nil {
		return nil, registryProblem(as, r.String(), err)
	}
	return img, nil
}

// registry asks registries as the provider's client does.
func (p *Provider) registry() oci.Registry {
	r := oci.Registry{Limits: p.limits, Small: p.small}
	if p.HTTP != nil {
		r.Transport = p.HTTP.Transport
	}
	return r
}

// registryProblem says what a registry's answer means and what to do.
func registryProblem(as ref.Use, what string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	if bound := registry.Problem("pulling "+what, err); bound != nil {
		return bound
	}
	if te, ok := errors.AsType[*transport.Error](err); ok {
		switch te.StatusCode {
		case http.StatusNotFound:
			return problem.New(problem.Usage, "see that name and tag are right", "%s %s does not exist: %w", as.Noun, what, err)
		case http.StatusUnauthorized, http.StatusForbidden:
			return problem.New(problem.Failure, "log in to the registry (docker login) or see that the name is right",
				"pulling %s was refused: %w", what, err)
		case http.StatusTooManyRequests:
			return problem.New(problem.Failure, "wait, or log in for a higher limit", "pulling %s was rate-limited: %w", what, err)
		}
	}
	hint := "see that the registry can be reached from here"
	if as.Otherwise != "" {
		hint += ", or " + as.Otherwise
	}
	return problem.New(problem.Failure, hint, "pulling %s: %w", what, err)
}
