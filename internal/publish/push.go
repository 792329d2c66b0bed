package publish

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"dram/internal/httpbound"
	"dram/internal/problem"
	"dram/internal/registry"
)

// uploads is how many blobs of an image are sent at the same time.
const uploads = 4

// Destination is a repository of a registry and the tags that an image gets
// there.
type Destination struct {
	Repository name.Repository
	Tags       []string
}

// ParseDestination reads HOST/NAME or HOST/NAME:TAG and further tags. Without
// any tag it is "latest", as everywhere. plainHTTP lets a registry answer
// without TLS, which is else only taken from loopback.
func ParseDestination(ref string, tags []string, opts ...name.Option) (Destination, error) {
	const hint = "write HOST/NAME:TAG, as in registry.example/team/hello:1.0"
	parsed, err := name.ParseReference(ref, slices.Concat(opts, []name.Option{name.WithDefaultTag("")})...)
	if err != nil {
		return Destination{}, problem.New(problem.Usage, hint, "an image cannot be pushed to %q: %w", ref, err)
	}
	if _, pinned := parsed.(name.Digest); pinned {
		return Destination{}, problem.New(problem.Usage, hint, "an image cannot be pushed to %q: a digest is what comes of it", ref)
	}
	d := Destination{Repository: parsed.Context()}
	if own := parsed.Identifier(); own != "" || len(tags) == 0 {
		tags = append([]string{cmp.Or(own, name.DefaultTag)}, tags...)
	}
	for _, tag := range tags {
		t, err := name.NewTag(d.Repository.Name()+":"+tag, opts...)
		if err != nil {
			return Destination{}, problem.New(problem.Usage, "a tag has letters, digits, and _ . -, as in 1.0.2-rc1", "tag %q cannot be: %w", tag, err)
		}
		if !slices.Contains(d.Tags, t.TagStr()) {
			d.Tags = append(d.Tags, t.TagStr())
		}
	}
	return d, nil
}

// Pusher sends images to registries, as the OCI distribution specification 1.1
// says.
type Pusher struct {
	Transport http.RoundTripper // nil: one with timeouts of its own
	Keychain  authn.Keychain    // nil: what docker login, podman login and credential helpers keep
	// Sources are repositories of the same registry that may have a blob already:
	// it is mounted from there. The first that is in that registry is asked.
	Sources func(blob v1.Hash) []name.Repository
	// Progress is told what was sent so far; it may be called concurrently.
	Progress func(Pushed)
	// Untagged is called when the image is there whole and no tag names it yet. If it
	// fails, none will.
	Untagged func(context.Context) error
	wait     httpbound.Waiter // nil: by the clock
	limits   registry.Limits  // zero: the usual ones
}

// Pushed is what a push came to.
type Pushed struct {
	Ref           string // "registry.example/team/hello@sha256:…"
	Total         int64  // bytes of all blobs
	Sent          int64  // bytes of blobs sent, those sent again included
	Uploaded      int    // blobs sent
	Mounted       int    // blobs mounted from another repository
	Reused        int    // blobs that were there
	Retries       int    // requests made again
	Resumed       int    // uploads that went on where they had stopped
	Blobs         []v1.Hash
	TagsUnchanged int // tags that named the image already
	// How each blob came there, once all is done.
	How map[v1.Hash]How
}

// How is how a blob came to where it was pushed.
type How string

// The ways.
const (
	Existed  How = "exists"
	Mounted  How = "mounted"
	Uploaded How = "sent"
)

// Push sends img to a registry. Blobs come first, and only when the registry
// says that it has each of them the manifest, by its digest, and at last the
// tags: whatever fails in between, no tag names an image that is not whole.
//
// A connection that breaks, an answer that says that the trouble is the
// registry's (408, 429, 5xx), is tried again: later each time, when Retry-After
// says so, and from where the upload had come where the registry can tell.
func (p *Pusher) Push(ctx context.Context, img v1.Image, to Destination) (Pushed, error) {
	blobs, manifest, err := pushParts(img)
	if err != nil {
		return Pushed{}, fmt.Errorf("pushing to %s: %w", to.Repository, err)
	}
	return p.send(ctx, sending{blobs, nil, manifest}, to)
}

// sending is what is sent: blobs, the manifests of an index's images, and what the tags
// name.
type sending struct {
	blobs []blob
	parts []manifest
	top   manifest
}

func (p *Pusher) send(ctx context.Context, s sending, to Destination) (Pushed, error) {
	tally := newTally(s.blobs, p.Progress)
	r := &remote{
		repo: to.Repository, transport: p.transport(), keychain: p.Keychain, wait: p.wait, tally: tally,
		limits: p.limits, mounts: p.mounts(to.Repository, s.blobs),
	}
	err := r.push(ctx, s)
	if err == nil && p.Untagged != nil {
		if err := p.Untagged(ctx); err != nil {
			return Pushed{}, err
		}
	}
	if err == nil {
		err = r.tag(ctx, s.top, to.Tags)
	}
	if err != nil {
		return Pushed{}, pushProblem(to.Repository, err)
	}
	done := tally.now()
	done.Ref = repositoryName(to.Repository) + "@" + s.top.digest.String()
	return done, nil
}

// manifest is what is pushed last.
type manifest struct {
	digest    v1.Hash
	mediaType string
	raw       []byte
}

func pushParts(img v1.Image) ([]blob, manifest, error) {
	layers, err := layerBlobs(img)
	if err != nil {
		return nil, manifest{}, err
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return nil, manifest{}, err
	}
	raw, err := img.RawManifest()
	if err != nil {
		return nil, manifest{}, err
	}
	mediaType, err := img.MediaType()
	if err != nil {
		return nil, manifest{}, err
	}
	blobs := distinct(append(layers, bytesBlob(config)))
	return blobs, manifest{bytesBlob(raw).digest, string(mediaType), raw}, nil
}

// mounts says for each blob from which repository it may be mounted: of this
// registry, and not this repository.
func (p *Pusher) mounts(to name.Repository, blobs []blob) map[v1.Hash]name.Repository {
	out := map[v1.Hash]name.Repository{}
	if p.Sources == nil {
		return out
	}
	for _, b := range blobs {
		for _, from := range p.Sources(b.digest) {
			if from.RegistryStr() == to.RegistryStr() && from.RepositoryStr() != to.RepositoryStr() {
				out[b.digest] = from
				break
			}
		}
	}
	return out
}

// push sends the blobs, and the manifests by their digests, what tags name last.
func (r *remote) push(ctx context.Context, s sending) error {
	if err := r.connect(ctx); err != nil {
		return err
	}
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(uploads)
	for _, b := range s.blobs {
		group.Go(func() error { return r.putBlob(each, b) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, one := range append(slices.Clone(s.parts), s.top) {
		if err := r.putManifest(ctx, one, one.digest.String()); err != nil {
			return err
		}
	}
	return nil
}

// tag has tags name a manifest that is there.
func (r *remote) tag(ctx context.Context, m manifest, tags []string) error {
	for _, tag := range tags {
		has, err := r.tagged(ctx, tag)
		if err != nil {
			return err
		}
		if has == m.digest.String() { // some registries let no tag be written twice
			r.tally.add(func(p *Pushed) { p.TagsUnchanged++ })
			continue
		}
		if err := r.putManifest(ctx, m, tag); err != nil {
			return err
		}
	}
	return nil
}

// tally counts what was done so far.
type tally struct {
	mu   sync.Mutex
	p    Pushed
	how  map[v1.Hash]How
	tell func(Pushed)
}

func newTally(blobs []blob, tell func(Pushed)) *tally {
	t := &tally{tell: tell, how: map[v1.Hash]How{}}
	for _, b := range blobs {
		t.p.Total += b.size
		t.p.Blobs = append(t.p.Blobs, b.digest)
	}
	return t
}

func (t *tally) add(change func(*Pushed)) {
	t.mu.Lock()
	change(&t.p)
	p := t.p
	t.mu.Unlock()
	if t.tell != nil {
		t.tell(p)
	}
}

// came notes how a blob came there, and counts it.
func (t *tally) came(blob v1.Hash, how How) {
	t.mu.Lock()
	t.how[blob] = how
	t.mu.Unlock()
	t.add(func(p *Pushed) {
		switch how {
		case Existed:
			p.Reused++
		case Mounted:
			p.Mounted++
		case Uploaded:
			p.Uploaded++
		}
	})
}

// now is what was done. It is asked for once nothing is under way any more.
func (t *tally) now() Pushed {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.p.How = t.how
	return t.p
}
