package project

import (
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// maxParents bounds how far up version files are looked for.
const maxParents = 16

// parents are the directories above dir that belong with it, the nearest first:
// up to the top of its repository, and in no case one that others may write to,
// where anybody could say what is built.
func parents(dir string) []string {
	var up []string
	for top(dir) == "" && len(up) < maxParents {
		above := filepath.Dir(dir)
		if above == dir || !ours(above) {
			break
		}
		up = append(up, above)
		dir = above
	}
	return up
}

// top is the entry that makes a directory the top of a repository, "" if it is
// none.
func top(dir string) string {
	i := slices.IndexFunc([]string{".git", ".hg", ".jj", ".svn"}, func(name string) bool {
		_, err := os.Lstat(filepath.Join(dir, name))
		return err == nil
	})
	if i < 0 {
		return ""
	}
	return dir
}

// ours says whether nobody but this user and root can put a file into dir.
func ours(dir string) bool {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return false
	}
	mine := int(st.Uid) == os.Geteuid() || st.Uid == 0
	return mine && st.Mode&0o022 == 0
}
