package publish

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"dram/internal/store"
)

// File puts a blob of the store at path, making the directories above it. A
// file that is already the same is left alone; another one is replaced at once
// when the new one is whole.
func File(ctx context.Context, path string, st *store.Store, digest store.Digest, size int64) error {
	if sameFile(path, digest, size) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a result, for others to read
		return unwritable(path, err)
	}
	return replace(path, func(w io.Writer) error {
		blob, err := st.OpenBlob(digest)
		if err != nil {
			return err
		}
		defer func() { _ = blob.Close() }()
		_, err = io.Copy(w, store.WithContext(ctx, blob))
		return err
	})
}

// sameFile says whether the file at path is the blob already.
func sameFile(path string, digest store.Digest, size int64) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != size {
		return false
	}
	got, err := fileDigest(path)
	return err == nil && got == digest
}

func fileDigest(path string) (store.Digest, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("hashing %q: %w", path, err)
	}
	defer func() { _ = f.Close() }()
	return store.DigestReader(f)
}
