package portable

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A portable release in one executable is a runner (launcher/runner.c), the release's
// tarball as it is, an index and a trailer, whose numbers are little-endian.

// trailer is the end of the file.
type trailer struct {
	Payload, PayloadSize uint64
	Index, IndexSize     uint64
	Entries              uint64
	Time                 uint64   // of every file, in seconds of Unix's time
	Digest               [64]byte // of the tarball, in hex
	Name                 [128]byte
	Magic                [16]byte
}

// entry is one file of the index. Its path and the target of a link follow, each with
// a zero at its end; no zero where it is no link.
type entry struct {
	Offset, Size uint64 // of its content in the unpacked tarball
	Mode         uint32 // as stat(2) has it
	Path, Link   uint16 // bytes that follow
}

const (
	magic      = "dram portable 1"
	maxEntries = 1 << 20
	maxIndex   = 64 << 20 // bytes
)

// The kinds of files, as stat(2) has them.
const (
	modeDir, modeFile, modeLink = 0o040000, 0o100000, 0o120000
)

// Payload is a tarball that becomes an executable.
type Payload struct {
	Tarball *io.SectionReader // gzip members without names
	Digest  string            // of it, SHA-256 in hex
	Name    string            // of the release, whose script bin/NAME is executed
	Arch    string            // as Go names it
}

// Pack writes the executable.
func (p Payload) Pack(w io.Writer) error {
	runner, err := launchers.ReadFile("launcher/runner-" + p.Arch)
	if err != nil {
		return fmt.Errorf("packing %q: there is no runner for %q", p.Name, p.Arch)
	}
	t := trailer{Payload: uint64(len(runner)), PayloadSize: uint64(p.Tarball.Size())}
	if len(p.Digest) != len(t.Digest) || len(p.Name) >= len(t.Name) || !file(p.Name) {
		return fmt.Errorf("packing %q: it has a name or digest that no runner takes", p.Name)
	}
	copy(t.Digest[:], p.Digest)
	copy(t.Name[:], p.Name)
	copy(t.Magic[:], magic)
	index, err := p.index(&t)
	if err != nil {
		return fmt.Errorf("packing %q: %w", p.Name, err)
	}
	t.Index, t.IndexSize = t.Payload+t.PayloadSize, uint64(len(index))
	if _, err := p.Tarball.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("packing %q: %w", p.Name, err)
	}
	_, err = io.Copy(w, io.MultiReader(bytes.NewReader(runner), p.Tarball, bytes.NewReader(index), bytes.NewReader(encode(t))))
	return err
}

func encode(v any) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, v)
	if err != nil {
		panic(err) // no value of this package's types has none
	}
	return b
}

// index reads the tarball for what it holds and where.
func (p Payload) index(t *trailer) ([]byte, error) {
	z, err := gzip.NewReader(p.Tarball)
	if err != nil {
		return nil, err
	}
	in := &counted{r: z}
	var out bytes.Buffer
	for files := tar.NewReader(in); ; t.Entries++ {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return out.Bytes(), nil
		}
		if err != nil {
			return nil, err
		}
		when := uint64(h.ModTime.Unix()) //nolint:gosec // a time before 1970 equals no other
		if t.Entries == 0 {
			t.Time = when
		}
		if when != t.Time || t.Entries >= maxEntries || out.Len() > maxIndex {
			return nil, fmt.Errorf("%q has another time than the files before it, or there are too many", h.Name)
		}
		if err := add(&out, h, in.n); err != nil {
			return nil, err
		}
	}
}

// add writes a file of the tarball into the index.
func add(out *bytes.Buffer, h *tar.Header, offset uint64) error {
	e := entry{Offset: offset, Size: uint64(h.Size), Mode: uint32(h.Mode & 0o7777)} //nolint:gosec // both are bounded by tar
	name, link := strings.TrimSuffix(h.Name, "/"), ""
	switch h.Typeflag {
	case tar.TypeDir:
		e.Mode |= modeDir
	case tar.TypeSymlink:
		e.Mode |= modeLink
		link = h.Linkname + "\x00"
	case tar.TypeReg:
		e.Mode |= modeFile
	default:
		return fmt.Errorf("%q is neither a file, a directory nor a link", h.Name)
	}
	const most = 1 << 12 // bytes of a path
	if len(name) >= most || len(link) >= most {
		return fmt.Errorf("%q has a path that is too long", h.Name)
	}
	e.Path, e.Link = uint16(len(name)+1), uint16(len(link)) //nolint:gosec // bounded above
	out.Write(encode(e))
	out.WriteString(name + "\x00" + link)
	return nil
}

// counted counts what is read.
type counted struct {
	r io.Reader
	n uint64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += uint64(n) //nolint:gosec // never negative
	return n, err
}

// Tarball finds the tarball in an executable that Pack wrote; ok is false in all else.
func Tarball(r io.ReaderAt, size int64) (tarball *io.SectionReader, ok bool) {
	var t trailer
	n := int64(binary.Size(t))
	if size < n {
		return nil, false
	}
	err := binary.Read(io.NewSectionReader(r, size-n, n), binary.LittleEndian, &t)
	to := uint64(size - n) //nolint:gosec // not negative
	if err != nil || string(bytes.TrimRight(t.Magic[:], "\x00")) != magic || t.Payload > to || t.PayloadSize > to-t.Payload {
		return nil, false
	}
	return io.NewSectionReader(r, int64(t.Payload), int64(t.PayloadSize)), true //nolint:gosec // bounded by size
}
