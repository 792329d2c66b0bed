package publish

import (
	"context"
	"io"

	"dram/internal/fsutil"
	"dram/internal/store"
)

// File puts a blob of the store at a place. A file that is already the same is left
// alone; another one is replaced at once when the new one is whole.
func File(ctx context.Context, at Place, st *store.Store, digest store.Digest, size int64) error {
	s, err := at.open()
	if err != nil {
		return err
	}
	defer s.close()
	if s.holds(digest, size) {
		return nil
	}
	return s.replace(func(w io.Writer) error {
		blob, err := st.OpenBlob(digest)
		if err != nil {
			return err
		}
		defer func() { _ = blob.Close() }()
		_, err = io.Copy(w, store.WithContext(ctx, blob))
		return err
	})
}

// Text puts a text at a place.
func Text(at Place, text []byte) error {
	s, err := at.open()
	if err != nil {
		return err
	}
	defer s.close()
	return s.replace(func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// holds says whether the file is the blob already.
func (s *spot) holds(digest store.Digest, size int64) bool {
	f, err := fsutil.OpenIn(s.dir, s.base)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // only read from
	if info, err := f.Stat(); err != nil || info.Size() != size || info.Mode().Perm()&0o111 != s.mode&0o111 {
		return false
	}
	got, err := store.DigestReader(f)
	return err == nil && got == digest
}
