// Package store is dram's cache: one directory, shared by all projects of a
// user and safe for any number of dram processes at once.
//
//	blobs/sha256/ab/abcd…   bytes named by their SHA-256 digest
//	trees/KIND/KEY/         directories made once and then only read
//	records/KIND/KEY.json   small values, by a key that names their inputs
//	projects/KIND/KEY/      directories that live on between runs (deps, _build)
//	locks/                  advisory locks; the files stay
//	tmp/                    work in progress; what a killed process left is removed
//
// Nothing appears under its final name before it is whole: files are written
// to tmp and renamed, and what must survive a power cut is synced first (sync.go
// says what). A blob is verified whenever it is read, a record carries the
// digest of its own bytes, and a tree has a manifest beside it, so that what a
// crash or a bad disk damaged is made anew instead of used. What a process uses
// is not pruned under it (use.go).
package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"dram/internal/fsutil"
	"dram/internal/problem"
)

// Store is an opened cache. Its methods may be called concurrently. Close it at
// the end; if the process ends without, nothing is lost but a little time.
type Store struct {
	dir string
	shared
	grown atomic.Int64 // bytes written to blobs and records
	trees atomic.Bool  // trees were made
}

// DefaultDir is where the cache lives unless told otherwise: $XDG_CACHE_HOME
// or the platform's cache folder, and "dram" in it.
func DefaultDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", problem.New(problem.Environment, "set HOME, or DRAM_CACHE_DIR to a writable directory",
			"finding the cache directory: %w", err)
	}
	return filepath.Join(base, "dram"), nil
}

// Open opens the cache in dir, making it if need be, and removes what killed
// processes left in tmp. It refuses a cache that other users can write to.
func Open(dir string) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: abs}
	if err := ownOrNew(abs); err != nil {
		return nil, err
	}
	for _, sub := range []string{"blobs/sha256", "trees", "records", "projects", "locks", "tmp"} {
		path := filepath.Join(abs, sub)
		err := os.MkdirAll(path, 0o700)
		if err != nil && s.clear(filepath.Join(path, sub)) == nil {
			err = os.MkdirAll(path, 0o700)
		}
		if err != nil {
			return nil, unusable(abs, err)
		}
		if err := own(filepath.Join(abs, sub)); err != nil {
			return nil, err
		}
	}
	s.sweepFor(time.Second)
	return s, nil
}

func unusable(dir string, err error) error {
	return problem.New(problem.Environment,
		"make the directory writable, or set DRAM_CACHE_DIR (or --cache-dir) to another one",
		"opening cache %q: %w", dir, err)
}

// Dir is the cache's directory, absolute.
func (s *Store) Dir() string { return s.dir }

// Get reads the record kind/key into v and says whether a sound one was there.
func (s *Store) Get(kind, key string, v any) bool {
	path := s.record(kind, key)
	if err := s.use(path); err != nil {
		return false
	}
	raw, err := readRegular(path, maxRecord)
	if err != nil {
		return false
	}
	body, ok := recordBody(kind, FileName(key), raw)
	return ok && json.Unmarshal(body, v) == nil
}

// maxRecord bounds a record, in bytes.
const maxRecord = 256 << 20

// recordBody is what a record says, if its first line is the digest of that and
// of where it lies: a record in another one's place is none.
func recordBody(kind, name string, raw []byte) ([]byte, bool) {
	sum, body, ok := bytes.Cut(raw, []byte("\n"))
	return body, ok && string(sum) == recordSum(kind, name, body)
}

func recordSum(kind, name string, body []byte) string {
	return hexSum(slices.Concat([]byte(kind+"/"+name+"\n"), body))
}

// Put writes the record kind/key, replacing any other.
func (s *Store) Put(kind, key string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding record %s/%s: %w", kind, key, err)
	}
	raw := append([]byte(recordSum(kind, FileName(key), body)+"\n"), body...)
	path := s.record(kind, key)
	if err := s.WriteFile(path, raw, 0o600); err != nil {
		return err
	}
	s.mark(path)
	s.grown.Add(int64(len(raw)))
	return nil
}

// Remove removes the record kind/key, if it is there.
func (s *Store) Remove(kind, key string) error { return removeIfThere(s.record(kind, key)) }

// Age is the time since the record kind/key was written; ok is false if there is
// none that is sound.
func (s *Store) Age(kind, key string) (age time.Duration, ok bool) {
	var any json.RawMessage
	info, err := os.Lstat(s.record(kind, key))
	if err != nil || !s.Get(kind, key, &any) {
		return 0, false
	}
	return time.Since(info.ModTime()), true
}

// Touch makes the record kind/key new again.
func (s *Store) Touch(kind, key string) {
	now := time.Now()
	_ = os.Chtimes(s.record(kind, key), now, now) // at worst it counts as old
}

func (s *Store) record(kind, key string) string {
	return filepath.Join(s.dir, "records", kind, FileName(key)+".json")
}

// WriteFile writes a file so that it is either whole or not there: beside the
// cache's other work in progress, then renamed. It is not synced: use
// WriteSynced for what must hold after a power cut. path may lie anywhere on the
// cache's file system.
func (s *Store) WriteFile(path string, data []byte, mode fs.FileMode) error {
	return s.write(path, data, mode, fsutil.Whole)
}

// write writes a file by way of tmp.
func (s *Store) write(path string, data []byte, mode fs.FileMode, how fsutil.Durability) error {
	temp, err := s.temp()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(temp, "file-*")
	if err != nil {
		return fmt.Errorf("writing %q: %w", path, err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already once renamed
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(mode), fsutil.Finish(f, how)); err != nil {
		return fmt.Errorf("writing %q: %w", path, err)
	}
	if err := s.place(f.Name(), path); err != nil {
		return fmt.Errorf("writing %q: %w", path, err)
	}
	return nil
}

func tempError(err error) error { return fmt.Errorf("making a temporary file in the cache: %w", err) }

// FileName makes a key usable as one path element: itself where that is safe
// and short, else its digest.
func FileName(key string) string {
	safe := key != "" && len(key) <= 100 && key[0] != '.'
	for _, c := range key {
		safe = safe && (c == '-' || c == '_' || c == '.' || c == '+' ||
			'0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z')
	}
	if safe {
		return key
	}
	return hexSum([]byte(key))
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
