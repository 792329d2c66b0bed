// Package fsutil reads files that others may have made: regular files alone, of a
// bounded size, and, given an open root, none that a name or a link leads out of
// it. A pipe, a socket or a device is refused without waiting for it; so is one
// that took a file's place since somebody looked.
package fsutil

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrNotRegular is what opening anything but a regular file ends in.
var ErrNotRegular = errors.New("not a regular file")

// nonblock has open return at once where it would wait, as for who writes to a
// pipe; for regular files it means nothing.
const nonblock = syscall.O_NONBLOCK | syscall.O_NOCTTY

// Open opens a regular file for reading.
func Open(path string) (*os.File, error) {
	return regular(os.OpenFile(path, os.O_RDONLY|nonblock, 0))
}

// OpenIn opens a regular file inside a root for reading; name has slashes.
func OpenIn(root *os.Root, name string) (*os.File, error) {
	return regular(root.OpenFile(filepath.FromSlash(name), os.O_RDONLY|nonblock, 0))
}

func regular(f *os.File, err error) (*os.File, error) {
	if errors.Is(err, syscall.ENXIO) { // a socket, or a device without its driver
		return nil, errors.Join(err, ErrNotRegular)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: f.Name(), Err: fmt.Errorf("it is a %s: %w", Kind(info.Mode()), ErrNotRegular)}
	}
	if err != nil {
		_ = f.Close() // nothing was done with it
		return nil, err
	}
	return f, nil
}

// Read reads a regular file of at most limit bytes.
func Read(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	return all(f, limit, err)
}

// ReadIn reads a regular file of at most limit bytes inside a root.
func ReadIn(root *os.Root, name string, limit int64) ([]byte, error) {
	f, err := OpenIn(root, name)
	return all(f, limit, err)
}

func all(f *os.File, limit int64, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read from
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = fmt.Errorf("it is larger than %d bytes", limit)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: f.Name(), Err: err}
	}
	return raw, nil
}

// Kind names what a file is that is no regular one.
func Kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m&fs.ModeSymlink != 0:
		return "symbolic link"
	case m&fs.ModeSocket != 0:
		return "socket"
	case m&fs.ModeNamedPipe != 0:
		return "named pipe"
	}
	return "device"
}

// OpenRoot opens a directory as a root that no name or link leaves. os.OpenRoot
// alone would wait for who writes to a pipe in its place.
func OpenRoot(dir string) (*os.Root, error) {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: dir, Err: fmt.Errorf("it is a %s: %w", what(info.Mode()), syscall.ENOTDIR)}
	}
	if err != nil {
		return nil, err
	}
	return os.OpenRoot(dir)
}

func what(m fs.FileMode) string {
	if m.IsRegular() {
		return "file"
	}
	return Kind(m)
}
