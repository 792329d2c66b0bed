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

// temporary makes a new file beside the place.
func (s *spot) temporary() (name string, f *os.File, err error) {
	for range 100 { // a name that is taken is as good as never
		name = "." + s.base + "." + rand.Text()[:10] + ".tmp"
		f, err = s.dir.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return name, f, err
}

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

// sweep removes what killed runs left beside a result; a day is longer than any
// run takes.
func (s *spot) sweep() {
	d, err := s.dir.Open(".")
	if err != nil {
		return // at worst they stay
	}
	defer func() { _ = d.Close() }()
	entries, _ := d.ReadDir(-1)
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, "."+s.base+".") || !strings.HasSuffix(name, ".tmp") {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = s.dir.Remove(name)
		}
	}
}
