package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
)

// AdoptBlob makes the file at path, which lies on the cache's file system, the
// blob want: moved, not copied. It fails with ErrCorrupt, and leaves the file
// alone, when the file's digest is another.
func (s *Store) AdoptBlob(path string, want Digest) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("keeping a cache blob: %w", err)
	}
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return errors.Join(fmt.Errorf("keeping a cache blob: %w", err), f.Close())
	}
	if got := SumDigest(sum); got != want {
		return errors.Join(fmt.Errorf("%w: digest is %s, expected %s", ErrCorrupt, got, want), f.Close())
	}
	return s.keepBlob(f, want, n)
}
