package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"dram/internal/fsutil"
)

// Lock takes the lock named, waiting for it; waiting is called once if another
// process has it. Call unlock when done; a killed process lets go by itself.
func (s *Store) Lock(ctx context.Context, name string, waiting func()) (unlock func(), err error) {
	l := s.flock(name)
	ok, err := l.TryLock()
	if err == nil && !ok {
		if waiting != nil {
			waiting()
		}
		_, err = l.TryLockContext(ctx, 50*time.Millisecond)
	}
	if err != nil {
		return nil, fmt.Errorf("locking %q: %w", name, err)
	}
	return func() { _ = l.Unlock() }, nil
}

// flock is the lock named, not yet taken.
func (s *Store) flock(name string) *flock.Flock {
	path := filepath.Join(s.dir, "locks", FileName(name))
	lockable(path)
	return flock.New(path)
}

// Tree is the directory kind/key. If it is not there yet, fill makes its
// content in an empty directory of the same file system, which is renamed into
// place when fill succeeds. Concurrent callers wait for one another. It is not
// pruned before Close.
func (s *Store) Tree(ctx context.Context, kind, key string, fill func(ctx context.Context, dir string) error) (string, error) {
	path := s.TreePath(kind, key)
	if err := s.hold(treeName(kind, key), patiently(ctx)); err != nil {
		return "", err
	}
	if s.HasTree(kind, key) {
		return path, nil
	}
	unlock, err := s.Lock(ctx, treeName(kind, key), nil)
	if err != nil {
		return "", err
	}
	defer unlock()
	if s.HasTree(kind, key) {
		return path, nil
	}
	tmp, done, err := s.TempDir("tree")
	if err != nil {
		return "", err
	}
	defer done()
	made := filepath.Join(tmp, "tree")
	if err := os.Mkdir(made, 0o755); err != nil { //nolint:gosec // the sandbox's users must see into it; the store itself is 0700
		return "", err
	}
	if err := fill(ctx, made); err != nil {
		return "", err
	}
	if err := s.publish(made, path); err != nil {
		return "", err
	}
	return path, s.seal(ctx, kind, key)
}

func treeName(kind, key string) string { return "tree-" + kind + "-" + key }

// publish gives a tree its name, and its marker only when all of it is on disk.
func (s *Store) publish(made, path string) error {
	if err := errors.Join(removeAny(path+".ok"), RemoveAll(path)); err != nil {
		return fmt.Errorf("making room for %q: %w", path, err)
	}
	if err := s.place(made, path); err != nil {
		return fmt.Errorf("moving %q into place: %w", path, err)
	}
	if err := fsutil.SyncTree(path); err != nil {
		return err
	}
	s.trees.Store(true)
	return nil
}

// TreePath is where the tree kind/key is or would be.
func (s *Store) TreePath(kind, key string) string {
	return filepath.Join(s.dir, "trees", kind, FileName(key))
}

// HasTree says whether the tree kind/key is there, whole, and marks it as used:
// if it is there, it is not pruned before Close.
func (s *Store) HasTree(kind, key string) bool {
	path := s.TreePath(kind, key)
	if info, err := os.Lstat(path + ".ok"); err != nil || !info.Mode().IsRegular() {
		return false
	}
	if err := s.hold(treeName(kind, key), briefly); err != nil {
		return false
	}
	if _, err := os.Stat(path + ".ok"); err != nil {
		return false // pruned meanwhile
	}
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	now := time.Now()
	_ = os.Chtimes(path+".ok", now, now) // what prune goes by; at worst it counts as old
	return true
}

// Work is a directory that lives on between runs, made if need be. Whoever
// writes to it holds a lock of the same name. It is not pruned before Close.
func (s *Store) Work(kind, key string) (string, error) {
	if err := s.hold(workName(kind, key), briefly); err != nil {
		return "", err
	}
	dir := filepath.Join(s.dir, "projects", kind, FileName(key))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making work directory: %w", err)
	}
	now := time.Now()
	_ = os.Chtimes(dir, now, now) // what prune goes by; at worst it counts as old
	return dir, nil
}

func workName(kind, key string) string { return kind + "-" + key }

// RemoveAll is os.RemoveAll that also removes directories without write
// permission, as overlay mounts and some packages leave them.
func RemoveAll(path string) error {
	if err := os.RemoveAll(path); err == nil {
		return nil
	}
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(p, 0o700) //nolint:gosec // a directory about to be removed
		}
		return nil
	})
	return os.RemoveAll(path)
}

// Clear removes what is in a directory, as RemoveAll does.
func Clear(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("clearing %q: %w", dir, err)
	}
	for _, e := range entries {
		if err := RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("clearing %q: %w", dir, err)
		}
	}
	return nil
}
