package layer

import (
	"archive/tar"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"dram/internal/store"
)

// member is a group, compressed.
type member struct {
	Digest store.Digest `json:"digest"`
	Size   int64        `json:"size"`
}

func findMember(st *store.Store, key string) (member, bool) {
	var m member
	return m, st.Get("member", key, &m) && st.HasBlob(m.Digest, m.Size)
}

func makeMember(ctx context.Context, st *store.Store, p part, opts Options) (member, error) {
	w, err := st.NewBlob()
	if err != nil {
		return member{}, err
	}
	defer w.Discard()
	z, err := p.method.compressor(w)
	if err != nil {
		return member{}, err
	}
	if err := writePart(ctx, z, p, opts); err != nil {
		return member{}, err
	}
	if err := z.Close(); err != nil {
		return member{}, err
	}
	var m member
	if m.Digest, m.Size, err = w.Commit(); err != nil {
		return member{}, err
	}
	return m, st.Put("member", p.key, m)
}

// writePart writes the tar bytes of one part: its entries, and the archive's end
// where that is its own.
func writePart(ctx context.Context, w io.Writer, p part, opts Options) error {
	t := tar.NewWriter(w)
	for _, e := range p.entries {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := writeEntry(ctx, t, e, opts); err != nil {
			return fmt.Errorf("adding %q: %w", e.Path, err)
		}
	}
	if p.end {
		return t.Close()
	}
	return t.Flush() // pads the last entry
}

func writeEntry(ctx context.Context, t *tar.Writer, e Entry, opts Options) error {
	h := &tar.Header{
		Name: e.Path, Mode: int64(perm(e)), Uid: cmp.Or(e.UID, opts.UID), Gid: cmp.Or(e.GID, opts.GID), ModTime: time.Unix(opts.epoch(), 0),
	}
	switch e.Mode.Type() {
	case fs.ModeDir:
		h.Typeflag, h.Name = tar.TypeDir, e.Path+"/"
		if e.Mode&fs.ModeSticky != 0 {
			h.Mode |= 0o1000
		}
	case fs.ModeSymlink:
		h.Typeflag, h.Linkname = tar.TypeSymlink, e.Link
	default:
		h.Typeflag, h.Size = tar.TypeReg, e.Size
	}
	if err := t.WriteHeader(h); err != nil || h.Typeflag != tar.TypeReg {
		return err
	}
	return copyContent(ctx, t, e)
}

// copyContent fails if the file is not the one its entry describes: the key
// under which the member is kept would be a lie.
func copyContent(ctx context.Context, w io.Writer, e Entry) error {
	r, err := e.Open()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // only read from
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, sum), io.LimitReader(store.WithContext(ctx, r), e.Size+1))
	if err != nil && !errors.Is(err, tar.ErrWriteTooLong) {
		return err
	}
	if got := store.SumDigest(sum); err != nil || n != e.Size || got != e.Digest {
		return fmt.Errorf("file changed while it was read: expected %s (%d bytes)", e.Digest, e.Size)
	}
	return nil
}

// perm normalises permissions: a build's umask must not show.
func perm(e Entry) fs.FileMode {
	m := e.Mode
	switch {
	case e.Exact && m.Type() != fs.ModeSymlink:
		return m.Perm()
	case m.Type() == fs.ModeSymlink:
		return 0o777
	case m.IsDir() && m&fs.ModeSticky != 0:
		return 0o777
	case m.IsDir(), m&0o111 != 0:
		return 0o755
	}
	return 0o644
}
