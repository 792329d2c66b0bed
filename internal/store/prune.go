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
	return walk(ctx, e.path, func(_ string, info fs.FileInfo) error {
		e.Size += onDisk(info)
		if t := info.ModTime(); t.After(e.Used) {
			e.Used = t
		}
		return nil
	})
}

// walk visits everything below dir but what vanishes meanwhile.
func walk(ctx context.Context, dir string, visit func(path string, info fs.FileInfo) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return ctx.Err()
		}
		info, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // it vanished
		}
		return visit(path, info)
	})
}

// onDisk is what a file takes on disk, in bytes.
func onDisk(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return info.Size()
}

// Prune removes what was not used for at least age; 0 removes everything that
// no dram uses this moment. It tells how many bytes were freed.
func (s *Store) Prune(ctx context.Context, age time.Duration) (freed int64, err error) {
	s.sweep()
	before := time.Now().Add(-age)
	files := earlier(before, s.oldest()) // what a living process may rely on stays
	entries, err := s.List(ctx)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		var n int64
		switch {
		case e.Key == "":
			n, err = s.pruneFiles(ctx, e.path, files)
		case !e.Used.After(before):
			n, err = s.pruneDir(e)
		}
		freed += n
		if err != nil {
			return freed, fmt.Errorf("pruning %s/%s: %w", e.Kind, e.Key, err)
		}
	}
	return freed, s.forgetSize()
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// pruneDir removes a tree or work directory unless a dram holds it.
func (s *Store) pruneDir(e Entry) (int64, error) {
	kind, name, _ := strings.Cut(e.Kind, "/")
	lock := workName(name, e.Key)
	if kind == "trees" {
		lock = treeName(name, e.Key)
	}
	removed, err := s.removeUnheld(lock, e.path)
	if !removed {
		return 0, err
	}
	return e.Size, err
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (s *Store) pruneFiles(ctx context.Context, dir string, before time.Time) (freed int64, err error) {
	err = walk(ctx, dir, func(path string, info fs.FileInfo) error {
		if info.IsDir() || !s.lastUse(path, info).Before(before) {
			return nil
		}
		n, err := s.removeUnused(ctx, path, before)
		freed += n
		return err
	})
	return freed, err
}
