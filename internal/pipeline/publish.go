package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/daemon"
	"dram/internal/image"
	"dram/internal/publish"
	"dram/internal/ref"
	"dram/internal/store"
	"dram/internal/ui"
)

// Names are what a release's image is called: NAME:VSN and NAME:latest. A
// version's build metadata ("1.0.0+abc") begins with an underscore in it, since
// tags know no plus.
func (r *Result) Names() []string { return imageNames(r.Release, r.Version) }

func imageNames(release, version string) []string {
	return []string{release + ":" + strings.ReplaceAll(version, "+", "_"), release + ":latest"}
}

// Image opens the image of a build.
func (p *Pipeline) Image(r *Result) (v1.Image, error) { return image.Open(p.Store, r.Image) }

// OpenImage opens an image that was written, as publish.Open takes it, and
// tells its names: those of its release, or one made of its digest.
func (p *Pipeline) OpenImage(from ref.Ref) (v1.Image, []string, error) {
	img, err := publish.Open(from.String(), p.Toolchains.Arch)
	if err != nil {
		return nil, nil, err
	}
	m, err := img.Manifest()
	if err != nil {
		return nil, nil, fmt.Errorf("opening image %q: %w", from, err)
	}
	title, version := m.Annotations["org.opencontainers.image.title"], m.Annotations["org.opencontainers.image.version"]
	names := imageNames(title, version)
	if _, err := name.NewTag(names[0]); title == "" || version == "" || err != nil {
		digest, err := img.Digest()
		return img, []string{"dram-run:" + digest.Hex[:12]}, err
	}
	return img, names, nil
}

// PushOptions say where an image goes.
type PushOptions struct {
	To publish.Destination
	// From are repositories that may have the image's layers, besides those that
	// this cache knows.
	From []name.Repository
}

// Push sends an image to a registry and gives its reference, by its digest.
// Which repositories have which blobs is kept in the cache: another repository
// of that registry is given them without sending them.
func (p *Pipeline) Push(ctx context.Context, img v1.Image, opts PushOptions) (string, error) {
	host := opts.To.Repository.RegistryStr()
	stage := p.UI.Start("push", opts.To.Repository.String())
	pusher := &publish.Pusher{
		Sources: func(h v1.Hash) []name.Repository { return append(p.haveBlob(host, h), opts.From...) },
		Progress: func(now publish.Pushed) {
			stage.Update(fmt.Sprintf("%s: %s of %s sent", opts.To.Repository, ui.Bytes(min(now.Sent, now.Total)), ui.Bytes(now.Total)))
		},
	}
	done, err := pusher.Push(ctx, img, opts.To)
	if err != nil {
		return "", err
	}
	for _, h := range done.Blobs {
		p.noteBlob(host, h, opts.To.Repository)
	}
	stage.Done("%s:%s, %s", opts.To.Repository, strings.Join(opts.To.Tags, ","), pushedSummary(done))
	return done.Ref, nil
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
func (p *Pipeline) haveBlob(host string, h v1.Hash) []name.Repository {
	var known []string
	p.Store.Get("pushed", blobKey(host, h), &known)
	var out []name.Repository
	for _, k := range known {
		if repo, err := name.NewRepository(host + "/" + k); err == nil {
			out = append(out, repo)
		}
	}
	return out
}

// noteBlob keeps where a blob is. A note that is lost costs an upload.
func (p *Pipeline) noteBlob(host string, h v1.Hash, at name.Repository) {
	known := []string{at.RepositoryStr()}
	for _, repo := range p.haveBlob(host, h) {
		if repo.RepositoryStr() != at.RepositoryStr() && len(known) < maxKnown {
			known = append(known, repo.RepositoryStr())
		}
	}
	_ = p.Store.Put("pushed", blobKey(host, h), known)
}

// Load puts an image into a daemon under its names and gives the name or id that
// the daemon knows it by.
func (p *Pipeline) Load(ctx context.Context, d *daemon.Client, img v1.Image, names []string) (string, error) {
	stage := p.UI.Start("load", d.Name())
	id, err := img.ConfigName()
	if err != nil {
		return "", err
	}
	there := d.Layers(ctx, names[len(names)-1])
	sent, err := load(ctx, d, img, names, there)
	if err != nil && len(there) > 0 && ctx.Err() == nil { // the older image may have gone in between
		sent, err = load(ctx, d, img, names, nil)
	}
	if err != nil {
		return "", err
	}
	if err := d.Tag(ctx, id.Hex, names); err != nil {
		return "", err
	}
	stage.Done("%s into %s, %s", strings.Join(names, " and "), d.Name(), ui.Bytes(sent))
	if d.Podman() { // whose short names mean Docker Hub's
		return id.Hex, nil
	}
	return names[0], nil
}

// load streams the image and tells how many bytes that were.
func load(ctx context.Context, d *daemon.Client, img v1.Image, names, there []string) (int64, error) {
	r, w := io.Pipe()
	count := &counter{w: w}
	made := make(chan error, 1)
	go func() {
		err := publish.Archive(ctx, count, img, names, there)
		_ = w.CloseWithError(err) // nil is the end of the file
		made <- err
	}()
	err := d.Load(ctx, r)
	_ = r.CloseWithError(errLoaded)
	if bad := <-made; bad != nil && !errors.Is(bad, errLoaded) {
		if errors.Is(bad, store.ErrCorrupt) || err == nil {
			err = fmt.Errorf("reading the image: %w", bad)
		}
	}
	return count.n, err
}

var errLoaded = errors.New("the daemon has read enough")

// counter counts what goes through.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
