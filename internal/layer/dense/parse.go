package dense

// unseen are the costs, in bits, of symbols that the last choice did not use.
const (
	unseenLitLen = 13
	unseenDist   = 10
)

// prices are the costs of literals, lengths and distance symbols, in bits,
// extra bits included.
type prices struct {
	literal [256]uint32
	length  [maxMatch + 1]uint32
	dist    [numDist]uint32
}

func priced(litLen, dist []uint8) *prices {
	price := func(n uint8, unseen uint32) uint32 {
		if n == 0 {
			return unseen
		}
		return uint32(n)
	}
	var p prices
	for c := range p.literal {
		p.literal[c] = price(litLen[c], unseenLitLen)
	}
	for n := int32(minMatch); n <= maxMatch; n++ {
		sym, extra, _ := lengthCode(n)
		p.length[n] = price(litLen[sym], unseenLitLen) + uint32(extra)
	}
	for s := range p.dist {
		p.dist[s] = price(dist[s], unseenDist) + uint32(max(0, s/2-1)) //nolint:gosec // small
	}
	return &p
}

// choose finds the cheapest way through the block, from its end to its start.
func (b *blocks) choose(start, n int, p *prices) {
	for len(b.cost) < n+1 {
		b.cost = append(b.cost, make([]uint32, n+1-len(b.cost))...)
		b.choice = append(b.choice, make([]match, n+1-len(b.choice))...)
	}
	b.cost[n] = 0
	for i := n - 1; i >= 0; i-- {
		best, pick := b.cost[i+1]+p.literal[b.buf[start+i]], match{length: 1}
		length := int32(minMatch)
		for _, m := range b.matches[b.first[i]:b.first[i+1]] {
			sym, _, _ := distCode(m.dist)
			far, end := p.dist[sym], min(m.length, int32(n-i)) //nolint:gosec // small
			for ; length <= end; length++ {
				if c := far + p.length[length] + b.cost[i+int(length)]; c < best {
					best, pick = c, match{length, m.dist}
				}
			}
		}
		b.cost[i], b.choice[i] = best, pick
	}
}

// count is how often each symbol occurs on the way chosen.
func (b *blocks) count(start, n int) frequencies {
	var f frequencies
	for i := 0; i < n; i += int(b.choice[i].length) {
		f.add(b.buf[start+i], b.choice[i])
	}
	f.litLen[endOfBlock] = 1
	return f
}

// coding is a way through a block with the codes for it.
type coding struct {
	choice       []match
	litLen, dist []uint8
	header       header
	bits         uint64 // all of it
}

// write chooses and writes one block, in the cheapest of the three forms.
func (b *blocks) write(start, n int, last bool) {
	best := b.optimise(start, n)
	fixed := b.fixed(start, n)
	data := b.buf[start : start+n]
	switch {
	case storedBits(n) < min(best.bits, fixed.bits):
		b.out.stored(data, last)
	case fixed.bits <= best.bits:
		b.out.begin(1, last)
		b.out.body(data, fixed)
	default:
		b.out.begin(2, last)
		b.out.header(best.header)
		b.out.body(data, best)
	}
}

// optimise alternates between choosing by the codes' costs and making codes for
// the choice, until it no longer pays.
func (b *blocks) optimise(start, n int) *coding {
	litLen, dist := codeLengths(b.freq.litLen[:], maxBits), codeLengths(b.freq.dist[:], maxBits)
	var best *coding
	for range passes {
		b.choose(start, n, priced(litLen, dist))
		f := b.count(start, n)
		litLen, dist = codeLengths(f.litLen[:], maxBits), codeLengths(f.dist[:], maxBits)
		c := &coding{litLen: litLen, dist: dist, header: newHeader(litLen, dist)}
		c.bits = c.header.bits + 3 + f.bits(litLen, dist)
		if best != nil && c.bits >= best.bits {
			break
		}
		c.choice = b.keep(best, n)
		best = c
	}
	return best
}

// keep copies the choice, into the last best's place.
func (b *blocks) keep(old *coding, n int) []match {
	var to []match
	if old != nil {
		to = old.choice[:0]
	}
	return append(to, b.choice[:n]...)
}

func (b *blocks) fixed(start, n int) *coding {
	if n > minBlock {
		return &coding{bits: 1 << 62} // never cheaper
	}
	c := &coding{}
	c.litLen, c.dist = fixedLengths()
	b.choose(start, n, priced(c.litLen, c.dist))
	f := b.count(start, n)
	c.bits = 3 + f.bits(c.litLen, c.dist)
	c.choice = b.keep(nil, n)
	return c
}

// bits is the size of a block's body.
func (f *frequencies) bits(litLen, dist []uint8) uint64 {
	var sum uint64
	for s, n := range f.litLen {
		extra := 0
		if s >= 265 && s < 285 {
			extra = (s - 261) / 4
		}
		sum += uint64(n) * (uint64(litLen[s]) + uint64(extra)) //nolint:gosec // small
	}
	for s, n := range f.dist {
		sum += uint64(n) * (uint64(dist[s]) + uint64(max(0, s/2-1))) //nolint:gosec // small
	}
	return sum
}
