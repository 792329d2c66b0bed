package fsutil

import (
	"io/fs"
	"os"
	"syscall"
)

// Owner is the id of the user that a file belongs to; this one's, where a file
// system does not say.
func Owner(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return os.Geteuid()
}

// OthersWrite says whether others than a file's owner may write to it.
func OthersWrite(info fs.FileInfo) bool { return info.Mode().Perm()&0o022 != 0 }
