package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"dram/internal/store"
)

// Move puts the directory from in place of the directory to, whatever that
// holds: by renaming, or, from one file system to another, by copying.
func Move(ctx context.Context, from, to string) error {
	if err := store.RemoveAll(to); err != nil {
		return err
	}
	err := os.Rename(from, to)
	if !errors.Is(err, syscall.EXDEV) {
		return err
	}
	if err := CopyTree(ctx, from, to); err != nil {
		return errors.Join(err, store.RemoveAll(to))
	}
	return store.RemoveAll(from)
}

// CopyTree copies files, directories and links with their modes and times:
// compilers compare these. Where to is a directory, it is filled.
func CopyTree(ctx context.Context, from, to string) error {
	var dirs []string
	err := filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		at := filepath.Join(to, rel)
		switch d.Type() {
		case fs.ModeDir:
			dirs = append(dirs, rel)
			return os.MkdirAll(at, 0o700)
		case fs.ModeSymlink:
			link, err := os.Readlink(name)
			if err != nil {
				return err
			}
			return os.Symlink(link, at) //nolint:gosec // the build is over: nobody else writes here
		case 0:
			return copyFile(name, at)
		default:
			return fmt.Errorf("copying %q: it is not a file, a directory or a link", name)
		}
	})
	if err != nil {
		return err
	}
	for _, rel := range slices.Backward(dirs) { // last, since adding files changes a directory's time
		if err := likeness(filepath.Join(from, rel), filepath.Join(to, rel)); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return likeness(from, to)
}

// likeness gives a copy the mode and the time of what it was made from.
func likeness(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.Chmod(to, info.Mode().Perm()); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}
