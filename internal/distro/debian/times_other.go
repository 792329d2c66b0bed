//go:build !linux

package debian

import (
	"io/fs"
	"os"
	"time"
)

func setTime(f *os.File, t time.Time) error { return os.Chtimes(f.Name(), t, t) }

// setLinkTime sets the time of the path unless it is a link.
func setLinkTime(path string, t time.Time) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSymlink != 0 {
		return err
	}
	return os.Chtimes(path, t, t)
}
