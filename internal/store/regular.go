package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"dram/internal/fsutil"
)

// Whatever became of the cache, a pipe in place of a file may not hang dram, a
// link may not lead it elsewhere, and a directory may not keep it from making
// the file anew.

var errIrregular = errors.New("not a regular file")

// openRegular opens a file for reading that is one, and no link to one.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENXIO) {
		err = &fs.PathError{Op: "open", Path: path, Err: errIrregular}
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errIrregular}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// readRegular reads a file of at most limit bytes.
func readRegular(path string, limit int64) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = fmt.Errorf("%q is larger than %d bytes", path, limit)
	}
	return raw, err
}

// place renames a finished file or directory to where it belongs in the cache.
// What is in the way there, and in the way of the directories above, goes.
func (s *Store) place(from, to string) error {
	err := os.MkdirAll(filepath.Dir(to), 0o700)
	if err == nil {
		err = os.Rename(from, to)
	}
	if err == nil {
		return nil
	}
	if s.clear(to) != nil {
		return err
	}
	return errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.Rename(from, to))
}

// clear removes a directory at path, and what is no directory among those that
// lead there from the cache's own.
func (s *Store) clear(path string) error {
	rel, err := fsutil.Inside(s.dir, path)
	if err != nil {
		return err
	}
	at := s.dir
	for part := range strings.SplitSeq(filepath.Dir(rel), string(filepath.Separator)) {
		at = filepath.Join(at, part)
		if info, err := os.Stat(at); err == nil && info.IsDir() {
			continue // or a link to one, which somebody made on purpose
		}
		if _, err := os.Lstat(at); err == nil {
			return os.Remove(at)
		}
	}
	return removeAny(path)
}

// removeAny removes whatever is there.
func removeAny(path string) error {
	if err := os.Remove(path); err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return RemoveAll(path)
}

// lockable makes sure that a lock's file is one, or is not there: opening a pipe
// waits for ever, and nobody holds a lock on what is not a file.
func lockable(path string) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		_ = removeAny(path) // if it stays, taking the lock says why
	}
}
