package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dram/internal/engine"
	"dram/internal/fsutil"
	"dram/internal/problem"
)

// Steps write to the directories that are kept, and may leave anything there: a
// link in place of a directory, a pipe in place of a file. So what the host does
// in them goes through an open root, which no link leaves.

// linkError is something else in the place of a directory.
type linkError struct {
	name string // in the root
	kind string
}

func (e *linkError) Error() string { return fmt.Sprintf("%q is a %s", e.name, e.kind) }

// plainDir says whether name is a directory of dir that no link is on the way to.
func plainDir(dir, name string) error {
	root, err := fsutil.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // only read
	at := ""
	for part := range strings.SplitSeq(filepath.ToSlash(name), "/") {
		at = filepath.Join(at, part)
		info, err := root.Lstat(at)
		switch {
		case err != nil:
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := root.Readlink(at)
			return &linkError{at, fmt.Sprintf("symbolic link to %q", target)}
		case !info.IsDir():
			return &linkError{at, "file that is not a directory"}
		}
	}
	return nil
}

// removeInside removes name from dir; a link on the way is removed in its stead,
// and nothing that it leads to.
func removeInside(dir, name string) error {
	err := plainDir(dir, name)
	if link, ok := errors.AsType[*linkError](err); ok {
		name, err = link.name, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	root, err := fsutil.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // only used to remove
	if root.RemoveAll(name) == nil {
		return nil
	}
	_ = fs.WalkDir(root.FS(), filepath.ToSlash(name), func(p string, d fs.DirEntry, _ error) error { // some are without permissions
		if d != nil && d.IsDir() {
			_ = root.Chmod(p, 0o700)
		}
		return nil
	})
	return root.RemoveAll(name)
}

// readInside reads a regular file of dir of at most limit bytes.
func readInside(dir, name string, limit int64) ([]byte, error) {
	root, err := fsutil.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // only read
	return fsutil.ReadIn(root, name, limit)
}

// replaceInside puts a file with these bytes in the place of name in dir.
func replaceInside(dir, name string, raw []byte) error {
	root, err := fsutil.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if err := root.RemoveAll(filepath.FromSlash(name)); err != nil {
		return err
	}
	f, err := root.OpenFile(filepath.FromSlash(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	return errors.Join(err, f.Close())
}

func lockProblem(s engine.Step, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing is locked
	}
	return problem.New(problem.Build, "see what the aliases of mix.exs make of it", "step %q left no lock file that can be read: %w", s.Name, err)
}
