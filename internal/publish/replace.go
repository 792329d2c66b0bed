package publish

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"dram/internal/problem"
)

// replace writes a file beside its place and renames it there when it is whole.
func (s *spot) replace(write func(io.Writer) error) (err error) {
	if err := s.taken(); err != nil {
		return err
	}
	s.sweep()
	tmp, f, err := s.temporary()
	if err != nil {
		return unwritable(s.path, err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = s.dir.Remove(tmp)
		}
	}()
	if err := write(f); errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("writing %q: %w", s.path, err) // of what is read, not of the file
	} else if err != nil {
		return unwritable(s.path, err)
	}
	if err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close()); err != nil { //nolint:gosec // a result, for others to read
		return unwritable(s.path, err)
	}
	if err := s.dir.Rename(tmp, s.base); err != nil {
		return unwritable(s.path, err)
	}
	return nil
}

// temporary makes a new file beside the place, locked while it is written, by
// which another run tells it from what a killed one left.
func (s *spot) temporary() (name string, f *os.File, err error) {
	for range 100 { // a name that is taken is as good as never
		name = "." + s.base + "." + rand.Text()[:10] + ".tmp"
		f, err = s.dir.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil && !s.hold(name, f) {
			_ = f.Close()
			err = fs.ErrExist
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return name, f, err
}

// hold locks a new file. It fails if another run took it for abandoned before.
func (s *spot) hold(name string, f *os.File) bool {
	if errors.Is(lock(f), syscall.EWOULDBLOCK) {
		return false
	}
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := s.dir.Lstat(name)
	return err == nil && os.SameFile(mine, there)
}

// lock takes the exclusive lock of an open file, which ends with its process.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// unwritable adds the remedy to a failed write; what is no matter of the file
// system passes through.
func unwritable(path string, err error) error {
	var hint string
	switch {
	case errors.Is(err, errNoSpace):
		hint = "free some space, or write elsewhere with -o"
	case errors.Is(err, fs.ErrNotExist):
		hint = fmt.Sprintf("make the directory first: mkdir -p %q", filepath.Dir(path))
	case errors.Is(err, fs.ErrPermission), errors.Is(err, errReadOnly):
		hint = "make the directory writable, or write elsewhere with -o"
	default:
		return fmt.Errorf("writing %q: %w", path, err)
	}
	return problem.New(problem.Failure, hint, "writing %q: %w", path, err)
}

// sweep removes what killed runs left beside a result.
func (s *spot) sweep() {
	d, err := s.dir.Open(".")
	if err != nil {
		return // at worst they stay
	}
	defer func() { _ = d.Close() }()
	entries, _ := d.ReadDir(-1)
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, "."+s.base+".") && strings.HasSuffix(name, ".tmp") && e.Type().IsRegular() && s.abandoned(name) {
			_ = s.dir.Remove(name)
		}
	}
}

// abandoned says whether nobody writes a file any more: its lock can be had, or,
// where the file system has no locks, it is older than any run takes.
func (s *spot) abandoned(name string) bool {
	f, err := s.dir.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // only locked
	err = lock(f)
	if err == nil || errors.Is(err, syscall.EWOULDBLOCK) {
		return err == nil
	}
	info, err := f.Stat()
	return err == nil && time.Since(info.ModTime()) > 24*time.Hour
}
