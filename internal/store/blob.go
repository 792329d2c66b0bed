package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"

	"dram/internal/fsutil"
)

// ErrCorrupt is what reading a blob ends in when its bytes are not those its
// name promises. The blob is gone by then; make it again.
var ErrCorrupt = errors.New("cached blob is corrupt")

// Digest is "sha256:" and 64 lower-case hexadecimal digits.
type Digest string

// DigestOf is the digest of b.
func DigestOf(b []byte) Digest { return Digest("sha256:" + hexSum(b)) }

// SumDigest is the digest that a finished SHA-256 hash holds.
func SumDigest(h hash.Hash) Digest { return Digest("sha256:" + hex.EncodeToString(h.Sum(nil))) }

// Hex is the digest without its algorithm.
func (d Digest) Hex() string { return strings.TrimPrefix(string(d), "sha256:") }

// Valid says whether d has the form of a SHA-256 digest.
func (d Digest) Valid() bool {
	raw, err := hex.DecodeString(d.Hex())
	return err == nil && len(raw) == sha256.Size && strings.HasPrefix(string(d), "sha256:") &&
		strings.ToLower(string(d)) == string(d)
}

// BlobPath is where the blob d is or would be. If it is there, it is not pruned
// before Close.
func (s *Store) BlobPath(d Digest) string {
	path := s.blobPath(d)
	_ = s.use(path) // it is not there, or whoever opens it will see why not
	return path
}

func (s *Store) blobPath(d Digest) string {
	h := d.Hex()
	return filepath.Join(s.dir, "blobs", "sha256", h[:2], h)
}

// HasBlob says whether the blob is there with the size given (-1: any size).
// It does not read it: use OpenBlob for that. If it is there, it is not pruned
// before Close.
func (s *Store) HasBlob(d Digest, size int64) bool {
	if !d.Valid() {
		return false
	}
	path := s.blobPath(d)
	if err := s.use(path); err != nil {
		return false
	}
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular() && (size < 0 || info.Size() == size)
}

// OpenBlob opens the blob d. Its reader fails with ErrCorrupt in place of
// io.EOF when the bytes are wrong, and removes the blob then; os.ErrNotExist
// means that it is not there.
func (s *Store) OpenBlob(d Digest) (io.ReadCloser, error) {
	if !d.Valid() {
		return nil, fmt.Errorf("opening blob: %q is not a sha256 digest", d)
	}
	f, err := openRegular(s.BlobPath(d))
	if errors.Is(err, errIrregular) {
		_ = removeAny(s.BlobPath(d)) // so that the next run makes it again
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening blob: %w", err)
	}
	return &blobReader{f: f, want: d, sum: sha256.New()}, nil
}

// OpenGzip opens the blob d, a gzip stream, decompressed. What OpenBlob says of
// its reader holds.
func (s *Store) OpenGzip(d Digest) (io.ReadCloser, error) {
	r, err := s.OpenBlob(d)
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{z, r}, nil
}

type blobReader struct {
	f    *os.File
	want Digest
	sum  hash.Hash
}

func (r *blobReader) Read(p []byte) (int, error) {
	n, err := r.f.Read(p)
	r.sum.Write(p[:n])
	if errors.Is(err, io.EOF) && SumDigest(r.sum) != r.want {
		_ = os.Remove(r.f.Name()) // so that the next run makes it again
		return n, fmt.Errorf("%w: %s", ErrCorrupt, r.want)
	}
	return n, err
}

func (r *blobReader) Close() error { return r.f.Close() }

// VerifyBlob reads the whole blob and says whether it is sound; a corrupt one
// is removed.
func (s *Store) VerifyBlob(d Digest) error {
	r, err := s.OpenBlob(d)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return errors.Join(err, r.Close())
}

// BlobWriter receives a blob whose digest is known only at its end.
type BlobWriter struct {
	s   *Store
	f   *os.File
	sum hash.Hash
	n   int64
}

// NewBlob starts a blob. Call Commit or Discard at its end.
func (s *Store) NewBlob() (*BlobWriter, error) {
	temp, err := s.temp()
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(temp, "blob-*")
	if err != nil {
		return nil, fmt.Errorf("starting a cache blob: %w", err)
	}
	return &BlobWriter{s: s, f: f, sum: sha256.New()}, nil
}

// Write appends to the blob.
func (w *BlobWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	w.sum.Write(p[:n])
	w.n += int64(n)
	return n, err
}

// Discard drops the blob; after Commit it does nothing.
func (w *BlobWriter) Discard() {
	_ = w.f.Close()
	_ = os.Remove(w.f.Name())
}

// Commit gives the blob its name, when its bytes are on disk, and tells digest
// and size in bytes.
func (w *BlobWriter) Commit() (Digest, int64, error) {
	d := SumDigest(w.sum)
	if err := w.s.keepBlob(w.f, d, w.n); err != nil {
		_ = os.Remove(w.f.Name())
		return "", 0, err
	}
	return d, w.n, nil
}

// keepBlob moves an open file, whose content has that digest, to its place and
// closes it.
func (s *Store) keepBlob(f *os.File, d Digest, size int64) error {
	ses, err := s.begin()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	path := s.blobPath(d)
	err = errors.Join(f.Chmod(0o400), fsutil.Finish(f, fsutil.Kept), s.setUsed(f.Name(), ses.now()))
	if err == nil {
		err = s.place(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("keeping a cache blob: %w", err)
	}
	s.mark(path)
	s.grown.Add(size)
	return nil
}

// PutBlob keeps what r gives and fails, keeping nothing, when want is not empty
// and is not its digest.
func (s *Store) PutBlob(ctx context.Context, r io.Reader, want Digest) (Digest, int64, error) {
	w, err := s.NewBlob()
	if err != nil {
		return "", 0, err
	}
	defer w.Discard()
	if _, err := io.Copy(w, WithContext(ctx, r)); err != nil {
		return "", 0, err
	}
	if got := SumDigest(w.sum); want != "" && got != want {
		return "", 0, fmt.Errorf("digest is %s, expected %s", got, want)
	}
	return w.Commit()
}

// WithContext is r, failing once ctx is done.
func WithContext(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, context.Cause(ctx)
		}
		return r.Read(p)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// DigestReader is the digest of what r gives.
func DigestReader(r io.Reader) (Digest, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return SumDigest(h), nil
}
