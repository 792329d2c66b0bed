package publish

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"dram/internal/fsutil"
	"dram/internal/problem"
)

// replace writes a file beside its place and renames it there when it is whole. A
// result is kept: it was on disk when it has its name.
func (s *spot) replace(write func(io.Writer) error) error {
	if err := s.taken(); err != nil {
		return err
	}
	d, err := fsutil.NewDraft(s.dir, s.base, 0o600)
	if err != nil {
		return unwritable(s.path, err)
	}
	defer d.Discard()
	if err := write(d); errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("writing %q: %w", s.path, err) // of what is read, not of the file
	} else if err != nil {
		return unwritable(s.path, err)
	}
	err = errors.Join(d.Chmod(s.mode), d.Finish(fsutil.Kept))
	if err == nil {
		err = d.Commit()
	}
	if err != nil {
		return unwritable(s.path, err)
	}
	return nil
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
