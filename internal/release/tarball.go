package release

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"

	"dram/internal/problem"
	"dram/internal/rootfs"
	"dram/internal/untar"
)

// ReadTarball unpacks a release's tarball, gzipped or not, into the empty
// directory dir and reads it. The result's FS is a *rootfs.DirFS of dir, which
// the caller closes, as it removes dir when done, or after an error.
func ReadTarball(ctx context.Context, r io.Reader, dir string, opts Options) (*Release, error) {
	plain, err := decompress(r)
	if err != nil {
		return nil, err
	}
	limits := untar.Options{MaxBytes: maxBytes, MaxEntries: maxFiles, LinksInside: true}
	if _, err := untar.Extract(ctx, plain, dir, limits); err != nil {
		return nil, fmt.Errorf("unpacking release: %w", err)
	}
	fsys, err := rootfs.Dir(dir)
	if err != nil {
		return nil, err
	}
	rel, err := Read(ctx, fsys, opts)
	if err != nil {
		return nil, errors.Join(err, fsys.Close())
	}
	return rel, nil
}

func decompress(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading release: %w", err)
	}
	if !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return b, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, problem.New(problem.Failure, "make the tarball again: it is damaged", "reading release: %w", err)
	}
	return z, nil
}
