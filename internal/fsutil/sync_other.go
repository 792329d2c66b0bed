//go:build !linux

package fsutil

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// syncTree hands every file to the disk with fsync(2), and has the disk write
// out its own cache at the end: os.File.Sync does that on macOS, where fsync
// alone does not.
func syncTree(dir string) error {
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() && !e.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(unix.Fsync(int(f.Fd())), f.Close())
	})
	if err != nil {
		return err
	}
	return SyncDir(dir)
}
