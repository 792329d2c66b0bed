package git

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dram/internal/fsutil"
)

const (
	maxIndex = 256 << 20 // bytes; 500,000 files have 60 MB
	maxName  = 4096      // bytes of a path
)

// Entry is a file of the index.
type Entry struct {
	Path string // relative to the top
	ID   ID
	Mode uint32 // as trees have it: 0o100644, 0o100755, 0o120000, 0o160000
	// Whole says that it is there to be committed as it is: in no conflict, and not only
	// meant to be added.
	Whole bool
}

// Index is the files of the index, as they are ordered there.
func (c *Checkout) Index() ([]Entry, error) {
	raw, err := fsutil.Read(filepath.Join(c.own, "index"), maxIndex)
	if err != nil {
		return nil, err
	}
	return parseIndex(raw)
}

const (
	indexHeader = 12
	indexFixed  = 62 // bytes of an entry before its name
	extended    = 0x4000
	stages      = 0x3000
	intended    = 0x2000 // of the extended flags
)

// parseIndex reads an index of version 2 to 4.
func parseIndex(raw []byte) ([]Entry, error) {
	if len(raw) < indexHeader || string(raw[:4]) != "DIRC" {
		return nil, fmt.Errorf("it is no index of git")
	}
	version, n := binary.BigEndian.Uint32(raw[4:]), binary.BigEndian.Uint32(raw[8:])
	if version < 2 || version > 4 {
		return nil, fmt.Errorf("version %d of the index is not known", version)
	}
	rest, last := raw[indexHeader:], ""
	var out []Entry
	for range n {
		e, used, err := parseEntry(rest, last, version)
		if err != nil {
			return nil, err
		}
		rest, last = rest[used:], e.Path
		e.Path = path.Clean(e.Path)
		out = append(out, e)
	}
	return out, nil
}

var errShort = fmt.Errorf("the index ends early")

// parseEntry reads one entry, and how many bytes it has.
func parseEntry(b []byte, last string, version uint32) (e Entry, used int, err error) {
	if len(b) < indexFixed {
		return e, 0, errShort
	}
	size, flags := indexFixed, binary.BigEndian.Uint16(b[60:])
	e.Mode, e.ID = binary.BigEndian.Uint32(b[24:]), ID(hex.EncodeToString(b[40:60]))
	e.Whole = flags&stages == 0
	if flags&extended != 0 {
		if size += 2; len(b) < size {
			return e, 0, errShort
		}
		e.Whole = e.Whole && binary.BigEndian.Uint16(b[62:])&intended == 0
	}
	e.Path, used, err = indexName(b[size:], last, version)
	if err != nil {
		return e, 0, err
	}
	if version < 4 { // entries are multiples of eight bytes, with one to eight of zero
		used = (size+used+8)&^7 - size
	}
	if len(b) < size+used {
		return e, 0, errShort
	}
	return e, size + used, nil
}

// indexName reads a name, and how many bytes it has (with version 4, its end too).
func indexName(text []byte, last string, version uint32) (name string, used int, err error) {
	keep := ""
	if version == 4 { // how much of the last name's end goes, then what comes
		drop, n := offset(text)
		if n == 0 || drop > uint64(len(last)) {
			return "", 0, fmt.Errorf("the index has a name that cannot be")
		}
		keep, used, text = last[:len(last)-int(drop)], n, text[n:] //nolint:gosec // at most the name's length
	}
	end := bytes.IndexByte(text, 0)
	if end < 0 {
		return "", 0, errShort
	}
	if len(keep)+end > maxName {
		return "", 0, fmt.Errorf("the index has a name of more than %d bytes", maxName)
	}
	if version == 4 {
		return keep + string(text[:end]), used + end + 1, nil
	}
	return string(text[:end]), end, nil
}

// offset reads git's variable-width number, and how many bytes it has; 0 where there
// is none.
func offset(b []byte) (v uint64, n int) {
	const most = 9
	for i, c := range b {
		if i == most {
			break
		}
		if i > 0 {
			v++
		}
		v = v<<7 | uint64(c&0x7f)
		if c&0x80 == 0 {
			return v, i + 1
		}
	}
	return 0, 0
}

// Written is the tree that committing the index would make.
func Written(index []Entry) (ID, error) {
	for _, e := range index {
		if !e.Whole {
			return "", fmt.Errorf("%q is in conflict, or only meant to be added", e.Path)
		}
	}
	return written(index, 0), nil
}

// written is the tree of entries that lie in one directory, whose name has so many
// bytes.
func written(entries []Entry, below int) ID {
	type child struct {
		name string // with a slash behind it where it is a tree, as trees are ordered
		line []byte
	}
	var children []child
	for len(entries) > 0 {
		name, _, isDir := strings.Cut(entries[0].Path[below:], "/")
		if !isDir {
			children = append(children, child{name, treeLine(entries[0].Mode, name, entries[0].ID)})
			entries = entries[1:]
			continue
		}
		in := entries[0].Path[:below] + name + "/"
		n := slices.IndexFunc(entries, func(e Entry) bool { return !strings.HasPrefix(e.Path, in) })
		if n < 0 {
			n = len(entries)
		}
		const tree = 0o40000
		children = append(children, child{name + "/", treeLine(tree, name, written(entries[:n], len(in)))})
		entries = entries[n:]
	}
	slices.SortFunc(children, func(a, b child) int { return strings.Compare(a.name, b.name) })
	var body []byte
	for _, c := range children {
		body = append(body, c.line...)
	}
	return Sum("tree", body)
}

func treeLine(mode uint32, name string, id ID) []byte {
	raw, _ := hex.DecodeString(string(id)) // it was made of bytes
	return append(fmt.Appendf(nil, "%o %s\x00", mode, name), raw...)
}
