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
)

// Lock takes the lock named, waiting for it; waiting is called once if another
// process has it. Call unlock when done; a killed process lets go by itself.
func (s *Store) Lock(ctx context.Context, name string, waiting func()) (unlock func(), err error) {
	l := flock.New(filepath.Join(s.dir, "locks", FileName(name)))
	lockable(l.Path())
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

// Tree is the directory kind/key. If it is not there yet, fill makes its
// content in an empty directory of the same file system, which is renamed into
// place when fill succeeds. Concurrent callers wait for one another.
func (s *Store) Tree(ctx context.Context, kind, key string, fill func(ctx context.Context, dir string) error) (string, error) {
	path := s.TreePath(kind, key)
	if s.HasTree(kind, key) {
		return path, nil
	}
	unlock, err := s.Lock(ctx, "tree-"+kind+"-"+key, nil)
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

func (s *Store) publish(made, path string) error {
	if err := errors.Join(removeAny(path+".ok"), RemoveAll(path)); err != nil {
		return fmt.Errorf("making room for %q: %w", path, err)
	}
	if err := s.place(made, path); err != nil {
		return fmt.Errorf("moving %q into place: %w", path, err)
	}
	return nil
}

// TreePath is where the tree kind/key is or would be.
func (s *Store) TreePath(kind, key string) string {
	return filepath.Join(s.dir, "trees", kind, FileName(key))
}

// HasTree says whether the tree kind/key is there, whole, and marks it as used.
func (s *Store) HasTree(kind, key string) bool {
	path := s.TreePath(kind, key)
	if info, err := os.Lstat(path + ".ok"); err != nil || !info.Mode().IsRegular() {
		return false
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
// writes to it holds a lock of the same name.
func (s *Store) Work(kind, key string) (string, error) {
	dir := filepath.Join(s.dir, "projects", kind, FileName(key))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making work directory: %w", err)
	}
	now := time.Now()
	_ = os.Chtimes(dir, now, now) // what prune goes by; at worst it counts as old
	return dir, nil
}

// TempDir makes a directory on the cache's file system; done removes it. If the
// process is killed first, a later Open removes it.
func (s *Store) TempDir(prefix string) (dir string, done func(), err error) {
	dir, err = os.MkdirTemp(filepath.Join(s.dir, "tmp"), prefix+"-*")
	if err != nil {
		return "", nil, fmt.Errorf("making a temporary directory in the cache: %w", err)
	}
	lock := flock.New(dir + ".lock")
	if err := lock.Lock(); err != nil {
		_ = os.Remove(dir)
		return "", nil, fmt.Errorf("locking a temporary directory: %w", err)
	}
	return dir, func() {
		_ = RemoveAll(dir)
		_ = os.Remove(lock.Path())
		_ = lock.Unlock()
	}, nil
}

// sweep removes what killed processes left in tmp: directories whose lock is
// free, and files older than a day.
func (s *Store) sweep() {
	entries, err := os.ReadDir(filepath.Join(s.dir, "tmp"))
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(s.dir, "tmp", e.Name())
		info, err := e.Info()
		switch {
		case err != nil:
		case e.IsDir():
			s.sweepDir(path, info)
		case filepath.Ext(path) != ".lock" && time.Since(info.ModTime()) > 24*time.Hour:
			_ = os.Remove(path)
		}
	}
}

func (s *Store) sweepDir(path string, info fs.FileInfo) {
	if _, err := os.Stat(path + ".lock"); err != nil && time.Since(info.ModTime()) < time.Minute {
		return // being made this moment
	}
	lock := flock.New(path + ".lock")
	if ok, err := lock.TryLock(); err != nil || !ok {
		return // in use
	}
	_ = RemoveAll(path)
	_ = os.Remove(lock.Path())
	_ = lock.Unlock()
}

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
