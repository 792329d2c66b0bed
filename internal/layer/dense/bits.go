package dense

// maxStored is the most that one stored block holds, in bytes.
const maxStored = 65535

// bitWriter writes bits, least significant first.
type bitWriter struct {
	data []byte
	acc  uint64
	n    uint
}

func (w *bitWriter) write(v uint64, n uint) {
	w.acc |= v << w.n
	w.n += n
	for w.n >= 8 {
		w.data = append(w.data, byte(w.acc)) //nolint:gosec // the lowest eight bits
		w.acc >>= 8
		w.n -= 8
	}
}

// align goes on at the next byte.
func (w *bitWriter) align() {
	if w.n > 0 {
		w.write(0, 8-w.n)
	}
}

// begin starts a block of a type: 1 has fixed codes, 2 its own.
func (w *bitWriter) begin(kind uint64, last bool) {
	if last {
		w.write(1, 1)
	} else {
		w.write(0, 1)
	}
	w.write(kind, 2)
}

// stored writes data as it is.
func (w *bitWriter) stored(data []byte, last bool) {
	for {
		k := min(len(data), maxStored)
		w.begin(0, last && k == len(data))
		w.align()
		w.write(uint64(k), 16)
		w.write(uint64(^uint16(k)), 16) //nolint:gosec // at most maxStored
		w.data = append(w.data, data[:k]...)
		if data = data[k:]; len(data) == 0 {
			return
		}
	}
}

// storedBits is at most what stored takes.
func storedBits(n int) uint64 {
	return 8*uint64(n) + uint64(n/maxStored+1)*(3+7+32) //nolint:gosec // not negative
}

// body writes a block's symbols.
func (w *bitWriter) body(data []byte, c *coding) {
	litLen, dist := codes(c.litLen), codes(c.dist)
	put := func(codes []uint16, lengths []uint8, sym int) { w.write(uint64(codes[sym]), uint(lengths[sym])) }
	for i := 0; i < len(data); {
		m := c.choice[i]
		if m.length < minMatch {
			put(litLen, c.litLen, int(data[i]))
			i++
			continue
		}
		sym, extra, value := lengthCode(m.length)
		put(litLen, c.litLen, sym)
		w.write(uint64(value), extra)
		sym, extra, value = distCode(m.dist)
		put(dist, c.dist, sym)
		w.write(uint64(value), extra)
		i += int(m.length)
	}
	put(litLen, c.litLen, endOfBlock)
}

// header is the description of a block's codes (RFC 1951, section 3.2.7).
type header struct {
	nLitLen, nDist, nOrder int
	lengths                []uint8 // of the codes for code lengths
	items                  []item
	bits                   uint64
}

// item is a code length, or a run of them.
type item struct {
	sym   uint8
	value uint8 // extra bits
}

// The order in which code lengths of code lengths stand.
func order() [19]int {
	return [19]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
}

func extraBits(sym uint8) uint {
	switch sym {
	case 16:
		return 2
	case 17:
		return 3
	case 18:
		return 7
	}
	return 0
}

func newHeader(litLen, dist []uint8) header {
	h := header{nLitLen: used(litLen, 257), nDist: used(dist, 1)}
	all := append(append([]uint8{}, litLen[:h.nLitLen]...), dist[:h.nDist]...)
	for len(all) > 0 {
		n := run(all)
		h.items = appendRun(h.items, all[0], n)
		all = all[n:]
	}
	var freq [19]uint32
	for _, it := range h.items {
		freq[it.sym]++
	}
	h.lengths = codeLengths(freq[:], 7)
	h.nOrder = 19
	for h.nOrder > 4 && h.lengths[order()[h.nOrder-1]] == 0 {
		h.nOrder--
	}
	h.bits = 14 + 3*uint64(h.nOrder) //nolint:gosec // at most 19
	for _, it := range h.items {
		h.bits += uint64(h.lengths[it.sym]) + uint64(extraBits(it.sym))
	}
	return h
}

// used is the number of lengths up to the last that is not 0, at least least.
func used(lengths []uint8, least int) int {
	n := len(lengths)
	for n > least && lengths[n-1] == 0 {
		n--
	}
	return n
}

func run(lengths []uint8) int {
	n := 1
	for n < len(lengths) && lengths[n] == lengths[0] {
		n++
	}
	return n
}

func appendRun(items []item, length uint8, n int) []item {
	if length != 0 { // 16 repeats what came before
		items, n = append(items, item{sym: length}), n-1
	}
	for n > 0 {
		switch {
		case length == 0 && n >= 11:
			k := min(n, 138)
			items, n = append(items, item{18, uint8(k - 11)}), n-k //nolint:gosec // small
		case length == 0 && n >= 3:
			items, n = append(items, item{17, uint8(n - 3)}), 0 //nolint:gosec // small
		case length != 0 && n >= 3:
			k := min(n, 6)
			items, n = append(items, item{16, uint8(k - 3)}), n-k //nolint:gosec // small
		default:
			items, n = append(items, item{sym: length}), n-1
		}
	}
	return items
}

func (w *bitWriter) header(h header) {
	w.write(uint64(h.nLitLen-257), 5) //nolint:gosec // 257 to 286
	w.write(uint64(h.nDist-1), 5)     //nolint:gosec // 1 to 30
	w.write(uint64(h.nOrder-4), 4)    //nolint:gosec // 4 to 19
	o := order()
	for _, s := range o[:h.nOrder] {
		w.write(uint64(h.lengths[s]), 3)
	}
	c := codes(h.lengths)
	for _, it := range h.items {
		w.write(uint64(c[it.sym]), uint(h.lengths[it.sym]))
		w.write(uint64(it.value), extraBits(it.sym))
	}
}
