package debian

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"dram/internal/distro"
	"dram/internal/problem"
	"dram/internal/store"
	"dram/internal/untar"
)

// downloads is how many files are fetched at once: enough to fill a fast line,
// few enough for a public mirror.
const downloads = 6

// Unpack fills dir, an empty directory, with the packages of the set, and has
// configure run their maintainer scripts. A nil Configurer leaves them
// unpacked but not configured. What was fetched stays in the store, also when
// Unpack fails; what is in dir then is worthless.
func (c *Client) Unpack(ctx context.Context, set *Set, dir string, configure distro.Configurer) error {
	return c.fill(ctx, set, dir, unpackedState, func(root *os.Root, dir string, packages []*installed) error {
		if configure == nil {
			return nil
		}
		if err := c.configure(ctx, configure, dir, packages); err != nil {
			return fmt.Errorf("configuring %s: %w", set.Suite, err)
		}
		return tidy(root, dir, epoch(packages))
	})
}

// fill unpacks the set into dir, records it in that state, and has then do the rest.
func (c *Client) fill(ctx context.Context, set *Set, dir string, state dpkgState, then func(root *os.Root, dir string, packages []*installed) error) error {
	dir, err := filepath.Abs(dir) // a sandbox wants it so
	if err != nil {
		return fmt.Errorf("finding root %q: %w", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return problem.New(problem.Environment, "", "opening root %q: %w", dir, err)
	}
	defer func() { _ = root.Close() }() // what was written is synced by who keeps it
	packages, err := c.unpack(ctx, set, root)
	if err != nil {
		return diskFull(fmt.Errorf("unpacking %s: %w", set.Suite, err))
	}
	if err := prepare(root, packages, state); err != nil {
		return diskFull(fmt.Errorf("preparing root of %s: %w", set.Suite, err))
	}
	return diskFull(then(root, dir, packages))
}

func diskFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return problem.New(problem.Environment, "make room, or set DRAM_CACHE_DIR to another disk", "%w", err)
	}
	return err
}

// unpacking is the state that the workers of one Unpack share.
type unpacking struct {
	client   *Client
	tree     *untar.Tree
	done     atomic.Int64 // bytes of packages fetched
	total    int64
	mu       sync.Mutex
	packages []*installed      // by place in the set; nil until the control files are read
	replaces []map[string]bool // likewise, names that it Replaces
	names    []string
}

// unpack downloads and extracts all packages, a package's extraction
// overlapping with the download of others. The largest come first: the last
// one then keeps no core waiting.
func (c *Client) unpack(ctx context.Context, set *Set, root *os.Root) ([]*installed, error) {
	tree, err := untar.NewTree(root)
	if err != nil {
		return nil, err
	}
	u := &unpacking{
		client: c, tree: tree, total: set.Size(),
		packages: make([]*installed, len(set.Packages)),
		replaces: make([]map[string]bool, len(set.Packages)),
	}
	if err := u.merge(set.Arch); err != nil {
		return nil, err
	}
	bySize := make([]int, len(set.Packages))
	for i, p := range set.Packages {
		bySize[i] = i
		u.names = append(u.names, p.Name)
	}
	slices.SortStableFunc(bySize, func(a, b int) int {
		return cmp.Compare(set.Packages[b].Size, set.Packages[a].Size)
	})
	c.progress("fetching and unpacking %d packages (%d MB)", len(set.Packages), u.total>>20)
	g, ctx := errgroup.WithContext(ctx)
	todo, ready := make(chan int), make(chan int, len(bySize))
	g.Go(func() error {
		defer close(todo)
		for _, i := range bySize {
			select {
			case todo <- i:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	var fetching sync.WaitGroup
	for range downloads {
		fetching.Add(1)
		g.Go(func() error {
			defer fetching.Done()
			return u.download(ctx, set, todo, ready)
		})
	}
	go func() { fetching.Wait(); close(ready) }()
	for range max(2, runtime.GOMAXPROCS(0)) {
		g.Go(func() error { return u.extractAll(ctx, set, ready) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return u.packages, conflict(u.tree.Finish())
}

// standing are directories that are there whether or not a package brings
// them: mount points, and those of dpkg's database.
var standing = []string{
	"dev", "proc", "sys", "run", "tmp", path.Dir(policyFile),
	admin + "/info", admin + "/updates", admin + "/alternatives", admin + "/parts", admin + "/triggers",
}

// nobody lists the standing directories; standards are there before all packages.
const (
	nobody    = 1 << 30
	standards = -1
)

var mergedDirs = []string{"bin", "sbin", "lib"}

// merge makes the standing directories and the links of the merged /usr, which the
// packages of bullseye and bookworm expect and later ones bring.
func (u *unpacking) merge(arch string) error {
	merged := mergedDirs
	if arch == "amd64" {
		merged = append(slices.Clone(merged), "lib64")
	}
	dirs, links := u.writer(nobody), u.writer(standards)
	defer dirs.Close()
	defer links.Close()
	for _, name := range append(slices.Clone(standing), ".") {
		if err := dirs.Entry(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}, nil); err != nil {
			return err
		}
	}
	for _, name := range merged {
		err := dirs.Entry(&tar.Header{Typeflag: tar.TypeDir, Name: "usr/" + name, Mode: 0o755}, nil)
		if err == nil {
			err = links.Entry(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: "usr/" + name}, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writer unpacks what a package of the set brings, by its place in it.
func (u *unpacking) writer(owner int) *untar.Writer {
	return u.tree.Writer(untar.Options{
		MaxBytes: u.client.limits.bytes, MaxEntries: u.client.limits.entries,
		Owner: &untar.Owner{ID: owner, Over: func(other int) bool { return precedence{u.replacing}.over(owner, other) }},
	})
}

func (u *unpacking) download(ctx context.Context, set *Set, todo <-chan int, ready chan<- int) error {
	for i := range todo {
		p := set.Packages[i]
		err := u.client.fetch.blob(ctx, digest(p), p.Size, p.Base+"/"+escape(p.Filename))
		if err != nil {
			return fmt.Errorf("package %s %s: %w", p.Name, p.Version, err)
		}
		u.report(u.done.Add(p.Size), p.Size)
		ready <- i // has room for all
	}
	return nil
}

// report tells of each quarter done.
func (u *unpacking) report(done, last int64) {
	if quarter := u.total/4 + 1; done/quarter != (done-last)/quarter {
		u.client.progress("fetched %d of %d MB of packages", done>>20, u.total>>20)
	}
}

func digest(p Package) store.Digest { return store.Digest("sha256:" + p.SHA256) }

// escape makes a file name part of a URL: versions have "+" and "~".
func escape(name string) string {
	return strings.NewReplacer("%", "%25", "+", "%2b", "?", "%3f", "#", "%23", " ", "%20").Replace(name)
}

func (u *unpacking) extractAll(ctx context.Context, set *Set, ready <-chan int) error {
	for i := range ready {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p := set.Packages[i]
		if err := u.extract(ctx, i, p); err != nil {
			if errors.Is(err, context.Canceled) {
				return err
			}
			return conflict(fmt.Errorf("package %s %s: %w", p.Name, p.Version, err))
		}
	}
	return nil
}

// conflict gives packages that cannot both be in a root a hint.
func conflict(err error) error {
	if errors.Is(err, untar.ErrConflict) {
		return problem.New(problem.Failure, "leave out one of the packages that were asked for", "%w", err)
	}
	return err
}

func (u *unpacking) extract(ctx context.Context, i int, p Package) error {
	blob, err := u.client.store.OpenBlob(digest(p))
	if err != nil {
		return err
	}
	defer func() { _ = blob.Close() }() // only read
	d, err := openDeb(store.WithContext(ctx, blob))
	if err != nil {
		return err
	}
	rec, err := newInstalled(p, d)
	if err != nil {
		return err
	}
	u.know(i, rec)
	x := &extractor{to: u.writer(i), out: rec, conf: map[string]bool{}}
	for line := range strings.Lines(string(d.control["conffiles"])) {
		x.conf[strings.TrimSpace(line)] = true
	}
	return d.data(func(r io.Reader) error { return x.extract(ctx, r) })
}

func newInstalled(p Package, d *deb) (*installed, error) {
	rec := &installed{Package: p, control: d.control, conffiles: map[string]string{}}
	for par := range paragraphs(string(d.control["control"])) {
		rec.par = par
		break
	}
	if name, version := rec.field("Package"), rec.field("Version"); name != p.Name || version != p.Version {
		return nil, fmt.Errorf("the package says that it is %q %q", name, version)
	}
	return rec, nil
}

// know takes in the package's control files.
func (u *unpacking) know(i int, rec *installed) {
	replaces := map[string]bool{}
	for _, group := range parseRelations(rec.field("Replaces"), rec.Arch) {
		replaces[group[0].name] = true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.packages[i], u.replaces[i] = rec, replaces
}

func (u *unpacking) replacing(a, b int) bool {
	if a < 0 || b < 0 || a >= len(u.names) || b >= len(u.names) {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.replaces[a][u.names[b]]
}

// epoch is the time of the newest file in the packages: the root's own date.
func epoch(packages []*installed) time.Time {
	var t time.Time
	for _, p := range packages {
		if p.newest.After(t) {
			t = p.newest
		}
	}
	return t
}

// prepare writes dpkg's database and what scripts expect to be there before
// the packages that make it are configured.
func prepare(root *os.Root, packages []*installed, state dpkgState) error {
	if err := writeDatabase(root, packages, state); err != nil {
		return err
	}
	for _, l := range []struct{ name, target, needs string }{
		{"usr/bin/sh", "dash", "usr/bin/dash"},
		{"usr/bin/awk", "mawk", "usr/bin/mawk"},
	} {
		if _, err := root.Lstat(l.needs); err != nil {
			continue
		}
		if err := root.Symlink(l.target, l.name); err != nil && !os.IsExist(err) {
			return err
		}
	}
	return nil
}
