package debian

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"golang.org/x/sync/errgroup"

	"dram/internal/distro"
	"dram/internal/problem"
	"dram/internal/store"
)

// Request says what a root is to hold.
type Request struct {
	Suite    distro.Suite
	Arch     string        // Debian's name: amd64, arm64
	Mirror   distro.Mirror // zero: defaultMirror
	Packages []string      // beside those of a toolchain
	// Refresh asks the mirror even if it was asked within the last day.
	Refresh bool
	// AllowExpired accepts an index past its Valid-Until, as of a mirror that
	// is no longer updated.
	AllowExpired bool

	content content
	onto    *onto // what the packages are added to, nil for a root from nothing
}

// Bare is the request for a system without a toolchain: what Debian marks
// essential or required, and Packages.
func (r Request) Bare() Request {
	r.content = bare
	return r
}

// content is what a root has beside Request.Packages.
type content int

const (
	toolchain   content = iota // a compiler, Erlang and Elixir
	noElixir                   // a compiler and Erlang
	noErlang                   // a compiler, and what Erlang/OTP is compiled with
	runtimeOnly                // Erlang
	bare                       // what is essential or required
	alone                      // nothing
)

// Set is an exact choice of packages, sorted by name.
type Set struct {
	Suite    distro.Suite
	Arch     string
	Packages []Package
}

// ID is the digest of what the set is, whichever mirror it comes from: equal
// packages give an equal ID, and an equal tree.
func (s *Set) ID() string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "recipe %d\narch %s\n", recipe, s.Arch)
	for _, p := range s.Packages {
		_, _ = fmt.Fprintf(h, "%s %s %s\n", p.Name, p.Version, p.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Version is a package's version, and whether the set has it.
func (s *Set) Version(name string) (string, bool) {
	i, ok := slices.BinarySearchFunc(s.Packages, name, func(p Package, n string) int {
		return strings.Compare(p.Name, n)
	})
	if !ok {
		return "", false
	}
	return s.Packages[i].Version, true
}

// Size is the sum of the packages' sizes in bytes, compressed.
func (s *Set) Size() int64 {
	var n int64
	for _, p := range s.Packages {
		n += p.Size
	}
	return n
}

// Client resolves and unpacks. Its methods may be called concurrently.
type Client struct {
	store    *store.Store
	fetch    *fetcher
	progress func(format string, args ...any)
	now      func() time.Time
	keys     openpgp.EntityList // nil: ArchiveKeys
	limits   limits
}

// New makes a Client that keeps what it fetches in s. A nil HTTP client means
// one of its own, a nil progress silence; progress takes one line at a time
// and may be called concurrently.
func New(s *store.Store, client *http.Client, progress func(format string, args ...any)) *Client {
	if progress == nil {
		progress = func(string, ...any) {}
	}
	c := &Client{
		store: s, progress: progress, now: time.Now, limits: limits{maxDataBytes, maxDataEntries},
		fetch: &fetcher{store: s, stall: 30 * time.Second, backoff: 500 * time.Millisecond},
	}
	c.fetch.http = bounded(client, c.fetch.stall)
	return c
}

// telling is the same client, that tells of its progress elsewhere.
func (c *Client) telling(progress func(format string, args ...any)) *Client {
	other := *c
	other.progress = progress
	return &other
}

// freshFor is how long the mirror is not asked again.
const freshFor = 24 * time.Hour

// resolved is the record of an answer.
type resolved struct {
	Checked  time.Time
	Indexes  []string // digests of the Packages files it was made from
	Set      Set
	Versions distro.Versions
}

// Resolve turns the request into an exact set. An answer younger than a day
// is given without asking the mirror; an older one serves, with a warning,
// when the mirror cannot be reached.
func (c *Client) Resolve(ctx context.Context, r Request) (*Set, error) {
	answer, err := c.answer(ctx, "set", r, func(u *universe) (resolved, error) {
		set, err := u.resolve(r)
		return resolved{Set: set}, err
	})
	if err != nil {
		return nil, err
	}
	answer.Set.Suite = r.Suite // the record may be of another version of dram
	return &answer.Set, nil
}

// Versions tells what the suite of the request has. It is cached as Resolve is.
func (c *Client) Versions(ctx context.Context, r Request) (distro.Versions, error) {
	r.Packages = nil
	answer, err := c.answer(ctx, "versions", r, func(u *universe) (resolved, error) {
		return resolved{Versions: u.versions()}, nil
	})
	return answer.Versions, err
}

// answer finds the record for a question, or makes it.
func (c *Client) answer(ctx context.Context, what string, r Request, find func(*universe) (resolved, error)) (resolved, error) {
	if r.Mirror == (distro.Mirror{}) {
		r.Mirror = defaultMirror()
	}
	key := requestKey(what, r)
	var old resolved
	known := c.store.Get("debian", key, &old)
	age := c.now().Sub(old.Checked)
	if known && !r.Refresh && age >= 0 && age < freshFor {
		return old, nil
	}
	indexes, err := c.indexes(ctx, r)
	if err != nil {
		if known && unreachable(err) && ctx.Err() == nil {
			c.progress("warning: the mirror cannot be reached, so the package list of %s serves: %v",
				old.Checked.Local().Format(time.DateTime), err)
			return old, nil
		}
		return resolved{}, fmt.Errorf("reading the package indexes of %s: %w", r.Suite, err)
	}
	digests := make([]string, len(indexes))
	for i, x := range indexes {
		digests[i] = x.SHA256
	}
	if !known || !slices.Equal(old.Indexes, digests) {
		u, err := c.load(ctx, r.Arch, indexes)
		if err != nil {
			return resolved{}, fmt.Errorf("reading the package indexes of %s: %w", r.Suite, err)
		}
		if old, err = find(u); err == nil {
			old, err = c.withoutGone(ctx, u, indexes, old, find)
		}
		if err != nil {
			return resolved{}, fmt.Errorf("choosing packages of %s: %w", r.Suite, err)
		}
	}
	old.Indexes, old.Checked = digests, c.now()
	return old, c.store.Put("debian", key, old)
}

func requestKey(what string, r Request) string {
	key := fmt.Appendf(nil, "%s %d %+v %s %+v %q %v %v", what, recipe, r.Suite, r.Arch, r.Mirror,
		r.Packages, r.AllowExpired, r.content)
	if r.onto != nil {
		key = fmt.Appendf(key, " %s %d %v", r.onto.base, addRecipe, r.onto.from)
	}
	return store.DigestOf(key).Hex()
}

// index is a Packages file that a verified InRelease names.
type index struct {
	indexFile
	base   string
	name   string   // to tell the decompressor by
	urls   []string // where to get it
	frozen bool     // a security archive that has reached its end
	text   int64    // its size in bytes when decompressed, 0 if not told
}

// indexes gets and verifies the InRelease of each source, in parallel.
func (c *Client) indexes(ctx context.Context, r Request) ([]index, error) {
	keys := c.keys
	if keys == nil {
		var err error
		if keys, err = ArchiveKeys(); err != nil {
			return nil, err
		}
	}
	places := sources(r.Suite, r.Mirror)
	if r.onto != nil {
		places = r.onto.from
	}
	c.progress("asking %s for the package indexes of %s", places[0].Base, places[0].Dist)
	found := make([][]index, len(places))
	g, each := errgroup.WithContext(ctx)
	for i, s := range places {
		if s.keys == nil {
			s.keys = keys
		}
		g.Go(func() (err error) {
			found[i], err = c.index(each, s, r)
			if err != nil && s.dispensed && each.Err() == nil {
				c.progress("warning: %s, which the image's sources name, is left out: %v", s.Base, err)
				return nil
			}
			return err
		})
	}
	err := g.Wait()
	return slices.Concat(found...), err
}

// index are a source's indexes, one for each component.
func (c *Client) index(ctx context.Context, s source, r Request) ([]index, error) {
	dir := s.Base + "/dists/" + s.Dist + "/"
	var old page
	c.store.Get("debian-release", dir, &old)
	got, err := c.fetch.page(ctx, dir+"InRelease", old)
	if err != nil {
		return nil, err
	}
	text, err := verify(got.Body, s.keys, c.now())
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", dir+"InRelease", err)
	}
	rel, err := parseRelease(text)
	if err != nil {
		return nil, problem.New(problem.Failure, "use another mirror", "reading %q: %w", dir+"InRelease", err)
	}
	if err := rel.check(s.Dist, c.now(), r.AllowExpired); err != nil {
		return nil, err
	}
	var out []index
	for _, component := range s.Components {
		name, file, err := rel.packages(component, r.Arch)
		if err != nil {
			return nil, err
		}
		x := index{indexFile: file, base: s.Base, name: name, urls: []string{dir + name}}
		x.frozen = rel.origin == origin && rel.validUntil.IsZero() && strings.HasSuffix(s.Dist, "-security")
		if rel.byHash {
			byHash := dir + name[:strings.LastIndexByte(name, '/')] + "/by-hash/SHA256/" + file.SHA256
			x.urls = []string{byHash, dir + name}
		}
		x.text = rel.files[strings.TrimSuffix(strings.TrimSuffix(name, ".xz"), ".gz")].Size
		out = append(out, x)
	}
	if string(got.Body) != string(old.Body) {
		return out, c.store.Put("debian-release", dir, got)
	}
	return out, nil
}

// load gets the indexes and reads them, each as soon as it is there.
func (c *Client) load(ctx context.Context, arch string, indexes []index) (*universe, error) {
	u := newUniverse(arch)
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	for _, x := range indexes {
		g.Go(func() error {
			if err := c.fetch.blob(ctx, store.Digest("sha256:"+x.SHA256), x.Size, x.urls...); err != nil {
				return err
			}
			text, err := c.text(ctx, x)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if err := u.add(text, x.base); err != nil {
				return problem.New(problem.Failure, "use another mirror", "reading %q: %w", x.urls[0], err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	u.index()
	return u, nil
}
