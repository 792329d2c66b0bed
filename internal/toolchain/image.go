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

	"dram/internal/distro/distros"
	"dram/internal/image"
	"dram/internal/problem"
	"dram/internal/publish"
	"dram/internal/registry"
	"dram/internal/store"
)

// tagAge is how long a tag's digest is believed before the registry is asked
// again; a build in between needs no network.
const tagAge = 24 * time.Hour

func (p *call) openImage(ctx context.Context, ref Ref, opts Options) (*Toolchain, error) {
	if ref.Kind == Image {
		if t := p.recorded(ref, opts); t != nil {
			return t, nil
		}
	}
	img, err := p.find(ctx, ref)
	if err != nil {
		return nil, err
	}
	digest, err := img.Digest()
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", ref, err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", ref, err)
	}
	if config.Architecture != "" && config.Architecture != p.Arch {
		return nil, problem.New(problem.Usage, "choose an image for this platform",
			"toolchain %s is for %s, not %s", ref, config.Architecture, p.Arch)
	}
	tag := tagRecord{ID: store.Digest(digest.String()), Config: config.Config}
	if ref.Kind == Image {
		if err := image.Keep(ctx, p.Store, img); err != nil { // to unpack it again without the registry
			return nil, err
		}
		if err := p.Store.Put("tag", p.tagKey(ref), tag); err != nil {
			return nil, err
		}
	}
	return p.toolchain(ref, tag, img), nil
}

// tagRecord is what a registry said of a reference.
type tagRecord struct {
	ID     store.Digest `json:"id"`
	Config v1.Config    `json:"config"`
}

func (p *Provider) tagKey(ref Ref) string { return p.Arch + " " + ref.Value }

// recorded is the toolchain as last seen, if that was not long ago.
func (p *Provider) recorded(ref Ref, opts Options) *Toolchain {
	var tag tagRecord
	age, ok := p.Store.Age("tag", p.tagKey(ref))
	pinned := strings.Contains(ref.Value, "@sha256:")
	if opts.Refresh || !ok || (age > tagAge && !pinned) || !p.Store.Get("tag", p.tagKey(ref), &tag) {
		return nil
	}
	t := p.toolchain(ref, tag, nil)
	if !t.Unpacked() && p.kept(tag.ID) == nil {
		return nil // its layers are needed, so the registry is too
	}
	return t
}

func (p *Provider) toolchain(ref Ref, tag tagRecord, img v1.Image) *Toolchain {
	return &Toolchain{
		Ref: ref, ID: tag.ID, Name: ref.Value, Config: tag.Config, store: p.Store, warn: p.Warn,
		arch: p.Arch,
		fill: func(ctx context.Context, dir string, tell Progress) error {
			img, err := p.call(tell).same(ctx, ref, tag.ID, img)
			if err != nil {
				return err
			}
			return p.call(tell).unpackImage(ctx, img, dir)
		},
		find: func(ctx context.Context) (v1.Image, error) { return p.call(nil).findAll(ctx, ref, img) },
	}
}

// same is the image with that digest: img if it was found already, else what the
// cache has of it, else the registry; the tag may name another by now.
func (p *call) same(ctx context.Context, ref Ref, id store.Digest, img v1.Image) (v1.Image, error) {
	if img != nil {
		return img, nil
	}
	if kept := p.kept(id); kept != nil {
		return kept, nil
	}
	parsed, err := name.ParseReference(ref.Value)
	if err != nil {
		return nil, problem.New(problem.Usage, refHint(), "toolchain %s: %w", ref, err)
	}
	return p.pull(ctx, Ref{Kind: Image, Value: parsed.Context().Digest(string(id)).String()})
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

// find opens the image's manifest wherever ref says.
func (p *call) find(ctx context.Context, ref Ref) (v1.Image, error) {
	if ref.Kind == Image {
		return p.pull(ctx, ref)
	}
	open := func() (v1.Image, error) { return publish.Open(ref.String(), p.Arch) }
	if ref.Kind == Layout {
		open = func() (v1.Image, error) { return publish.OpenFirst(ref.Value, p.Arch) }
	}
	img, err := open()
	if err != nil {
		return nil, problem.New(problem.Usage, refHint(), "%w", err)
	}
	return img, nil
}

func (p *call) pull(ctx context.Context, ref Ref) (v1.Image, error) {
	parsed, err := name.ParseReference(ref.Value)
	if err != nil {
		return nil, problem.New(problem.Usage, refHint(), "toolchain %s: %w", ref, err)
	}
	p.progress("asking the registry for %s", parsed)
	img, err := p.fetchImage(ctx, parsed)
	if err != nil {
		return nil, registryProblem(ref.String(), err)
	}
	return img, nil
}

// Tags lists the tags of an image repository.
func (p *Provider) Tags(ctx context.Context, repository string, tell Progress) ([]string, error) {
	repo, err := name.NewRepository(repository)
	if err != nil {
		return nil, problem.New(problem.Usage, "write it as HOST/NAME", "image repository %q: %w", repository, err)
	}
	p.call(tell).progress("asking the registry for the tags of %s", repo)
	tags, err := p.listTags(ctx, repo)
	if err != nil {
		return nil, registryProblem(repository, err)
	}
	return tags, nil
}

// registryProblem says what a registry's answer means and what to do.
func registryProblem(what string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	if bound := registry.Problem("pulling "+what, err); bound != nil {
		return bound
	}
	if te, ok := errors.AsType[*transport.Error](err); ok {
		switch te.StatusCode {
		case http.StatusNotFound:
			return problem.New(problem.Usage, "see that name and tag are right", "toolchain %s does not exist: %w", what, err)
		case http.StatusUnauthorized, http.StatusForbidden:
			return problem.New(problem.Failure, "log in to the registry (docker login) or see that the name is right",
				"pulling %s was refused: %w", what, err)
		case http.StatusTooManyRequests:
			return problem.New(problem.Failure, "wait, or log in for a higher limit", "pulling %s was rate-limited: %w", what, err)
		}
	}
	return problem.New(problem.Failure,
		"see that the registry can be reached from here, or build with a distribution's Erlang: --toolchain "+distros.All().Example(),
		"pulling %s: %w", what, err)
}
