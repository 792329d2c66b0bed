package store

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"time"
)

// DefaultLimit is how large a cache becomes unless told otherwise, in bytes.
const DefaultLimit = 10_000_000_000

// How large a cache is, only a walk over all of it tells, which takes a tenth of
// a second and more. So its size is kept, what is written is added to it, and
// the walk is made when that passes the limit, once after trees were made or
// things were pruned, and once a day, since what steps write is not counted.
const remeasure = 24 * time.Hour

// cacheSize is the record of the cache's size.
type cacheSize struct {
	Bytes    int64     `json:"bytes"`
	Limit    int64     `json:"limit"`    // the one that Next is for
	Next     int64     `json:"next"`     // measure again when Bytes passes this
	Measured time.Time `json:"measured"` // zero: measure at once
}

// due says whether the record cannot tell whether the cache is within limit.
func (c cacheSize) due(limit int64) bool {
	age := time.Since(c.Measured)
	return c.Limit != limit || c.Bytes > c.Next || age > remeasure || age < 0
}

// Trim removes what was used least recently, if the cache has grown past limit
// (bytes; 0 is none), until nine tenths of it are left, but never what a dram
// uses this moment, this process included. It tells how many bytes were freed.
// Unless something was written since Open, it does nothing.
func (s *Store) Trim(ctx context.Context, limit int64) (freed int64, err error) {
	grown := s.grown.Swap(0)
	if limit <= 0 || grown == 0 && !s.trees.Load() {
		return 0, nil
	}
	lock := s.flock("trim")
	if ok, err := lock.TryLock(); err != nil || !ok {
		return 0, err // another dram is at it
	}
	defer func() { _ = lock.Close() }()
	var size cacheSize
	s.Get("cache", "size", &size)
	size.Bytes += grown
	if s.trees.Swap(false) || size.due(limit) {
		if size, freed, err = s.trim(ctx, limit); err != nil {
			return freed, err
		}
	}
	return freed, s.Put("cache", "size", size)
}

// forgetSize makes the next Trim measure.
func (s *Store) forgetSize() error { return removeIfThere(s.record("cache", "size")) }

// trim measures, and removes what is too much.
func (s *Store) trim(ctx context.Context, limit int64) (size cacheSize, freed int64, err error) {
	size = cacheSize{Limit: limit, Next: limit, Measured: time.Now()}
	entries, err := s.everything(ctx)
	if err != nil {
		return size, 0, err
	}
	for _, e := range entries {
		size.Bytes += e.Size
	}
	if size.Bytes <= limit {
		return size, 0, nil
	}
	slices.SortFunc(entries, func(a, b Entry) int { return a.Used.Compare(b.Used) })
	files := s.oldest()
	for _, e := range entries {
		if size.Bytes <= limit/10*9 || err != nil || ctx.Err() != nil {
			break
		}
		var n int64
		if e.Key == "" {
			n, err = s.removeUnused(ctx, e.path, files)
		} else {
			n, err = s.pruneDir(e)
		}
		freed, size.Bytes = freed+n, size.Bytes-n
	}
	size.Next = max(limit, size.Bytes+limit/20) // what is in use may keep it above
	return size, freed, errors.Join(err, ctx.Err())
}

// everything lists what can be removed by itself: trees, work directories, and
// each blob and record.
func (s *Store) everything(ctx context.Context) ([]Entry, error) {
	entries, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.Key == "" })
	for _, top := range []string{"blobs", "records"} {
		err := walk(ctx, filepath.Join(s.dir, top), func(path string, info fs.FileInfo) error {
			if !info.IsDir() {
				entries = append(entries, Entry{Kind: top, Size: onDisk(info), Used: s.lastUse(path, info), path: path})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return entries, nil
}
