package git

import (
	"bufio"
	"bytes"
	"crypto/sha1" //nolint:gosec // it is how git names what it has, and proves nothing here
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/klauspost/compress/zlib"

	"dram/internal/fsutil"
)

const (
	maxObject = 1 << 20 // bytes of a commit
	maxPacks  = 10_000
	maxChain  = 64 // differences that one is made of
)

// NewHash is what names objects of a kind and a size.
func NewHash(kind string, size int64) hash.Hash {
	h := sha1.New() //nolint:gosec // as above
	_, _ = fmt.Fprintf(h, "%s %d\x00", kind, size)
	return h
}

// Sum is an object's name.
func Sum(kind string, body []byte) ID {
	h := NewHash(kind, int64(len(body)))
	_, _ = h.Write(body)
	return Named(h)
}

// Named is the name that a hash came to.
func Named(h hash.Hash) ID { return ID(hex.EncodeToString(h.Sum(nil))) }

// commit is what a commit says.
func (c *Checkout) commit(id ID) (string, error) {
	body, err := c.object(id)
	if err != nil {
		return "", fmt.Errorf("reading commit %s: %w", id, err)
	}
	if Sum("commit", body) != id {
		return "", fmt.Errorf("commit %s is damaged", id)
	}
	return string(body), nil
}

// Tree is the tree of a commit.
func (c *Checkout) Tree(commit ID) (ID, error) {
	body, err := c.commit(commit)
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(body, "\n")
	id, ok := strings.CutPrefix(first, "tree ")
	if !ok || !idForm.MatchString(id) {
		return "", fmt.Errorf("commit %s names no tree", commit)
	}
	return ID(id), nil
}

var errAbsent = errors.New("the repository does not have it")

// object is the content of a small object, loose or in a pack.
func (c *Checkout) object(id ID) ([]byte, error) {
	dir := filepath.Join(c.common, "objects")
	f, err := fsutil.Open(filepath.Join(dir, string(id[:2]), string(id[2:])))
	if err == nil {
		defer func() { _ = f.Close() }() // only read
		return loose(f)
	}
	packs, err := filepath.Glob(filepath.Join(dir, "pack", "*.idx"))
	if err != nil || len(packs) > maxPacks {
		return nil, errors.Join(err, errAbsent)
	}
	for _, idx := range packs {
		body, err := packed(idx, id)
		if !errors.Is(err, errAbsent) {
			return body, err
		}
	}
	return nil, errAbsent
}

func loose(r io.Reader) ([]byte, error) {
	text, err := inflated(r)
	if err != nil {
		return nil, err
	}
	_, body, ok := bytes.Cut(text, []byte{0})
	if !ok {
		return nil, errors.New("it is no object")
	}
	return body, nil
}

func inflated(r io.Reader) ([]byte, error) {
	z, err := zlib.NewReader(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(z, maxObject+1))
	if err == nil && len(body) > maxObject {
		err = fmt.Errorf("it is larger than %d bytes", maxObject)
	}
	return body, err
}

// pack is a pack and its index, open.
type pack struct {
	idx, body *os.File
	n         int64 // objects
}

// packed is an object of a pack.
func packed(idx string, id ID) (_ []byte, err error) {
	var p pack
	if p.idx, err = fsutil.Open(idx); err != nil {
		return nil, err
	}
	defer func() { _ = p.idx.Close() }() // only read
	at, err := p.find(id)
	if err != nil {
		return nil, err
	}
	if p.body, err = fsutil.Open(strings.TrimSuffix(idx, ".idx") + ".pack"); err != nil {
		return nil, err
	}
	defer func() { _ = p.body.Close() }() // only read
	return p.read(at, maxChain)
}

// Where an index of a pack has what: names, checksums, offsets, and large offsets.
const (
	idxHead = 8
	idxFan  = 256 * 4
	idxName = 20
	idxSum  = 4
	idxWord = 4
)

// find is where an object begins in the pack.
func (p *pack) find(id ID) (int64, error) {
	want, err := hex.DecodeString(string(id))
	if err != nil || len(want) != idxName {
		return 0, errAbsent
	}
	head := make([]byte, idxHead+idxFan)
	if _, err := p.idx.ReadAt(head, 0); err != nil {
		return 0, fmt.Errorf("reading the index of a pack: %w", err)
	}
	if !bytes.Equal(head[:idxHead], []byte("\xfftOc\x00\x00\x00\x02")) {
		return 0, errors.New("the index of a pack is of a version that is not known")
	}
	fan := func(i int) int64 { return int64(binary.BigEndian.Uint32(head[idxHead+4*i:])) }
	p.n = fan(255)
	from := int64(0)
	if want[0] > 0 {
		from = fan(int(want[0]) - 1)
	}
	to := fan(int(want[0]))
	if to < from || to > p.n {
		return 0, errors.New("the index of a pack is damaged")
	}
	name := make([]byte, idxName)
	i := from + int64(sort.Search(int(to-from), func(i int) bool {
		_, err = p.idx.ReadAt(name, int64(len(head))+(from+int64(i))*idxName)
		return err != nil || bytes.Compare(name, want) >= 0
	}))
	if err != nil {
		return 0, err
	}
	if i == to {
		return 0, errAbsent
	}
	if _, err := p.idx.ReadAt(name, int64(len(head))+i*idxName); err != nil || !bytes.Equal(name, want) {
		return 0, errors.Join(err, errAbsent)
	}
	return p.offset(i)
}

// offset is that of the i-th object.
func (p *pack) offset(i int64) (int64, error) {
	const large = 1 << 31
	word := make([]byte, idxWord)
	at := int64(idxHead + idxFan + p.n*(idxName+idxSum))
	if _, err := p.idx.ReadAt(word, at+i*idxWord); err != nil {
		return 0, err
	}
	v := binary.BigEndian.Uint32(word)
	if v < large {
		return int64(v), nil
	}
	long := make([]byte, 8)
	if _, err := p.idx.ReadAt(long, at+p.n*idxWord+int64(v-large)*8); err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(long) & (1<<63 - 1)), nil //nolint:gosec // without the sign
}

// The types of what is in a pack.
const (
	ofsDelta = 6
	refDelta = 7
)

// read reads the object at an offset, of at most so many differences.
func (p *pack) read(at int64, chain int) ([]byte, error) {
	if chain == 0 {
		return nil, errors.New("too many differences of differences")
	}
	r := bufio.NewReader(io.NewSectionReader(p.body, at, 1<<62))
	c, err := r.ReadByte()
	if err != nil {
		return nil, err
	}
	kind := c >> 4 & 7
	for c&0x80 != 0 { // the size, which the content tells too
		if c, err = r.ReadByte(); err != nil {
			return nil, err
		}
	}
	if kind != ofsDelta && kind != refDelta {
		return inflated(r)
	}
	base, err := p.base(r, kind, at)
	if err != nil {
		return nil, err
	}
	from, err := p.read(base, chain-1)
	if err != nil {
		return nil, err
	}
	delta, err := inflated(r)
	if err != nil {
		return nil, err
	}
	return apply(from, delta)
}

// base is where the object begins that a difference is to.
func (p *pack) base(r *bufio.Reader, kind byte, at int64) (int64, error) {
	if kind == refDelta {
		name := make([]byte, idxName)
		if _, err := io.ReadFull(r, name); err != nil {
			return 0, err
		}
		return p.find(ID(hex.EncodeToString(name)))
	}
	ahead, err := r.Peek(9)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	back, n := offset(ahead)
	if n == 0 || back == 0 || back > uint64(at) { //nolint:gosec // an offset is positive
		return 0, errors.New("a difference is to nothing")
	}
	_, err = r.Discard(n)
	return at - int64(back), err //nolint:gosec // at most the offset
}

// apply makes an object of another and the difference between them.
func apply(from, delta []byte) ([]byte, error) {
	bad := errors.New("a difference is damaged")
	for range 2 { // the sizes of both
		_, n := binary.Uvarint(delta)
		if n <= 0 {
			return nil, bad
		}
		delta = delta[n:]
	}
	var out []byte
	for len(delta) > 0 {
		op := delta[0]
		delta = delta[1:]
		if op&0x80 == 0 { // so many bytes, as they follow
			n := int(op)
			if n == 0 || n > len(delta) {
				return nil, bad
			}
			out, delta = append(out, delta[:n]...), delta[n:]
		} else {
			var v [7]byte // four of the offset, three of the size
			for i := range v {
				if op&(1<<i) == 0 {
					continue
				}
				if len(delta) == 0 {
					return nil, bad
				}
				v[i], delta = delta[0], delta[1:]
			}
			at, n := int64(binary.LittleEndian.Uint32(v[:4])), int64(v[4])|int64(v[5])<<8|int64(v[6])<<16
			if n == 0 {
				n = 0x10000
			}
			if at+n > int64(len(from)) {
				return nil, bad
			}
			out = append(out, from[at:at+n]...)
		}
		if len(out) > maxObject {
			return nil, bad
		}
	}
	return out, nil
}
