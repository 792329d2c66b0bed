package registry

import (
	"errors"
	"fmt"
	"io"
	"math"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ErrSize is that a blob is not as long as its manifest says, or that a manifest
// says what no sound image has.
var ErrSize = errors.New("the image's sizes are wrong")

// The bounds of an image, whatever its manifest says.
const (
	MaxLayers = 256
	MaxLayer  = 8 << 30  // bytes of a layer, compressed
	MaxImage  = 16 << 30 // bytes of all of them
)

// CheckSizes says whether the sizes that a manifest tells are those of an image.
func CheckSizes(m *v1.Manifest) error {
	if len(m.Layers) > MaxLayers {
		return fmt.Errorf("%w: it has %d layers, more than %d", ErrSize, len(m.Layers), MaxLayers)
	}
	if m.Config.Size < 0 || m.Config.Size > MaxManifest {
		return fmt.Errorf("%w: its configuration has %d bytes, expected up to %d", ErrSize, m.Config.Size, MaxManifest)
	}
	total := int64(0)
	for i, l := range m.Layers {
		if l.Size < 0 || l.Size > MaxLayer {
			return fmt.Errorf("%w: layer %d has %d bytes, expected up to %d", ErrSize, i+1, l.Size, int64(MaxLayer))
		}
		if total += l.Size; total > MaxImage {
			return fmt.Errorf("%w: its layers have more than %d bytes", ErrSize, int64(MaxImage))
		}
	}
	return nil
}

// Exactly is r, ending in ErrSize when it gives more or fewer than size bytes.
// It reads one byte beyond them at most.
func Exactly(r io.ReadCloser, size int64) io.ReadCloser {
	return &exact{ReadCloser: r, size: size, left: size}
}

type exact struct {
	io.ReadCloser
	size, left int64 // bytes
}

func (e *exact) Read(p []byte) (int, error) {
	if e.left < math.MaxInt64 {
		p = p[:min(int64(len(p)), e.left+1)]
	}
	n, err := e.ReadCloser.Read(p)
	if int64(n) > e.left {
		return 0, fmt.Errorf("%w: a blob is longer than its %d bytes", ErrSize, e.size)
	}
	e.left -= int64(n)
	if errors.Is(err, io.EOF) && e.left > 0 {
		return n, fmt.Errorf("%w: a blob ends after %d of its %d bytes", ErrSize, e.size-e.left, e.size)
	}
	return n, err
}
