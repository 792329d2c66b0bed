package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dram/internal/store"
)

func nothing(context.Context, string) error { return nil }

func prune(t *testing.T, s *store.Store, age time.Duration) int64 {
	t.Helper()
	freed, err := s.Prune(t.Context(), age)
	if err != nil {
		t.Fatal(err)
	}
	return freed
}

func put(t *testing.T, s *store.Store, content string) store.Digest {
	t.Helper()
	d, _, err := s.PutBlob(t.Context(), bytes.NewReader([]byte(content)), "")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPruneKeepsWhatIsYoung(t *testing.T) {
	s := open(t)
	fill := func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, "f"), make([]byte, 8192), 0o600)
	}
	for _, key := range []string{"old", "young"} {
		dir, err := s.Tree(t.Context(), "root", key, fill)
		if err != nil {
			t.Fatal(err)
		}
		if key == "old" {
			past := time.Now().Add(-48 * time.Hour)
			if err := os.Chtimes(dir+".ok", past, past); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.Close()
	if freed := prune(t, s, 24*time.Hour); freed < 8192 {
		t.Errorf("freed %d", freed)
	}
	for key, want := range map[string]bool{"old": false, "young": true} {
		if got := s.HasTree("root", key); got != want {
			t.Errorf("tree %q there: %v, want %v", key, got, want)
		}
	}
}

// Whatever a process was given stays until it lets go, and goes then.
func TestPruneKeepsWhatIsInUse(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(s *store.Store) error
		use  func(s *store.Store) bool
	}{
		{
			"tree, made",
			func(*store.Store) error { return nil },
			func(s *store.Store) bool { _, err := s.Tree(t.Context(), "root", "key", nothing); return err == nil },
		},
		{
			"tree, found",
			func(s *store.Store) error { _, err := s.Tree(t.Context(), "root", "key", nothing); return err },
			func(s *store.Store) bool { return s.HasTree("root", "key") },
		},
		{
			"work directory",
			func(*store.Store) error { return nil },
			func(s *store.Store) bool { _, err := s.Work("debian", "partial"); return err == nil },
		},
		{
			"blob, looked at",
			func(s *store.Store) error { put(t, s, "blob"); return nil },
			func(s *store.Store) bool { return s.HasBlob(store.DigestOf([]byte("blob")), -1) },
		},
		{
			"blob, by its path",
			func(s *store.Store) error { put(t, s, "blob"); return nil },
			func(s *store.Store) bool {
				_, err := os.Stat(s.BlobPath(store.DigestOf([]byte("blob"))))
				return err == nil
			},
		},
		{
			"blob, verified",
			func(s *store.Store) error { put(t, s, "blob"); return nil },
			func(s *store.Store) bool { return s.VerifyBlob(store.DigestOf([]byte("blob"))) == nil },
		},
		{
			"blob, made",
			func(*store.Store) error { return nil },
			func(s *store.Store) bool { put(t, s, "blob"); return true },
		},
		{
			"blob, adopted",
			func(*store.Store) error { return nil },
			func(s *store.Store) bool {
				path := filepath.Join(s.Dir(), "part")
				return errors.Join(os.WriteFile(path, []byte("blob"), 0o600), s.AdoptBlob(path, store.DigestOf([]byte("blob")))) == nil
			},
		},
		{
			"record, read",
			func(s *store.Store) error { return s.Put("kind", "key", 1) },
			func(s *store.Store) bool { var n int; return s.Get("kind", "key", &n) },
		},
		{
			"record, written",
			func(*store.Store) error { return nil },
			func(s *store.Store) bool { return s.Put("kind", "key", 1) == nil },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t)
			if err := tt.make(s); err != nil {
				t.Fatal(err)
			}
			s.Close()
			time.Sleep(20 * time.Millisecond) // past the file system's clock's grain
			user, pruner := again(t, s), again(t, s)
			if !tt.use(user) {
				t.Fatal("it is not there")
			}
			prune(t, pruner, 0)
			if len(kept(t, s)) == 0 {
				t.Error("it was pruned while in use")
			}
			user.Close()
			time.Sleep(20 * time.Millisecond)
			prune(t, pruner, 0)
			if left := kept(t, s); len(left) != 0 {
				t.Errorf("let go and pruned, there still is %v", left)
			}
		})
	}
}

// kept lists what the cache holds.
func kept(t *testing.T, s *store.Store) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"blobs/sha256/*/*", "records/*/*", "trees/*/*", "projects/*/*"} {
		found, err := filepath.Glob(filepath.Join(s.Dir(), pattern))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, found...)
	}
	return out
}

// A long-lived process (dram run) keeps what it and others used since it began,
// not what lay there before.
func TestPruneGoesOnBesideALongRun(t *testing.T) {
	s := open(t)
	old := put(t, s, "old")
	s.Close()
	time.Sleep(20 * time.Millisecond)
	run := again(t, s)
	mine := put(t, run, "mine")
	prune(t, again(t, s), 0)
	if s.HasBlob(old, -1) || !s.HasBlob(mine, -1) {
		t.Errorf("old blob there: %v, the run's: %v", s.HasBlob(old, -1), s.HasBlob(mine, -1))
	}
}

// A record's use does not make it younger than it is: Age is what tells whether
// an archive must be asked again.
func TestReadingARecordKeepsItsAge(t *testing.T) {
	s := open(t)
	if err := s.Put("kind", "key", 1); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(s.Dir(), "records", "kind", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	past := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(files[0], past, past); err != nil {
		t.Fatal(err)
	}
	s.Close()
	var n int
	if !s.Get("kind", "key", &n) {
		t.Fatal("it is not there")
	}
	if age, ok := s.Age("kind", "key"); !ok || age < 47*time.Hour {
		t.Errorf("its age is %s, %v", age, ok)
	}
	s.Close()
	prune(t, s, 24*time.Hour)
	if !s.Get("kind", "key", &n) {
		t.Error("it was pruned though it was read a moment ago")
	}
}

// builder is what a build does to a cache: a tree, blobs that records name, a
// work directory; each looked up first and used later. It fails if anything
// vanished that it was told is there.
func builder(ctx context.Context, dir string, n int) error {
	s, err := store.Open(dir)
	if err != nil {
		return err
	}
	defer s.Close()
	tree, err := s.Tree(ctx, "root", "toolchain", func(_ context.Context, dir string) error {
		for i := range 20 {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), []byte("tool"), 0o600); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	work, err := s.Work("build", fmt.Sprint(n%3))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(work, fmt.Sprint(n)), nil, 0o600); err != nil {
		return err
	}
	type member struct {
		Digest store.Digest
		Size   int64
	}
	var found []member
	for i := range 10 {
		var m member
		key := fmt.Sprint("member-", i)
		if !s.Get("member", key, &m) || !s.HasBlob(m.Digest, m.Size) {
			if m.Digest, m.Size, err = s.PutBlob(ctx, bytes.NewReader([]byte(key)), ""); err != nil {
				return err
			}
			if err := s.Put("member", key, m); err != nil {
				return err
			}
		}
		found = append(found, m)
	}
	time.Sleep(time.Duration(n%5) * time.Millisecond)
	for _, m := range found {
		if err := s.VerifyBlob(m.Digest); err != nil {
			return fmt.Errorf("a blob that was there: %w", err)
		}
		if _, err := os.Stat(s.BlobPath(m.Digest)); err != nil {
			return err
		}
	}
	for i := range 20 {
		raw, err := os.ReadFile(filepath.Join(tree, fmt.Sprint(i)))
		if err != nil || string(raw) != "tool" {
			return fmt.Errorf("the tree's file %d is %q: %w", i, raw, err)
		}
	}
	_, err = os.Stat(filepath.Join(work, fmt.Sprint(n)))
	return err
}

// A hundred builds, four at a time, beside two loops of prune --older-than 0s:
// none is broken.
func TestHundredBuildsBesidePrune(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	if _, err := store.Open(dir); err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	var pruned atomic.Int64
	var pruners, builds sync.WaitGroup
	for range 2 {
		pruners.Go(func() {
			for !stop.Load() {
				s, err := store.Open(dir)
				if err != nil {
					t.Error(err)
					return
				}
				freed, err := s.Prune(context.Background(), 0)
				if err != nil {
					t.Errorf("pruning: %v", err)
				}
				pruned.Add(freed)
			}
		})
	}
	var broken atomic.Int32
	for worker := range 4 {
		builds.Go(func() {
			for i := range 25 {
				if err := builder(t.Context(), dir, 25*worker+i); err != nil {
					broken.Add(1)
					t.Errorf("build %d: %v", 25*worker+i, err)
				}
			}
		})
	}
	builds.Wait()
	stop.Store(true)
	pruners.Wait()
	if pruned.Load() == 0 {
		t.Error("nothing was pruned meanwhile: the test shows nothing")
	}
	t.Logf("%d of 100 builds broken, %d bytes pruned meanwhile", broken.Load(), pruned.Load())
}

// What a reader has open it reads to its end, whatever is pruned.
func TestOpenBlobIsReadToItsEnd(t *testing.T) {
	s := open(t)
	d := put(t, s, "content")
	r, err := s.OpenBlob(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(s.Dir(), "blobs")); err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || string(raw) != "content" {
		t.Errorf("read %q, %v", raw, err)
	}
}
