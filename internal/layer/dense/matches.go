package dense

import (
	"encoding/binary"
	"math/bits"
)

const (
	minMatch = 3
	maxMatch = 258
	hashBits = 16
	// niceLength is a match long enough not to look for a better one, nor for
	// others inside of it; searchDepth is how many candidates are compared.
	niceLength  = 150
	searchDepth = 64
)

// match is a string length bytes long that stood dist bytes before.
type match struct{ length, dist int32 }

// finder finds matches in buf. For every hash of four bytes it keeps a binary
// tree of the positions, by what follows them, newest at the root.
type finder struct {
	buf   []byte
	last3 [1 << hashBits]int32
	root  [1 << hashBits]int32
	child [2 * windowSize]int32 // smaller and larger, by position modulo windowSize
}

func newFinder(buf []byte) *finder {
	f := &finder{buf: buf}
	for i := range f.last3 {
		f.last3[i], f.root[i] = -1, -1
	}
	return f
}

// find appends the matches at pos, for each length the nearest, ascending, and
// takes pos in. They end before end.
func (f *finder) find(pos, end int, out []match) []match {
	longest := min(maxMatch, end-pos)
	if longest < 4 || pos+4 > len(f.buf) {
		return out
	}
	at := binary.LittleEndian.Uint32(f.buf[pos:])
	h3 := at << 8 * 0x9e3779b1 >> (32 - hashBits)
	prev := f.last3[h3]
	f.last3[h3] = int32(pos) //nolint:gosec // a segment is small
	if p := int(prev); p >= 0 && pos-p <= windowSize && f.buf[p] == f.buf[pos] && f.buf[p+1] == f.buf[pos+1] && f.buf[p+2] == f.buf[pos+2] {
		out = append(out, match{minMatch, int32(pos - p)}) //nolint:gosec // as above
	}
	return f.descend(pos, longest, at*0x9e3779b1>>(32-hashBits), out)
}

// descend walks the tree of hash h, noting matches, and rebuilds it with pos as
// the root on the way.
func (f *finder) descend(pos, longest int, h uint32, out []match) []match {
	node := f.root[h]
	f.root[h] = int32(pos) //nolint:gosec // a segment is small
	less, more := 2*(pos%windowSize), 2*(pos%windowSize)+1
	nice := min(niceLength, longest)
	best, lessLen, moreLen, n := minMatch, 0, 0, 0
	for depth := searchDepth; ; depth-- {
		if depth == 0 || node < 0 || pos-int(node) > windowSize {
			f.child[less], f.child[more] = -1, -1
			return out
		}
		n = f.extend(int(node), pos, n, longest)
		if n > best {
			best = n
			out = append(out, match{int32(n), int32(pos) - node}) //nolint:gosec // as above
		}
		if pos-int(node) == windowSize { // in reach itself, but what is below is not, and pos has its place
			f.child[less], f.child[more] = -1, -1
			return out
		}
		sub := 2 * (int(node) % windowSize)
		if n >= nice {
			f.child[less], f.child[more] = f.child[sub], f.child[sub+1]
			return out
		}
		if f.buf[int(node)+n] < f.buf[pos+n] {
			f.child[less] = node
			less, node = sub+1, f.child[sub+1]
			lessLen = n
		} else {
			f.child[more] = node
			more, node = sub, f.child[sub]
			moreLen = n
		}
		n = min(lessLen, moreLen)
	}
}

// extend is the length of the match of a and b, of which n bytes are known to
// be equal.
func (f *finder) extend(a, b, n, longest int) int {
	for n+8 <= longest {
		x := binary.LittleEndian.Uint64(f.buf[a+n:]) ^ binary.LittleEndian.Uint64(f.buf[b+n:])
		if x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
		n += 8
	}
	for n < longest && f.buf[a+n] == f.buf[b+n] {
		n++
	}
	return n
}
