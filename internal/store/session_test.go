package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"dram/internal/store"
)

// inTmp lists what lies in the cache's tmp itself.
func inTmp(t *testing.T, s *store.Store) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(s.Dir(), "tmp", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func again(t *testing.T, s *store.Store) *store.Store {
	t.Helper()
	next, err := store.Open(s.Dir())
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// What a killed process leaves in tmp (its lock is free by then) goes away at
// the next Open, files and directories alike and however young they are; what a
// living one has there stays.
func TestOpenSweepsWhatKilledProcessesLeft(t *testing.T) {
	s := open(t)
	dead := filepath.Join(s.Dir(), "tmp", "run-dead")
	if err := os.MkdirAll(filepath.Join(dead, "tree-1", "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		os.WriteFile(filepath.Join(dead, "blob-1"), []byte("half a blob"), 0o600),
		os.WriteFile(dead+".lock", nil, 0o600),
		os.WriteFile(filepath.Join(s.Dir(), "tmp", "run-alone.lock"), nil, 0o600), // killed before it made its directory
		os.Chmod(filepath.Join(dead, "tree-1"), 0o500),
		syscall.Mkfifo(filepath.Join(s.Dir(), "tmp", "pipe.lock"), 0o600), // opening it would wait for ever
		os.Symlink(s.Dir(), filepath.Join(s.Dir(), "tmp", "link.lock")),
	); err != nil {
		t.Fatal(err)
	}
	alive, done, err := s.TempDir("alive")
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	blob, err := s.NewBlob()
	if err != nil {
		t.Fatal(err)
	}
	again(t, s)
	if left := inTmp(t, s); len(left) != 2 {
		t.Errorf("tmp holds %v, want the living session's directory and lock", left)
	}
	if _, err := os.Stat(alive); err != nil {
		t.Errorf("the living directory: %v", err)
	}
	if _, _, err := blob.Commit(); err != nil {
		t.Errorf("the living blob: %v", err)
	}
}

func TestCloseLeavesNothingInTmp(t *testing.T) {
	s := open(t)
	if _, _, err := s.TempDir("work"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.NewBlob(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if left := inTmp(t, s); len(left) != 0 {
		t.Errorf("%v left in tmp", left)
	}
	if err := s.Put("kind", "key", 1); err != nil { // and it may be used again
		t.Error(err)
	}
}

// Opening a cache to look at it, and pruning it, work on a full disk: neither
// makes anything.
func TestLookingBeginsNoSession(t *testing.T) {
	s := open(t)
	if _, err := s.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prune(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if left := inTmp(t, s); len(left) != 0 {
		t.Errorf("%v in tmp", left)
	}
}

// Sessions begin while others sweep: none loses its directory, and no two hold
// the same lock.
func TestSweepNeverTakesALivingSession(t *testing.T) {
	s := open(t)
	var stop atomic.Bool
	var sweepers, users sync.WaitGroup
	for range 4 {
		sweepers.Go(func() {
			for !stop.Load() {
				if _, err := store.Open(s.Dir()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 4 {
		users.Go(func() {
			for range 100 {
				mine := again(t, s)
				dir, _, err := mine.TempDir("mine")
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.WriteFile(filepath.Join(dir, "f"), nil, 0o600); err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Millisecond)
				if _, err := os.Stat(filepath.Join(dir, "f")); err != nil {
					t.Errorf("swept while in use: %v", err)
				}
				mine.Close()
			}
		})
	}
	users.Wait()
	stop.Store(true)
	sweepers.Wait()
	again(t, s)
	if left := inTmp(t, s); len(left) != 0 {
		t.Errorf("%v left in tmp", left)
	}
}

// A store that nothing refers to any more still holds what it gave out: the
// process uses it by its path.
func TestForgottenStoreHoldsItsTrees(t *testing.T) {
	s := open(t)
	func() {
		forgotten := again(t, s)
		if _, err := forgotten.Tree(t.Context(), "root", "key", nothing); err != nil {
			t.Fatal(err)
		}
	}()
	for range 3 {
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := s.Prune(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if !s.HasTree("root", "key") {
		t.Error("the tree was pruned")
	}
}
