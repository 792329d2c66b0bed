package source

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"syscall"
)

// IsCode says whether a file is one whose compiler knows what depends on it.
func IsCode(name string) bool {
	switch path.Ext(name) {
	case ".ex", ".exs", ".eex", ".leex", ".heex", ".erl", ".hrl", ".xrl", ".yrl":
		return true
	}
	return false
}

// ReadFile reads a file of the tree, where it lies in the project, of at most
// limit bytes.
func (t *Tree) ReadFile(name string, limit int64) ([]byte, error) {
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // only read
	f, err := root.OpenFile(filepath.FromSlash(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%q is not a regular file of at most %d bytes", name, limit)
	}
	return io.ReadAll(io.LimitReader(f, limit))
}
