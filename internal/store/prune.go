package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"
)

// Entry is one thing in the cache that can be removed by itself.
type Entry struct {
	Kind string    `json:"kind"` // "blobs", "trees/root", "projects/build", "records"
	Key  string    `json:"key"`
	Size int64     `json:"size"` // bytes on disk
	Used time.Time `json:"used"` // when it was last used, roughly
	path string
}

// List lists trees and work directories one by one; blobs and records, which
// are many and small, as one entry each.
func (s *Store) List(ctx context.Context) ([]Entry, error) {
	var out []Entry
	for _, top := range []string{"trees", "projects"} {
		kinds, err := os.ReadDir(filepath.Join(s.dir, top))
		if err != nil {
			return nil, fmt.Errorf("listing the cache: %w", err)
		}
		for _, k := range kinds {
			if !k.IsDir() {
				continue
			}
			entries, err := s.listKind(ctx, top+"/"+k.Name())
			if err != nil {
				return nil, err
			}
			out = append(out, entries...)
		}
	}
	for _, top := range []string{"blobs", "records"} {
		e := Entry{Kind: top, path: filepath.Join(s.dir, top)}
		if err := e.measure(ctx); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Kind+out[i].Key < out[j].Kind+out[j].Key })
	return out, nil
}

func (s *Store) listKind(ctx context.Context, kind string) ([]Entry, error) {
	dirs, err := os.ReadDir(filepath.Join(s.dir, kind))
	if err != nil {
		return nil, fmt.Errorf("listing the cache: %w", err)
	}
	var out []Entry
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		e := Entry{Kind: kind, Key: d.Name(), path: filepath.Join(s.dir, kind, d.Name())}
		if err := e.measure(ctx); err != nil {
			return nil, err
		}
		e.Used = used(e.path)
		out = append(out, e)
	}
	return out, nil
}

func used(path string) time.Time {
	for _, p := range []string{path + ".ok", path} {
		if info, err := os.Stat(p); err == nil {
			return info.ModTime()
		}
	}
	return time.Time{}
}

// measure adds up what the entry takes on disk. Files that vanish meanwhile
// (another dram at work) count as nothing.
func (e *Entry) measure(ctx context.Context) error {
	return filepath.WalkDir(e.path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return ctx.Err()
		}
		info, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // it vanished
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			e.Size += st.Blocks * 512
		}
		if t := info.ModTime(); t.After(e.Used) {
			e.Used = t
		}
		return nil
	})
}

// Prune removes what was not used for at least age; 0 removes everything that
// no other dram uses this moment. It tells how many bytes were freed.
func (s *Store) Prune(ctx context.Context, age time.Duration) (freed int64, err error) {
	s.sweep()
	before := time.Now().Add(-age)
	entries, err := s.List(ctx)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		var n int64
		switch {
		case e.Key == "":
			n, err = pruneFiles(ctx, e.path, before)
		case !e.Used.After(before):
			n, err = s.pruneDir(ctx, e)
		}
		freed += n
		if err != nil {
			return freed, fmt.Errorf("pruning %s/%s: %w", e.Kind, e.Key, err)
		}
	}
	return freed, nil
}

// pruneDir removes a tree or work directory unless a dram has its lock.
func (s *Store) pruneDir(ctx context.Context, e Entry) (int64, error) {
	kind, name, _ := strings.Cut(e.Kind, "/")
	lock := name + "-" + e.Key // as builds name theirs
	if kind == "trees" {
		lock = "tree-" + lock
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	unlock, err := s.Lock(ctx, lock, nil)
	if err != nil {
		return 0, nil //nolint:nilerr // in use: it stays
	}
	defer unlock()
	if err := errors.Join(removeIfThere(e.path+".ok"), RemoveAll(e.path)); err != nil {
		return 0, err
	}
	return e.Size, nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func pruneFiles(ctx context.Context, dir string, before time.Time) (freed int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return ctx.Err()
		}
		info, err := d.Info()
		if err != nil || d.IsDir() || info.ModTime().After(before) {
			return nil //nolint:nilerr // it vanished, or it stays
		}
		if err := removeIfThere(path); err != nil {
			return err
		}
		freed += info.Size()
		return nil
	})
	return freed, err
}
