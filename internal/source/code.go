package source

import (
	"path"

	"dram/internal/fsutil"
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
	root, err := fsutil.OpenRoot(t.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // only read
	return fsutil.ReadIn(root, path.Join(t.at, name), limit)
}
