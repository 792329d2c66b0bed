package oci

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	zstdWindow  = 128 << 20 // what a zstd frame may ask for, in bytes of memory
	sniffLength = 4
)

// Decompress reads gzip, zstd or plain bytes, told apart by their magic.
func Decompress(r io.Reader) (io.ReadCloser, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	magic, err := br.Peek(sniffLength)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(br)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(br, zstd.WithDecoderMaxMemory(zstdWindow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return plainReader{br}, nil
}

// Plain is what is compressed in a reader, which it closes with itself.
func Plain(from io.ReadCloser) (io.ReadCloser, error) {
	z, err := Decompress(from)
	if err != nil {
		return nil, errors.Join(err, from.Close())
	}
	return both{z, from}, nil
}

type both struct {
	io.ReadCloser
	from io.Closer
}

func (b both) Close() error { return errors.Join(b.ReadCloser.Close(), b.from.Close()) }

// OpenTar opens the tar that a layer is. What it asks of memory is bounded, other than
// with the layer's own Uncompressed.
func OpenTar(l v1.Layer) (io.ReadCloser, error) {
	r, err := l.Compressed()
	if err != nil {
		return nil, err
	}
	return Plain(r)
}

// plainReader is what is not compressed.
type plainReader struct{ io.Reader }

func (plainReader) Close() error { return nil }
