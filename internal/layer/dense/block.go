package dense

const (
	minBlock = 5000   // bytes; shorter blocks cost more for their codes than they gain
	maxBlock = 300000 // bytes
	passes   = 6
)

// compress makes deflate blocks of buf behind its first history bytes. Unless
// it is the last, the result ends on a byte with an empty stored block.
func compress(buf []byte, history int, last bool) []byte {
	b := blocks{finder: newFinder(buf), buf: buf}
	for pos := range history {
		b.scratch = b.finder.find(pos, len(buf), b.scratch[:0])
	}
	for pos := history; pos < len(buf); {
		n := b.collect(pos)
		b.write(pos, n, last && pos+n == len(buf))
		pos += n
	}
	if last && history == len(buf) {
		b.out.stored(nil, true)
	}
	if last {
		b.out.align()
	} else {
		b.out.stored(nil, false)
	}
	return b.out.data
}

// blocks is one segment in the making.
type blocks struct {
	finder  *finder
	buf     []byte
	out     bitWriter
	scratch []match

	// of the block at hand:
	matches []match
	first   []int32 // index of each position's first match; one more at the end
	freq    frequencies
	cost    []uint32 // to the block's end from each position, in bits
	choice  []match  // length 1 is a literal
}

// frequencies of symbols in a block.
type frequencies struct {
	litLen [numLitLen]uint32
	dist   [numDist]uint32
}

func (f *frequencies) add(c byte, m match) {
	if m.length < minMatch {
		f.litLen[c]++
		return
	}
	sym, _, _ := lengthCode(m.length)
	f.litLen[sym]++
	sym, _, _ = distCode(m.dist)
	f.dist[sym]++
}

// collect finds the matches of the next block and where it should end: where
// what a greedy choice takes begins to differ from what it took so far.
func (b *blocks) collect(start int) int {
	b.matches, b.first, b.freq = b.matches[:0], b.first[:0], frequencies{}
	var seen split
	pos, next := start, start // next is where the greedy choice goes on
	for pos < len(b.buf) {
		b.first = append(b.first, int32(len(b.matches))) //nolint:gosec // bounded by the block's size
		from := len(b.matches)
		b.matches = b.finder.find(pos, len(b.buf), b.matches)
		var longest match
		if len(b.matches) > from {
			longest = b.matches[len(b.matches)-1]
		}
		if pos == next {
			next += b.greedy(pos, longest, &seen)
		}
		pos++
		if longest.length >= niceLength {
			pos = b.skip(pos, int(longest.length)-1)
			next = max(next, pos)
		}
		if pos < next {
			continue
		}
		if n, left := pos-start, len(b.buf)-pos; n >= maxBlock || n >= minBlock && left >= minBlock && seen.ends(n) {
			break
		}
	}
	b.first = append(b.first, int32(len(b.matches))) //nolint:gosec // as above
	b.freq.litLen[endOfBlock] = 1
	return pos - start
}

// greedy takes the longest match, unless it is short and far, or a literal.
func (b *blocks) greedy(pos int, m match, seen *split) int {
	if m.length < minMatch || m.length == minMatch && m.dist > 4096 {
		m = match{length: 1}
	}
	b.freq.add(b.buf[pos], m)
	seen.note(b.buf[pos], m)
	return int(m.length)
}

// skip takes in the positions inside of a long match, without looking for
// matches there.
func (b *blocks) skip(pos, n int) int {
	for range n {
		b.first = append(b.first, int32(len(b.matches))) //nolint:gosec // as above
		b.scratch = b.finder.find(pos, len(b.buf), b.scratch[:0])
		pos++
	}
	return pos
}

// split notices when the data changes its nature, as libdeflate does: by kinds
// of literals and matches, counted in portions of 512.
type split struct {
	old, fresh [10]uint32
	nOld, n    uint32
}

func (s *split) note(c byte, m match) {
	kind := c>>5&6 | c&1
	if m.length >= 9 {
		kind = 9
	} else if m.length >= minMatch {
		kind = 8
	}
	s.fresh[kind]++
	s.n++
}

func (s *split) ends(blockLength int) bool {
	if s.n < 512 {
		return false
	}
	if s.nOld > 0 {
		var delta uint64
		for i := range s.old {
			x, y := uint64(s.old[i])*uint64(s.n), uint64(s.fresh[i])*uint64(s.nOld)
			delta += max(x, y) - min(x, y)
		}
		items, cutoff := uint64(s.nOld+s.n), uint64(s.n)*200/512*uint64(s.nOld)
		if blockLength < 10000 && items < 8192 {
			cutoff += cutoff * (8192 - items) / 8192
		}
		if delta+uint64(blockLength/4096)*uint64(s.nOld) >= cutoff { //nolint:gosec // not negative
			return true
		}
	}
	for i := range s.old {
		s.old[i] += s.fresh[i]
		s.fresh[i] = 0
	}
	s.nOld += s.n
	s.n = 0
	return false
}
