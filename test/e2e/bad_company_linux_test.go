package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Builds beside a loop of prune --older-than 0s: none is broken, and each gives
// the right image. Between two of them the toolchain may go, and is made again.
func TestBuildsBesidePrune(t *testing.T) {
	t.Parallel()
	cache, dir, want := warm(t)
	copyTree(t, filepath.Join(cacheDir, "blobs"), filepath.Join(cache, "blobs")) // the packages: a toolchain that goes is made again
	var stop atomic.Bool
	var pruning sync.WaitGroup
	pruned := 0
	pruning.Go(func() {
		for !stop.Load() {
			if r := (dram{args: []string{"cache", "prune", "--older-than", "0s"}, cache: cache}).run(t); r.code != 0 {
				t.Errorf("prune: exit %d\n%s", r.code, r.stderr)
			} else if !strings.Contains(r.stderr, "freed 0 B") {
				pruned++
			}
		}
	})
	builds := campaign(t, 2, 25)
	for range builds {
		for _, r := range concurrently(t, dram{args: []string{"image", dir}, cache: cache}, dram{args: []string{"image", hello(t)}, cache: cache}) {
			if r.code != 0 || strings.TrimSpace(r.stdout) != want {
				t.Errorf("beside a prune: exit %d, %s, want %s\n%s", r.code, r.stdout, want, r.stderr)
			}
		}
	}
	stop.Store(true)
	pruning.Wait()
	if pruned == 0 {
		t.Error("nothing was pruned meanwhile: the test shows nothing")
	}
}

// Ten builds at once in one cache, five of them of an edited source: none is
// lost, and none is another's.
func TestTenBuildsAtOnce(t *testing.T) {
	t.Parallel()
	for range campaign(t, 1, 3) {
		cache, _, want := warm(t)
		if err := os.RemoveAll(filepath.Join(cache, "records", "result")); err != nil {
			t.Fatal(err)
		}
		builds := make([]dram, campaign(t, 4, 10))
		for i := range builds {
			dir := hello(t)
			if i%2 == 1 {
				edit(t, dir)
			}
			builds[i] = dram{args: []string{"image", dir}, cache: cache}
		}
		for i, r := range concurrently(t, builds...) {
			expected := want
			if i%2 == 1 {
				expected = known.edited
			}
			if r.code != 0 || strings.TrimSpace(r.stdout) != expected {
				t.Errorf("build %d of %d: exit %d, %s, want %s\n%s", i, len(builds), r.code, r.stdout, expected, r.stderr)
			}
		}
		nothingUnderWay(t, cache)
	}
}

// A cache that cannot be written to, and too few files that may be open: exit 5,
// with what to do, and nothing is written.
func TestMachineThatLacksSomething(t *testing.T) {
	t.Parallel()
	cache, dir, want := warm(t)
	d := dram{args: []string{"image", dir}, cache: cache}
	for _, files := range []string{"10", "12", "16", "24", "40"} {
		edited := hello(t)
		edit(t, edited)
		r := dram{args: []string{"image", edited}, cache: cache, files: files}.run(t)
		switch {
		case r.code == 0 && strings.TrimSpace(r.stdout) == known.edited:
		case r.code == 5 && r.stdout == "" && strings.Contains(r.stderr, "hint: raise the limit on open files, as with: ulimit -n 4096"):
		default:
			t.Errorf("with %s files: exit %d, stdout %q\n%s", files, r.code, r.stdout, r.stderr)
		}
	}
	if got := d.ok(t).digest(t); got != want {
		t.Errorf("after that it gives %s, want %s", got, want)
	}
	readOnly(t, cache)
	d.fails(t, 5, "opening cache", "  hint: make the directory writable, or set DRAM_CACHE_DIR")
}
