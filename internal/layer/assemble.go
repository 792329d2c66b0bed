package layer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"dram/internal/oci"
	"dram/internal/store"
)

// assemble joins the members. One found damaged on the way is made anew, and
// the joining starts over: once, for a disk that corrupts what was just written
// is not to be worked around.
func (b *builder) assemble(ctx context.Context, members []member) (*Archive, error) {
	for i := range b.parts {
		if b.made[i] || b.st.VerifyBlob(members[i].Digest) == nil {
			continue
		}
		m, err := makeMember(ctx, b.st, b.parts[i], b.opts)
		if err != nil {
			return nil, fmt.Errorf("packing %q again: %w", b.parts[i].name, err)
		}
		members[i], b.made[i] = m, true
	}
	return b.join(ctx, members)
}

func (b *builder) join(ctx context.Context, members []member) (*Archive, error) {
	w, err := b.st.NewBlob()
	if err != nil {
		return nil, err
	}
	defer w.Discard()
	plain := counter{sum: sha256.New()}
	for i, m := range members {
		if err := b.append(ctx, w, &plain, m); err != nil {
			return nil, fmt.Errorf("joining %q: %w", b.parts[i].name, err)
		}
	}
	a := &Archive{Members: len(members), Format: b.opts.Compression.Format, st: b.st}
	if !b.opts.NoDiffID {
		a.DiffID, a.UncompressedSize = store.SumDigest(plain.sum), plain.n
	}
	for _, made := range b.made {
		if !made {
			a.Reused++
		}
	}
	a.Digest, a.Size, err = w.Commit()
	return a, err
}

// append copies a member to w and, unless nobody asks for the DiffID, its tar
// bytes, decompressed on the way, to plain: hashing the tar needs them in the
// archive's order.
func (b *builder) append(ctx context.Context, w io.Writer, plain io.Writer, m member) error {
	r, err := b.st.OpenBlob(m.Digest)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s is gone", store.ErrCorrupt, m.Digest)
	}
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // only read from
	if b.opts.NoDiffID {
		_, err := io.Copy(w, store.WithContext(ctx, r))
		return err
	}
	// What the decompressor leaves unread is read too: the reader's end is where a
	// corrupt blob shows.
	src := io.TeeReader(store.WithContext(ctx, r), w)
	z, err := oci.Decompress(src)
	if err != nil {
		return err
	}
	defer func() { _ = z.Close() }() // only read from
	if _, err := io.Copy(plain, z); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, src)
	return err
}

type counter struct {
	sum hash.Hash
	n   int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.sum.Write(p)
}
