package output

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/environ"
	"dram/internal/oci"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/publish"
	"dram/internal/ref"
	"dram/internal/signature"
	"dram/internal/store"
	"dram/internal/ui"
)

// Push is the image at a registry.
type Push struct {
	To publish.Destination
	// From are repositories that may have the image's layers, besides those that
	// this cache knows.
	From []name.Repository
	// Attach are the bills of materials and the like that go with it, by their names.
	Attach []string
	// Sign signs it, nil for not at all.
	Sign *signature.Signer
}

func openPush(_ context.Context, place string, o Options) (Output, error) { return ParsePush(place, o) }

// ParsePush reads where an image is sent to: HOST/NAME or HOST/NAME:TAG.
func ParsePush(place string, o Options) (Push, error) {
	place, err := ref.InRegistry(place)
	if err != nil {
		return Push{}, err
	}
	var how []name.Option
	if o.PlainHTTP {
		how = append(how, name.Insecure)
	}
	to, err := publish.ParseDestination(place, o.Tags, how...)
	p := Push{To: to, Attach: o.Attach}
	if bad := attachable(o.Attach); bad != nil && err == nil {
		err = bad
	}
	if o.Sign != "" && err == nil {
		p.Sign, err = signature.OpenSigner(o.Sign, func(name string) (string, bool) { return environ.Lookup(o.Environ, name) })
	}
	for _, from := range o.MountFrom {
		repo, bad := name.NewRepository(from)
		if bad != nil && err == nil {
			err = problem.New(problem.Usage, "write --mount-from HOST/NAME", "%q is not a repository: %w", from, bad)
		}
		p.From = append(p.From, repo)
	}
	return p, err
}

// Needs is the image, when what stays here is written, and what is said of it.
func (p Push) Needs() Needs {
	return Needs{Image: true, Files: true, Inventory: len(p.Attach) > 0, Revision: slices.Contains(p.Attach, "provenance")}
}

// Check has nothing to find: nobody is asked before there is something to send.
func (Push) Check(*plan.Plan) error { return nil }

// Write sends the image.
func (p Push) Write(ctx context.Context, b *Build) (Written, error) {
	img, err := b.OpenImage()
	if err != nil {
		return Written{}, err
	}
	sent, err := p.send(ctx, b.Store, b.UI, shipment{img, []v1.Image{img}, func(ctx context.Context) error { return p.attach(ctx, b, img) }})
	return Written{Place: p.To.Repository.String(), Ref: sent, Next: "docker pull %s"}, err
}

// Send sends an image, signs it where that is asked for, and gives its reference, by
// its digest. Which repositories have which blobs is kept in the cache: another
// repository of that registry is given them without sending them.
func (p Push) Send(ctx context.Context, st *store.Store, u *ui.UI, img v1.Image) (string, error) {
	return p.send(ctx, st, u, shipment{img, []v1.Image{img}, nil})
}

// SendAll sends the images of all platforms as Send sends one: several as an index, which
// is what is signed.
func (p Push) SendAll(ctx context.Context, st *store.Store, u *ui.UI, images []v1.Image) (string, error) {
	if len(images) == 1 {
		return p.Send(ctx, st, u, images[0])
	}
	index, err := publish.NewIndex(images)
	if err != nil {
		return "", err
	}
	return p.send(ctx, st, u, shipment{index, images, nil})
}

// shipment is what is sent: an image, or several and their index.
type shipment struct {
	of     publish.Subject // what tags name
	images []v1.Image
	attach func(context.Context) error // sends what goes along; nil for nothing
}

func (s shipment) push(ctx context.Context, to *publish.Pusher, at publish.Destination) (publish.Pushed, error) {
	if len(s.images) == 1 {
		return to.Push(ctx, s.images[0], at)
	}
	return to.PushIndex(ctx, s.images, at)
}

// send is Send; what goes along is sent before the image is signed, and both before a tag
// names it.
func (p Push) send(ctx context.Context, st *store.Store, u *ui.UI, s shipment) (string, error) {
	host := p.To.Repository.RegistryStr()
	p.From = append(slices.Clone(p.From), basesOf(s.images)...)
	stage := u.Start("push", p.To.Repository.String())
	pusher := &publish.Pusher{
		Sources: func(h v1.Hash) []name.Repository { return append(haveBlob(st, host, h), p.From...) },
		Progress: func(now publish.Pushed) {
			stage.Update(fmt.Sprintf("%s: %s of %s sent", p.To.Repository, ui.Bytes(min(now.Sent, now.Total)), ui.Bytes(now.Total)))
		},
		Untagged: func(ctx context.Context) error {
			if s.attach != nil {
				if err := s.attach(ctx); err != nil {
					return err
				}
			}
			return p.sign(ctx, u, s.of)
		},
	}
	done, err := s.push(ctx, pusher, p.To)
	if err != nil {
		return "", err
	}
	for _, h := range done.Blobs {
		noteBlob(st, host, h, p.To.Repository)
	}
	stage.Done("%s:%s, %s", p.To.Repository, strings.Join(p.To.Tags, ","), pushedSummary(done))
	for _, img := range s.images {
		if err := tellLayers(u, img, done); err != nil {
			return "", err
		}
	}
	return done.Ref, nil
}

// basesOf are the repositories of the images that these were made on top of: a registry
// that has one has its layers.
func basesOf(images []v1.Image) (out []name.Repository) {
	for _, img := range images {
		m, err := img.Manifest()
		if err != nil {
			continue // sending it says so
		}
		if at, err := name.ParseReference(m.Annotations["org.opencontainers.image.base.name"]); err == nil {
			out = append(out, at.Context())
		}
	}
	return out
}

// tellLayers tells of each layer how it came there.
func tellLayers(u *ui.UI, img v1.Image, done publish.Pushed) error {
	m, err := img.Manifest()
	if err != nil {
		return err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return err
	}
	names := oci.LayerNames(config)
	for i, l := range m.Layers {
		name := ""
		if i < len(names) {
			name = names[i]
		}
		u.Note("  %-14.14s %9s  %-7s  %.12s", name, ui.Bytes(l.Size), done.How[l.Digest], l.Digest.Hex)
	}
	return nil
}

func pushedSummary(p publish.Pushed) string {
	parts := []string{fmt.Sprintf("sent %s in %d of %d blobs", ui.Bytes(p.Sent), p.Uploaded, len(p.Blobs))}
	for _, more := range []struct {
		n    int
		what string
	}{{p.Reused, "there already"}, {p.Mounted, "mounted"}, {p.Resumed, "resumed"}, {p.Retries, "requests tried again"}} {
		if more.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", more.n, more.what))
		}
	}
	return strings.Join(parts, ", ")
}

// maxKnown bounds how many repositories are kept for a blob.
const maxKnown = 8

func blobKey(host string, h v1.Hash) string { return host + " " + h.String() }

// haveBlob are the repositories of a registry that a blob was pushed to, the
// last one first.
func haveBlob(st *store.Store, host string, h v1.Hash) []name.Repository {
	var known []string
	st.Get("pushed", blobKey(host, h), &known)
	var out []name.Repository
	for _, k := range known {
		if repo, err := name.NewRepository(host + "/" + k); err == nil {
			out = append(out, repo)
		}
	}
	return out
}

// noteBlob keeps where a blob is. A note that is lost costs an upload.
func noteBlob(st *store.Store, host string, h v1.Hash, at name.Repository) {
	known := []string{at.RepositoryStr()}
	for _, repo := range haveBlob(st, host, h) {
		if repo.RepositoryStr() != at.RepositoryStr() && len(known) < maxKnown {
			known = append(known, repo.RepositoryStr())
		}
	}
	_ = st.Put("pushed", blobKey(host, h), known)
}
