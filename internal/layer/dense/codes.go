package dense

import (
	"math/bits"
	"slices"
)

// The alphabets of RFC 1951, section 3.2.5.
const (
	endOfBlock = 256
	numLitLen  = 286
	numDist    = 30
	maxBits    = 15
)

// lengthCode is the symbol, the number of extra bits and their value for a
// match's length.
func lengthCode(length int32) (sym int, extra uint, value uint32) {
	switch n := uint32(length - minMatch); { //nolint:gosec // 3 to 258
	case length == maxMatch:
		return 285, 0, 0
	case n < 8:
		return 257 + int(n), 0, 0
	default:
		extra = uint(bits.Len32(n) - 3) //nolint:gosec // n >= 8
		return 257 + int(extra)*4 + int(n>>extra), extra, n & (1<<extra - 1)
	}
}

// distCode is the same for a match's distance.
func distCode(dist int32) (sym int, extra uint, value uint32) {
	n := uint32(dist - 1) //nolint:gosec // 1 to 32768
	if n < 4 {
		return int(n), 0, 0
	}
	extra = uint(bits.Len32(n) - 2) //nolint:gosec // n >= 4
	return int(extra)*2 + int(n>>extra), extra, n & (1<<extra - 1)
}

// codeLengths gives every symbol that occurs the length of its code, at most
// limit bits: the best possible, by package-merge (Larmore and Hirschberg). At
// least two symbols get a code, as some decoders ask for.
func codeLengths(freq []uint32, limit int) []uint8 {
	lengths := make([]uint8, len(freq))
	var leaves []pack
	for s, f := range freq {
		if f > 0 {
			leaves = append(leaves, pack{weight: uint64(f), sym: s, left: -1})
		}
	}
	if len(leaves) < 2 {
		lengths[0], lengths[1] = 1, 1
		if len(leaves) == 1 && leaves[0].sym > 1 {
			lengths[leaves[0].sym], lengths[1] = 1, 0
		}
		return lengths
	}
	slices.SortStableFunc(leaves, func(a, b pack) int {
		if a.weight < b.weight {
			return -1
		} else if a.weight > b.weight {
			return 1
		}
		return 0
	})
	m := merger{leaves: leaves, lengths: lengths}
	m.run(limit)
	return lengths
}

// pack is a symbol, or two packs of the level below taken together.
type pack struct {
	weight uint64
	sym    int
	left   int // index of the first of the two below, or -1 for a symbol
}

type merger struct {
	leaves  []pack
	levels  [][]pack
	lengths []uint8
}

func (m *merger) run(limit int) {
	below := m.leaves
	m.levels = append(m.levels, below)
	for range limit - 1 {
		next := make([]pack, 0, len(m.leaves)+len(below)/2)
		i := 0
		for j := 0; j+1 < len(below); j += 2 {
			w := below[j].weight + below[j+1].weight
			for i < len(m.leaves) && m.leaves[i].weight <= w {
				next = append(next, m.leaves[i])
				i++
			}
			next = append(next, pack{weight: w, left: j})
		}
		below = append(next, m.leaves[i:]...)
		m.levels = append(m.levels, below)
	}
	for i := range 2*len(m.leaves) - 2 {
		m.count(limit-1, i)
	}
}

// count adds one bit for each time a symbol is in a pack.
func (m *merger) count(level, i int) {
	p := m.levels[level][i]
	if p.left < 0 {
		m.lengths[p.sym]++
		return
	}
	m.count(level-1, p.left)
	m.count(level-1, p.left+1)
}

// codes are canonical codes (RFC 1951, section 3.2.2), reversed, ready to be
// written least significant bit first.
func codes(lengths []uint8) []uint16 {
	var count, next [maxBits + 2]uint16
	for _, n := range lengths {
		count[n]++
	}
	count[0] = 0
	for n := 1; n <= maxBits; n++ {
		next[n+1] = (next[n] + count[n]) << 1
	}
	out := make([]uint16, len(lengths))
	for s, n := range lengths {
		if n > 0 {
			out[s] = bits.Reverse16(next[n]) >> (16 - n)
			next[n]++
		}
	}
	return out
}

// fixedLengths are the codes that a block of type 1 has.
func fixedLengths() (litLen, dist []uint8) {
	litLen = make([]uint8, 288)
	for s := range litLen {
		switch {
		case s < 144:
			litLen[s] = 8
		case s < 256:
			litLen[s] = 9
		case s < 280:
			litLen[s] = 7
		default:
			litLen[s] = 8
		}
	}
	return litLen, slices.Repeat([]uint8{5}, 32)
}
