package store

import (
	"fmt"
	"os"
	"path/filepath"

	"dram/internal/fsutil"
	"dram/internal/problem"
)

// Whoever can write to the cache decides what is built and what it is built
// with, so nobody but its user and root may.

// ownOrNew is own for the cache's top. A directory that holds no cache yet
// cannot mislead: its mode is mended if it is the user's (a volume in a pod is
// 0777 and empty at first).
func ownOrNew(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return nil //nolint:nilerr // it is made next, or that says why not
	}
	if _, err := os.Lstat(filepath.Join(dir, "blobs")); err != nil && fsutil.Owner(info) == os.Geteuid() && fsutil.OthersWrite(info) {
		if os.Chmod(dir, info.Mode().Perm()&^0o022) == nil {
			return nil
		}
	}
	return own(dir)
}

// own refuses a directory that others than its user and root can write to.
func own(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return unusable(dir, err)
	}
	if uid := fsutil.Owner(info); uid != os.Geteuid() && uid != 0 {
		return problem.New(problem.Environment,
			"set DRAM_CACHE_DIR (or --cache-dir) to a directory of your own; each user has a cache of their own",
			"opening cache %q: it belongs to user %d, and this is user %d", dir, uid, os.Geteuid())
	}
	if fsutil.OthersWrite(info) {
		hint := fmt.Sprintf("remove it; or, if nobody else wrote to it, chmod go-w %q; or set DRAM_CACHE_DIR to another directory", dir)
		if fsutil.Owner(info) != os.Geteuid() { // as a volume in a pod of an ordinary user
			hint = fmt.Sprintf("set DRAM_CACHE_DIR (or --cache-dir) to a directory of your own, as %q: it is made", filepath.Join(dir, "dram"))
		}
		return problem.New(problem.Environment, hint,
			"opening cache %q: others can write to it (mode %04o), and so decide what is built", dir, info.Mode().Perm())
	}
	return nil
}
