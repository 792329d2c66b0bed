package store_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dram/internal/store"
)

// fillTree makes a tree of n bytes, last used so long ago.
func fillTree(t *testing.T, dir, key string, n int, ago time.Duration) {
	t.Helper()
	s := againAt(t, dir)
	defer s.Close()
	tree, err := s.Tree(t.Context(), "root", key, func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, "f"), bytes.Repeat([]byte("x"), n), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-ago)
	if err := os.Chtimes(tree+".ok", past, past); err != nil {
		t.Fatal(err)
	}
}

func againAt(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fillBlob makes a blob of 100 kB, last used so long ago.
func fillBlob(t *testing.T, dir, content string, ago time.Duration) store.Digest {
	t.Helper()
	s := againAt(t, dir)
	defer s.Close()
	d := put(t, s, content+string(make([]byte, 100_000)))
	past := time.Now().Add(-ago)
	if err := os.Chtimes(s.BlobPath(d), past, past); err != nil {
		t.Fatal(err)
	}
	return d
}

func trim(t *testing.T, s *store.Store, limit int64) int64 {
	t.Helper()
	freed, err := s.Trim(t.Context(), limit)
	if err != nil {
		t.Fatal(err)
	}
	return freed
}

// there says which of a cache's trees and blobs are there, without using them.
func there(t *testing.T, dir string, trees []string, blobs []store.Digest) string {
	t.Helper()
	out := ""
	for _, key := range trees {
		if _, err := os.Stat(filepath.Join(dir, "trees", "root", key)); err == nil {
			out += key + " "
		}
	}
	for i, d := range blobs {
		if _, err := os.Stat(filepath.Join(dir, "blobs", "sha256", d.Hex()[:2], d.Hex())); err == nil {
			out += fmt.Sprintf("blob%d ", i)
		}
	}
	return out
}

// Past the limit, what was used least recently goes, tree or blob, until nine
// tenths are left; what is in use stays, however old.
func TestTrimRemovesLeastRecentlyUsed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	trees := []string{"oldest", "used", "young"}
	fillTree(t, dir, "oldest", 300_000, 50*time.Hour)
	fillTree(t, dir, "used", 300_000, 60*time.Hour)
	fillTree(t, dir, "young", 300_000, time.Hour)
	blobs := []store.Digest{fillBlob(t, dir, "0", 40*time.Hour), fillBlob(t, dir, "1", 30*time.Hour), fillBlob(t, dir, "2", 2*time.Hour)}
	user := againAt(t, dir)
	if !user.HasTree("root", "used") {
		t.Fatal("no tree")
	}
	past := time.Now().Add(-60 * time.Hour)
	if err := os.Chtimes(user.TreePath("root", "used")+".ok", past, past); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	s := againAt(t, dir)
	put(t, s, "new")
	for _, step := range []struct {
		limit int64
		left  string
		frees bool
	}{
		{0, "oldest used young blob0 blob1 blob2 ", false},
		{10_000_000, "oldest used young blob0 blob1 blob2 ", false},
		{1_200_000, "used young blob0 blob1 blob2 ", true},
		{900_000, "used young blob2 ", true},
		{300_000, "used ", true},
	} {
		if err := s.Put("kind", "key", step.limit); err != nil { // a trim needs something written
			t.Fatal(err)
		}
		freed := trim(t, s, step.limit)
		if got := there(t, dir, trees, blobs); got != step.left || (freed > 0) != step.frees {
			t.Errorf("with a limit of %d there is %q, freed %d; want %q", step.limit, got, freed, step.left)
		}
	}
	if !s.HasBlob(store.DigestOf([]byte("new")), 3) {
		t.Error("the process's own blob was removed")
	}
}

// What was written is added up, so that the walk over the cache is made only
// when it may matter: then the limit holds within a tenth at any time.
func TestTrimKeepsAGrowingCacheWithinItsLimit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	const limit = 3_000_000
	var total int64
	for i := range 80 {
		s := againAt(t, dir)
		put(t, s, fmt.Sprint(i)+string(make([]byte, 100_000)))
		total += trim(t, s, limit)
		s.Close()
		entries, err := s.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var size int64
		for _, e := range entries {
			size += e.Size
		}
		if size > limit*11/10 {
			t.Fatalf("after %d edits the cache has %d bytes", i+1, size)
		}
	}
	if total < 4_000_000 {
		t.Errorf("freed %d bytes in all", total)
	}
}

// A build that wrote nothing pays nothing, and one that did next to nothing.
func TestTrimIsCheap(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	s := againAt(t, dir)
	defer s.Close()
	put(t, s, "content")
	trim(t, s, store.DefaultLimit) // measures
	over := filepath.Join(dir, "trees", "root", "big")
	if err := os.MkdirAll(over, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(over, "f"), make([]byte, 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, write := range []func(){func() {}, func() { put(t, s, "more") }} {
		write()
		if freed := trim(t, s, store.DefaultLimit); freed != 0 {
			t.Errorf("freed %d", freed)
		}
	}
	if _, err := os.Stat(over); err != nil {
		t.Error("it walked over the cache though nothing told it to")
	}
}
