package publish

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/store"
)

// blob is one blob of an image.
type blob struct {
	digest v1.Hash
	size   int64
	open   func() (io.ReadCloser, error)
}

func (b blob) path() string { return "blobs/" + b.digest.Algorithm + "/" + b.digest.Hex }

func bytesBlob(data []byte) blob {
	sum := sha256.Sum256(data)
	return blob{
		digest: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}, size: int64(len(data)),
		open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
	}
}

func layerBlobs(img v1.Image) ([]blob, error) {
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	blobs := make([]blob, len(layers))
	for i, l := range layers {
		digest, err := l.Digest()
		if err != nil {
			return nil, err
		}
		size, err := l.Size()
		if err != nil {
			return nil, err
		}
		if digest.Algorithm != "sha256" {
			return nil, fmt.Errorf("layer %s: only sha256 is known here", digest)
		}
		blobs[i] = blob{digest: digest, size: size, open: l.Compressed}
	}
	return blobs, nil
}

// distinct leaves each blob in once: an image may have the same layer twice.
func distinct(blobs []blob) []blob {
	seen := map[v1.Hash]bool{}
	var out []blob
	for _, b := range blobs {
		if !seen[b.digest] {
			seen[b.digest] = true
			out = append(out, b)
		}
	}
	return out
}

// copyTo copies the blob and fails if its bytes are not those promised.
func (b blob) copyTo(ctx context.Context, w io.Writer) error {
	r, err := b.open()
	if err != nil {
		return fmt.Errorf("reading blob %s: %w", b.digest, err)
	}
	defer func() { _ = r.Close() }() // only read from
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, sum), io.LimitReader(store.WithContext(ctx, r), b.size+1))
	if err != nil {
		return fmt.Errorf("copying blob %s: %w", b.digest, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != b.size || got != b.digest.Hex {
		return fmt.Errorf("copying blob %s: %w", b.digest, store.ErrCorrupt)
	}
	return nil
}
