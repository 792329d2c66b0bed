package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// What is on disk when, for the power may be cut at any moment:
//
//   - A tree's marker is written when all of the tree is on disk: one syncfs(2)
//     for its thousands of files. The marker is synced itself.
//   - A blob gets its name when its bytes are on disk: one fsync(2) each. A name
//     that is lost means that the blob is made again.
//   - A record is not synced. It carries the digest of its bytes, so that half of
//     one counts as none, and the blobs that it names have theirs: at worst work
//     is done again. Syncing some hundred of them would cost seconds.
//   - A lock, and what lies in tmp, need not survive.
//
// What lives on in a work directory is its owner's to sync: Sync when it is
// whole, and WriteSynced for the file that says so.

// WriteSynced is WriteFile for what must hold after a power cut: the file and
// its name are on disk when it returns.
func (s *Store) WriteSynced(path string, data []byte, mode fs.FileMode) error {
	err := s.write(path, data, func(f *os.File) error { return errors.Join(f.Chmod(mode), f.Sync()) })
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// Sync puts everything below dir on disk, names and bytes.
func Sync(dir string) error {
	if err := syncTree(dir); err != nil {
		return fmt.Errorf("syncing %q: %w", dir, err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("syncing %q: %w", dir, err)
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // a file system that syncs no directories
	}
	return errors.Join(err, d.Close())
}
