//go:build !linux

package fsutil

import (
	"io/fs"
	"os"
	"time"
)

// SetTime sets the time of an open file.
func SetTime(f *os.File, t time.Time) error { return os.Chtimes(f.Name(), t, t) }

// SetLinkTime sets the time of the path unless it is a link.
func SetLinkTime(path string, t time.Time) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSymlink != 0 {
		return err
	}
	return os.Chtimes(path, t, t)
}
