package dense

import (
	"bytes"
	"compress/flate"
	"container/heap"
	"io"
	"math/rand"
	"slices"
	"testing"
)

// The tables of RFC 1951, section 3.2.5: of each symbol the first length or distance
// and its extra bits.
func lengthTable() map[int][2]int32 {
	return map[int][2]int32{
		257: {3, 0}, 258: {4, 0}, 259: {5, 0}, 260: {6, 0}, 261: {7, 0}, 262: {8, 0}, 263: {9, 0}, 264: {10, 0}, 265: {11, 1}, 266: {13, 1},
		267: {15, 1}, 268: {17, 1}, 269: {19, 2}, 270: {23, 2}, 271: {27, 2}, 272: {31, 2}, 273: {35, 3}, 274: {43, 3}, 275: {51, 3},
		276: {59, 3}, 277: {67, 4}, 278: {83, 4}, 279: {99, 4}, 280: {115, 4}, 281: {131, 5}, 282: {163, 5}, 283: {195, 5}, 284: {227, 5},
		285: {258, 0},
	}
}

func distanceTable() map[int][2]int32 {
	return map[int][2]int32{
		0: {1, 0}, 1: {2, 0}, 2: {3, 0}, 3: {4, 0}, 4: {5, 1}, 5: {7, 1}, 6: {9, 2}, 7: {13, 2}, 8: {17, 3}, 9: {25, 3}, 10: {33, 4},
		11: {49, 4}, 12: {65, 5}, 13: {97, 5}, 14: {129, 6}, 15: {193, 6}, 16: {257, 7}, 17: {385, 7}, 18: {513, 8}, 19: {769, 8},
		20: {1025, 9}, 21: {1537, 9}, 22: {2049, 10}, 23: {3073, 10}, 24: {4097, 11}, 25: {6145, 11}, 26: {8193, 12}, 27: {12289, 12},
		28: {16385, 13}, 29: {24577, 13},
	}
}

// Every length and every distance gets the symbol that the tables have for it, and the
// extra bits lead from the symbol's first to it.
func TestSymbolsAreThoseOfTheRFC(t *testing.T) {
	for _, alphabet := range []struct {
		name        string
		table       map[int][2]int32
		code        func(int32) (int, uint, uint32)
		first, last int32
	}{
		{"length", lengthTable(), lengthCode, minMatch, maxMatch},
		{"distance", distanceTable(), distCode, 1, windowSize},
	} {
		seen := map[int]bool{}
		for n := alphabet.first; n <= alphabet.last; n++ {
			sym, extra, value := alphabet.code(n)
			row, ok := alphabet.table[sym]
			seen[sym] = true
			if !ok || uint(row[1]) != extra || row[0]+int32(value) != n || value >= 1<<extra && extra > 0 {
				t.Fatalf("%s %d: symbol %d, %d extra bits of value %d; the table has %v", alphabet.name, n, sym, extra, value, row)
			}
		}
		if len(seen) != len(alphabet.table) {
			t.Errorf("%s: %d symbols are used, the table has %d", alphabet.name, len(seen), len(alphabet.table))
		}
	}
}

// weights is a heap of weights, for Huffman's own algorithm.
type weights []uint64

func (w weights) Len() int           { return len(w) }
func (w weights) Less(i, j int) bool { return w[i] < w[j] }
func (w weights) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }
func (w *weights) Push(x any)        { n, _ := x.(uint64); *w = append(*w, n) }
func (w *weights) Pop() any {
	last := (*w)[len(*w)-1]
	*w = (*w)[:len(*w)-1]
	return last
}

// huffman is the number of bits that the best code without a limit takes.
func huffman(freq []uint32) (bits uint64) {
	var w weights
	for _, f := range freq {
		if f > 0 {
			w = append(w, uint64(f))
		}
	}
	heap.Init(&w)
	for w.Len() > 1 {
		a, _ := heap.Pop(&w).(uint64)
		b, _ := heap.Pop(&w).(uint64)
		bits += a + b
		heap.Push(&w, a+b)
	}
	return bits
}

// frequencyTables are those that code lengths have to be made for.
func frequencyTables() map[string][]uint32 {
	rnd := rand.New(rand.NewSource(4)) //nolint:gosec // reproducible on purpose
	out := map[string][]uint32{
		"two": {1, 1}, "two of many": {0, 0, 7, 0, 900000, 0}, "flat": slices.Repeat([]uint32{5}, numLitLen), "three": {1, 2, 3},
		"fibonacci": nil, // the deepest tree there is for its sum
		"powers":    nil,
	}
	a, b := uint32(1), uint32(1)
	for i := range 30 {
		out["fibonacci"] = append(out["fibonacci"], a)
		out["powers"] = append(out["powers"], 1<<i)
		a, b = b, a+b
	}
	for name, n := range map[string]int{"random, few": 19, "random, distances": numDist, "random, literals": numLitLen} {
		freq := make([]uint32, n)
		for i := range freq {
			if rnd.Intn(4) > 0 {
				freq[i] = uint32(rnd.ExpFloat64() * 1000)
			}
		}
		out[name] = freq
	}
	return out
}

// Code lengths are a complete prefix code within the limit, for the symbols that occur
// and no others, a more frequent one is never longer; where the limit does not bind,
// nothing is shorter in all.
func TestCodeLengthsAreTheBest(t *testing.T) {
	for name, freq := range frequencyTables() {
		for _, limit := range []int{7, maxBits, 30} {
			used := 0
			for _, f := range freq {
				if f > 0 {
					used++
				}
			}
			if used > 1<<limit {
				continue
			}
			lengths := codeLengths(freq, limit)
			var kraft, bits uint64
			for s, n := range lengths {
				if (n > 0) != (freq[s] > 0) || int(n) > limit {
					t.Errorf("%s, at most %d bits: symbol %d occurs %d times and has %d", name, limit, s, freq[s], n)
				}
				if n > 0 {
					kraft += 1 << (limit - int(n))
				}
				bits += uint64(n) * uint64(freq[s])
				for other, m := range lengths {
					if freq[s] > freq[other] && freq[other] > 0 && n > m {
						t.Errorf("%s: symbol %d is more frequent than %d, and longer", name, s, other)
					}
				}
			}
			if kraft != 1<<limit {
				t.Errorf("%s, at most %d bits: the code is not complete: %d of %d", name, limit, kraft, uint64(1)<<limit)
			}
			if best := huffman(freq); bits < best || limit == 30 && bits != best {
				t.Errorf("%s, at most %d bits: %d bits in all, without a limit %d", name, limit, bits, best)
			}
		}
	}
}

// Where one symbol occurs or none, two have a code: some decoders refuse less.
func TestCodeLengthsOfHardlyAnything(t *testing.T) {
	for name, freq := range map[string][]uint32{"none": {0, 0, 0, 0}, "the first": {9, 0, 0, 0}, "the second": {0, 9, 0, 0}, "the last": {0, 0, 0, 9}} {
		lengths := codeLengths(freq, maxBits)
		ones := 0
		for s, n := range lengths {
			if n == 1 {
				ones++
			}
			if freq[s] > 0 && n != 1 {
				t.Errorf("%s: what occurs has %d bits", name, n)
			}
		}
		if ones != 2 {
			t.Errorf("%s: %d codes: %v", name, ones, lengths)
		}
	}
}

// No code is the beginning of another, and they stand in the order that the RFC has.
func TestCodesAreCanonical(t *testing.T) {
	// The example of RFC 1951, section 3.2.2, with the bits turned round.
	got := codes([]uint8{3, 3, 3, 3, 3, 2, 4, 4})
	if want := []uint16{0b010, 0b110, 0b001, 0b101, 0b011, 0b00, 0b0111, 0b1111}; !slices.Equal(got, want) {
		t.Errorf("%b, want %b", got, want)
	}
	for name, freq := range frequencyTables() {
		lengths := codeLengths(freq, maxBits)
		all := codes(lengths)
		for a, x := range all {
			for b, y := range all {
				if a == b || lengths[a] == 0 || lengths[b] == 0 || lengths[a] > lengths[b] {
					continue
				}
				if y&(1<<lengths[a]-1) == x {
					t.Errorf("%s: the code of %d begins that of %d", name, a, b)
				}
			}
		}
	}
}

// unrun is what runs of code lengths stand for.
func unrun(items []item) (out []uint8) {
	for _, it := range items {
		switch it.sym {
		case 16:
			out = append(out, slices.Repeat(out[len(out)-1:], int(it.value)+3)...)
		case 17:
			out = append(out, make([]uint8, int(it.value)+3)...)
		case 18:
			out = append(out, make([]uint8, int(it.value)+11)...)
		default:
			out = append(out, it.sym)
		}
	}
	return out
}

// Runs of every length of zeros and of other code lengths come back as they were, and
// no item holds more than its extra bits.
func TestRunsComeBack(t *testing.T) {
	for _, length := range []uint8{0, 1, 15} {
		for n := 1; n <= 300; n++ {
			items := appendRun(nil, length, n)
			if got := unrun(items); !slices.Equal(got, slices.Repeat([]uint8{length}, n)) {
				t.Fatalf("%d times %d came back as %v", n, length, got)
			}
			for _, it := range items {
				if it.value >= 1<<extraBits(it.sym) && it.value > 0 {
					t.Fatalf("%d times %d: symbol %d with %d", n, length, it.sym, it.value)
				}
			}
		}
	}
	for name, freq := range frequencyTables() {
		if len(freq) != numLitLen {
			continue
		}
		litLen, dist := codeLengths(freq, maxBits), codeLengths(freq[:numDist], maxBits)
		h := newHeader(litLen, dist)
		if got, want := unrun(h.items), slices.Concat(litLen[:h.nLitLen], dist[:h.nDist]); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		var w bitWriter
		w.header(h)
		if bits := uint64(len(w.data))*8 + uint64(w.n); bits != h.bits {
			t.Errorf("%s: a header of %d bits was counted as %d", name, bits, h.bits)
		}
	}
}

// Stored blocks are the bytes themselves, whatever stands before them in the byte, in
// as many blocks as it takes; and no longer than was reckoned.
func TestStoredBlocks(t *testing.T) {
	noise := make([]byte, 3*maxStored+1)
	rand.New(rand.NewSource(5)).Read(noise) //nolint:gosec // reproducible on purpose
	for _, n := range []int{0, 1, maxStored - 1, maxStored, maxStored + 1, 2 * maxStored, 3*maxStored + 1} {
		for bits := range uint(8) {
			var w bitWriter
			for range bits { // empty blocks of fixed codes take ten bits each
				w.begin(1, false)
				w.write(0, 7)
			}
			before := uint64(len(w.data))*8 + uint64(w.n)
			w.stored(noise[:n], true)
			if took := uint64(len(w.data))*8 - before; took > storedBits(n) {
				t.Errorf("%d bytes take %d bits, more than %d", n, took, storedBits(n))
			}
			got, err := io.ReadAll(flate.NewReader(bytes.NewReader(w.data)))
			if err != nil || !bytes.Equal(got, noise[:n]) {
				t.Errorf("%d bytes after %d blocks: %d came back, %v", n, bits, len(got), err)
			}
		}
	}
}

// Of each length the finder gives the nearest place, in ascending order, and only what
// is there.
func TestFinderTellsTheTruth(t *testing.T) {
	rnd := rand.New(rand.NewSource(6)) //nolint:gosec // reproducible on purpose
	buf := make([]byte, 6000)
	for i := range buf {
		buf[i] = byte('a' + rnd.Intn(3))
	}
	f := newFinder(buf)
	var found []match
	for pos := range buf {
		found = f.find(pos, len(buf), found[:0])
		for i, m := range found {
			at := pos - int(m.dist)
			if at < 0 || pos+int(m.length) > len(buf) || !bytes.Equal(buf[at:at+int(m.length)], buf[pos:pos+int(m.length)]) {
				t.Fatalf("at %d: %+v is no match", pos, m)
			}
			if i > 0 && m.length <= found[i-1].length {
				t.Fatalf("at %d: %+v follows %+v", pos, m, found[i-1])
			}
			nearer := bytes.LastIndex(buf[:min(pos+int(m.length)-1, len(buf))], buf[pos:pos+int(m.length)])
			if m.length <= 5 && nearer >= 0 && nearer > at {
				t.Fatalf("at %d: %d bytes stand %d back, nearer than %d", pos, m.length, pos-nearer, m.dist)
			}
		}
	}
}
