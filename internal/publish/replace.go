package publish

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"dram/internal/problem"
)

// replace writes a file beside path and renames it over path when it is whole.
func replace(path string, write func(io.Writer) error) (err error) {
	dir, base := filepath.Split(filepath.Clean(path))
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return problem.New(problem.Usage, "name a file, or use oci:DIR for an image layout", "writing %q: it is a directory", path)
	}
	sweep(dir, base)
	f, err := os.CreateTemp(cmp.Or(dir, "."), "."+base+".*.tmp")
	if err != nil {
		return unwritable(path, err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if err := write(f); errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("writing %q: %w", path, err) // of what is read, not of path
	} else if err != nil {
		return unwritable(path, err)
	}
	if err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close()); err != nil { //nolint:gosec // a result, for others to read
		return unwritable(path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return unwritable(path, err)
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

// sweep removes what killed runs left beside a result; a day is longer than any
// run takes.
func sweep(dir, base string) {
	old, err := filepath.Glob(filepath.Join(escape(dir), "."+escape(base)+".*.tmp"))
	if err != nil {
		return // at worst they stay
	}
	for _, path := range old {
		if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.Remove(path)
		}
	}
}

// escape keeps Glob from seeing patterns in a name.
func escape(name string) string {
	var out []rune
	for _, r := range name {
		if r == '*' || r == '?' || r == '[' || r == '\\' {
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}
