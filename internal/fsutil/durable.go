package fsutil

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Durability is what of a file is on disk when it has its name, for the power may
// be cut at any moment. Who writes a file decides it in this one word.
type Durability int

const (
	// Whole syncs nothing. What stands under the name after a power cut may be
	// half: for what carries a digest of its own, or is made again at no cost.
	Whole Durability = iota
	// Kept syncs the bytes, fsync(2), before the file has its name: what stands
	// under that is all of the new file or all of the old one, and the name itself
	// may be lost. For results, and for what is kept by content.
	Kept
)

// Finish closes a file that is whole.
func Finish(f *os.File, how Durability) error {
	if how == Kept {
		return errors.Join(f.Sync(), f.Close())
	}
	return f.Close()
}

// SyncDir puts the names in a directory on disk, those that are gone too: for a
// file that says that others are whole, or no longer.
func SyncDir(dir string) error {
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

// SyncTree puts everything below a directory on disk, names and bytes.
func SyncTree(dir string) error {
	if err := syncTree(dir); err != nil {
		return fmt.Errorf("syncing %q: %w", dir, err)
	}
	return nil
}
