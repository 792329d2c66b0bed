package store

import (
	"io/fs"
	"path/filepath"

	"dram/internal/fsutil"
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
// What lives on in a work directory is its owner's to sync: fsutil.SyncTree when it
// is whole, and WriteSynced for the file that says so.

// WriteSynced is WriteFile for what must hold after a power cut: the file and
// its name are on disk when it returns.
func (s *Store) WriteSynced(path string, data []byte, mode fs.FileMode) error {
	if err := s.write(path, data, mode, fsutil.Kept); err != nil {
		return err
	}
	return fsutil.SyncDir(filepath.Dir(path))
}
