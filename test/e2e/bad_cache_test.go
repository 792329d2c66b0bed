package e2e

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// toolchain is the shared cache's root for Debian 13, made once.
var toolchain = sync.OnceValues(func() (string, error) {
	cmd := dram{args: []string{"toolchain", "root", "distro:debian/13"}}.plainCommand()
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
})

// cold is a new cache that has the toolchain of the shared one and nothing else:
// the first build of a project, without the minute that a toolchain takes.
func cold(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "cache")
	coldAt(t, dir)
	t.Cleanup(func() { removeAll(dir) })
	return dir
}

func coldAt(t *testing.T, dir string) {
	t.Helper()
	real(t)
	root, err := toolchain()
	if err != nil {
		t.Fatalf("making the toolchain: %v", err)
	}
	trees := filepath.Join(dir, "trees", "root")
	if err := os.MkdirAll(trees, 0o700); err != nil {
		t.Fatal(err)
	}
	// A copy, since a tree that is not its cache's own counts as damaged.
	if out, err := exec.Command("cp", "-a", "--reflink=auto", root, root+".ok", trees).CombinedOutput(); err != nil {
		t.Fatalf("copying the toolchain: %v\n%s", err, out)
	}
	for _, kind := range []string{"debian", "debian-release", "tree"} {
		copyTree(t, filepath.Join(cacheDir, "records", kind), filepath.Join(dir, "records", kind))
	}
}

// known is a cache as cold's in which examples/hello was built before, and
// the digest of its image.
var known struct {
	once        sync.Once
	dir, digest string
	edited      string // the digest after edit
}

// warm is a new cache in which examples/hello was built, and a project to go
// with it; the cache's files are its own.
func warm(t *testing.T) (cache, project, digest string) {
	t.Helper()
	real(t)
	known.once.Do(func() { makeKnown(t) })
	if known.edited == "" {
		t.Fatal("the undisturbed build failed")
	}
	cache = filepath.Join(t.TempDir(), "cache")
	t.Cleanup(func() { removeAll(cache) })
	coldAt(t, cache)
	for _, sub := range []string{"blobs", "records"} {
		copyTree(t, filepath.Join(known.dir, sub), filepath.Join(cache, sub))
	}
	return cache, hello(t), known.digest
}

func makeKnown(t *testing.T) {
	dir, err := os.MkdirTemp(filepath.Dir(binary), "known-") //nolint:usetesting // it serves later tests too
	if err != nil {
		t.Fatal(err)
	}
	known.dir = dir
	coldAt(t, dir)
	project := hello(t)
	known.digest = dram{args: []string{"image", project}, cache: dir}.ok(t).digest(t)
	edit(t, project)
	known.edited = dram{args: []string{"image", project}, cache: dir}.ok(t).digest(t)
}

// hello is a copy of examples/hello.
func hello(t *testing.T) string {
	t.Helper()
	return project(t, "examples/hello")
}

func edit(t *testing.T, project string) {
	t.Helper()
	replace(t, filepath.Join(project, "lib/hello/router.ex"), `"ok\n"`, `"OK\n"`)
}

// files lists what lies below dir, in order.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			out = append(out, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// damage makes a stored file wrong, in the way that n chooses.
func damage(t *testing.T, path string, n int) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	switch n % 3 {
	case 0:
		raw[len(raw)/2] ^= 0x40
	case 1:
		raw = raw[:len(raw)/2]
	case 2:
		raw = nil
	}
	if err = os.Remove(path); err == nil && raw != nil {
		err = os.WriteFile(path, raw, 0o400)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever is damaged or gone in the cache, the next builds give the image they
// would have given, and never another.
func TestDamagedBlobsAreMadeAnew(t *testing.T) {
	t.Parallel()
	cache, project, want := warm(t)
	d := dram{args: []string{"image", project}, cache: cache}
	d.ok(t)
	const rounds = 2
	for round := range rounds {
		hurt := 0
		for i, path := range files(t, filepath.Join(cache, "blobs")) {
			if i%rounds == round {
				damage(t, path, i/rounds)
				hurt++
			}
		}
		if got := d.ok(t).digest(t); got != want || hurt == 0 {
			t.Fatalf("with %d blobs damaged the digest is %s, want %s", hurt, got, want)
		}
		for i, path := range files(t, filepath.Join(cache, "blobs")) {
			if i%rounds == round {
				damage(t, path, i/rounds+1)
			}
		}
		changed := hello(t)
		edit(t, changed)
		if got := (dram{args: []string{"image", changed}, cache: cache}).ok(t).digest(t); got != known.edited {
			t.Fatalf("with damaged blobs and an edit the digest is %s, want %s", got, known.edited)
		}
	}
}

// The blobs of the result itself, each by itself, and what was written of them.
func TestDamagedResultIsMadeAnew(t *testing.T) {
	t.Parallel()
	cache, project, want := warm(t)
	out := filepath.Join(t.TempDir(), "image.tar")
	d := dram{args: []string{"image", "-o", out, project}, cache: cache}
	d.ok(t)
	good := listing(t, filepath.Dir(out))["image.tar"]
	layout := filepath.Join(t.TempDir(), "layout")
	dram{args: []string{"image", "-o", "oci:" + layout, project}, cache: cache}.ok(t)
	for i, path := range files(t, filepath.Join(layout, "blobs")) {
		name := filepath.Base(path)
		damage(t, filepath.Join(cache, "blobs", "sha256", name[:2], name), i)
		if err := os.Remove(out); err != nil {
			t.Fatal(err)
		}
		if got := d.ok(t).digest(t); got != want {
			t.Errorf("with blob %s damaged the digest is %s, want %s", name, got, want)
		}
		if got := listing(t, filepath.Dir(out))["image.tar"]; got != good {
			t.Errorf("with blob %s damaged another file was written", name)
		}
	}
}

func TestDamagedRecordsAreMadeAnew(t *testing.T) {
	t.Parallel()
	cache, project, want := warm(t)
	d := dram{args: []string{"image", project}, cache: cache}
	d.ok(t)
	for n := range 3 {
		for _, path := range files(t, filepath.Join(cache, "records")) {
			if filepath.Base(filepath.Dir(path)) != "member" || n == 1 { // all layers once is enough
				damage(t, path, n)
			}
		}
		if got := d.ok(t).digest(t); got != want {
			t.Errorf("way %d to damage all records: the digest is %s, want %s", n, got, want)
		}
	}
	for n, path := range files(t, filepath.Join(cache, "projects")) {
		if base := filepath.Base(path); base == "source.json" || strings.HasPrefix(base, ".mix") {
			damage(t, path, n)
		}
	}
	edit(t, project)
	if got := d.ok(t).digest(t); got != known.edited {
		t.Errorf("with the staging's record damaged and an edit the digest is %s, want %s", got, known.edited)
	}
}

// A tree without its marker was killed on its way: it is made again, from the
// packages that the cache has.
func TestToolchainWithoutMarkerIsMadeAnew(t *testing.T) {
	t.Parallel()
	cache, project, want := warm(t)
	copyTree(t, filepath.Join(cacheDir, "blobs"), filepath.Join(cache, "blobs"))
	roots, err := filepath.Glob(filepath.Join(cache, "trees", "root", "*.ok"))
	if err != nil || len(roots) != 1 {
		t.Fatalf("roots: %v, %v", roots, err)
	}
	if err := os.Remove(roots[0]); err != nil {
		t.Fatal(err)
	}
	edit(t, project)
	if err := os.RemoveAll(filepath.Join(cache, "records", "result")); err != nil { // found without the toolchain
		t.Fatal(err)
	}
	r := dram{args: []string{"image", project}, cache: cache}.ok(t)
	if r.digest(t) != known.edited || want == known.edited {
		t.Errorf("the digest is %s, want %s", r.stdout, known.edited)
	}
	if info, err := os.Lstat(strings.TrimSuffix(roots[0], ".ok")); err != nil || !info.IsDir() || !strings.Contains(r.stderr, "unpacked") {
		t.Errorf("the toolchain was not made again: %v\n%s", err, r.stderr)
	}
}

// nothingUnderWay checks that the cache has no work in progress and that dir
// has no half-written file.
func nothingUnderWay(t *testing.T, cache string, dirs ...string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(cache, "tmp"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("the cache still has %s under way", e.Name())
	}
	for _, dir := range dirs {
		for _, path := range files(t, dir) {
			if strings.HasSuffix(path, ".tmp") {
				t.Errorf("half written: %s", path)
			}
		}
	}
}

// concurrently runs all at once and gives the results in order.
func concurrently(t *testing.T, all ...dram) []result {
	t.Helper()
	out := make([]result, len(all))
	var group sync.WaitGroup
	for i, d := range all {
		group.Go(func() { out[i] = d.run(t) })
	}
	group.Wait()
	return out
}
