package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"time"
)

// magic begins a manifest's bytes and names their form: taken, digest, number of
// entries, the entries, and the SHA-256 digest of all that. Numbers are varints,
// texts have their length in front.
const magic = "dram manifest 1\n"

// ErrDamaged is bytes that are no manifest, or one that changed since.
var ErrDamaged = errors.New("the manifest is damaged")

// Bytes is the manifest as it is kept. It protects itself by a digest.
func (m *Manifest) Bytes() []byte {
	b := make([]byte, 0, 128*len(m.entries)+128)
	b = append(b, magic...)
	b = binary.AppendVarint(b, m.taken.UnixNano())
	b = appendText(b, m.digest)
	b = binary.AppendUvarint(b, uint64(len(m.entries)))
	for _, e := range m.entries {
		b = appendText(b, e.Path)
		b = binary.AppendUvarint(b, uint64(e.Mode))
		switch {
		case e.Mode.IsRegular():
			b = binary.AppendUvarint(b, uint64(e.Size))
			b = append(b, e.Digest[:]...)
		case e.Mode.Type() == fs.ModeSymlink:
			b = appendText(b, e.Link)
		}
		b = binary.AppendVarint(b, e.Seen.Modified)
		b = binary.AppendVarint(b, e.Seen.Changed)
		b = binary.AppendUvarint(b, e.Seen.Inode)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Parse reads a manifest's bytes. Its error is ErrDamaged.
func Parse(b []byte) (*Manifest, error) {
	if len(b) < sha256.Size || !bytes.HasPrefix(b, []byte(magic)) {
		return nil, ErrDamaged
	}
	body, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return nil, ErrDamaged
	}
	r := reader{rest: string(body[len(magic):])}
	m := &Manifest{taken: time.Unix(0, r.varint())}
	m.digest = r.text()
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		return nil, ErrDamaged // an entry has more than one byte
	}
	m.entries = make([]Entry, 0, n)
	for range n {
		m.entries = append(m.entries, r.entry())
	}
	if r.bad || r.rest != "" {
		return nil, ErrDamaged
	}
	return m, nil
}

// reader takes values off the front of a text; bad says that they were none.
type reader struct {
	rest string
	bad  bool
}

func (r *reader) entry() Entry {
	e := Entry{Path: r.text(), Mode: fs.FileMode(r.uvarint())}
	switch {
	case e.Mode.IsRegular():
		e.Size = int64(r.uvarint())
		copy(e.Digest[:], r.take(sha256.Size))
	case e.Mode.Type() == fs.ModeSymlink:
		e.Link = r.text()
	}
	e.Seen = Stat{Modified: r.varint(), Changed: r.varint(), Inode: r.uvarint()}
	return e
}

func (r *reader) take(n uint64) string {
	if n > uint64(len(r.rest)) {
		r.bad, n = true, uint64(len(r.rest))
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *reader) text() string { return r.take(r.uvarint()) }

func (r *reader) uvarint() uint64 {
	var x uint64
	for shift := 0; shift < 64 && len(r.rest) > 0; shift += 7 {
		c := r.rest[0]
		r.rest = r.rest[1:]
		x |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return x
		}
	}
	r.bad = true
	return 0
}

func (r *reader) varint() int64 {
	ux := r.uvarint()
	x := int64(ux >> 1)
	if ux&1 != 0 {
		x = ^x
	}
	return x
}
