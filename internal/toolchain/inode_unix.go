//go:build unix

package toolchain

import (
	"io/fs"
	"syscall"
)

// inode names a file that may have several names.
type inode struct{ dev, ino uint64 }

// inodeOf says which file it is and whether it has several names.
func inodeOf(info fs.FileInfo) (id inode, several bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return inode{}, false
	}
	return inode{uint64(st.Dev), st.Ino}, st.Nlink > 1 //nolint:unconvert // Dev is an int32 elsewhere
}
