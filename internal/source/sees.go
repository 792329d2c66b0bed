package source

import (
	"path/filepath"

	"dram/internal/fsutil"
)

// Sees says whether a build sees a file of the project in dir, by its path with
// slashes: it is there, and no pattern excludes it.
func Sees(dir, name string) bool {
	root, err := fsutil.OpenRoot(dir)
	if err != nil {
		return false
	}
	defer func() { _ = root.Close() }() // only read
	if _, err := root.Lstat(filepath.FromSlash(name)); err != nil {
		return false
	}
	r, err := ignored(root)
	if err != nil {
		return false
	}
	out, err := r.matcher.matches(name)
	return err == nil && (!out || r.isCommitted(name))
}
