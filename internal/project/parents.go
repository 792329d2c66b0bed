package project

import (
	"os"
	"path/filepath"
	"slices"

	"dram/internal/fsutil"
)

// maxParents bounds how far up version files are looked for.
const maxParents = 16

// parents are the directories above dir that belong with it, the nearest first:
// up to the top of its repository, and in no case one that others may write to,
// where anybody could say what is built.
func parents(dir string) []string {
	var up []string
	for !isTop(dir) && len(up) < maxParents {
		above := filepath.Dir(dir)
		if above == dir || !ours(above) {
			break
		}
		up = append(up, above)
		dir = above
	}
	return up
}

// isTop says whether dir is the top of a repository.
func isTop(dir string) bool {
	return slices.ContainsFunc([]string{".git", ".hg", ".jj", ".svn"}, func(name string) bool {
		_, err := os.Lstat(filepath.Join(dir, name))
		return err == nil
	})
}

// ours says whether nobody but this user and root can put a file into dir.
func ours(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return false
	}
	owner := fsutil.Owner(info)
	return (owner == os.Geteuid() || owner == 0) && !fsutil.OthersWrite(info)
}

// above visits those directories as far as they can be read, until visit has seen
// enough; prefix leads to each.
func (d *Dir) above(visit func(above *Dir, prefix string) (enough bool)) {
	prefix := ""
	for _, dir := range parents(d.Path) {
		prefix = filepath.Join(prefix, "..") + "/"
		up, err := Open(dir)
		if err != nil {
			return
		}
		enough := visit(up, prefix)
		_ = up.Close() // only read from
		if enough {
			return
		}
	}
}
