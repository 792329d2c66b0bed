package beam

import (
	"encoding/binary"
	"math/bits"
)

// Tags of compact terms, the operands of instructions (beam_asm's encoding).
const (
	tagU = 0 // a number: a count, an index
	tagZ = 7 // extended: the value says which
)

// Extended operands.
const (
	extFloat   = 0 // eight bytes; only OTP 15 and older wrote it
	extList    = 1
	extFloatR  = 2
	extAlloc   = 3
	extLiteral = 4
	extTyped   = 5 // a register and the index of its type, since OTP 25
)

const maxListDepth = 4 // compilers nest no lists at all

// OpSet is a set of opcodes.
type OpSet [4]uint64

// Has tells whether op is in the set.
func (s OpSet) Has(op int) bool {
	return op >= 0 && op < 256 && s[op/64]&(1<<(op%64)) != 0
}

func (s *OpSet) add(op byte) { s[op/64] |= 1 << (op % 64) }

// List gives the opcodes in order.
func (s OpSet) List() []int {
	var ops []int
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			ops = append(ops, 64*i+bits.TrailingZeros64(w))
		}
	}
	return ops
}

// readCode reads the "Code" chunk: sub-size, format, highest opcode, labels,
// functions, then instructions up to int_code_end.
func (m *Module) readCode() error {
	c, ok := m.chunk("Code")
	if !ok {
		return malformed(`BEAM file: chunk "Code" is missing`)
	}
	if len(c.data) < 20 {
		return c.malformed(0, "%d bytes, too few for a header", len(c.data))
	}
	sub := binary.BigEndian.Uint32(c.data)
	if sub < 16 || uint64(sub)+4 > uint64(len(c.data)) {
		return c.malformed(0, "its header says it has %d bytes", sub)
	}
	if format := binary.BigEndian.Uint32(c.data[4:]); format != 0 {
		return c.malformed(4, "instruction set %d, only 0 exists", format)
	}
	highest := binary.BigEndian.Uint32(c.data[8:])
	if highest > 255 {
		return c.malformed(8, "highest opcode %d", highest)
	}
	m.MaxOpcode = int(highest)
	s := codeReader{m: m, b: c.data, at: int(sub) + 4}
	if imp, ok := m.chunk("ImpT"); ok {
		m.bifs = make([]bool, len(imp.data)/12)
	}
	if wrong := s.run(); wrong != "" {
		return c.malformed(s.at, "%s", wrong)
	}
	return nil
}

type codeReader struct {
	m  *Module
	b  []byte
	at int
}

const opCodeEnd = 3

// run reads instructions; it gives what is wrong at s.at, or "".
func (s *codeReader) run() string {
	for s.at < len(s.b) {
		op := s.b[s.at]
		if op == opCodeEnd {
			s.m.Opcodes.add(op)
			return ""
		}
		if int(op) > maxKnownOpcode && int(op) <= s.m.MaxOpcode {
			s.m.UnknownOpcode = int(op)
			return ""
		}
		if op == 0 || int(op) > maxKnownOpcode {
			return "no opcode"
		}
		s.m.Opcodes.add(op)
		s.at++
		if wrong := s.operands(&opcodes[op]); wrong != "" {
			return wrong
		}
	}
	return "the code does not end"
}

func (s *codeReader) operands(op *opcode) string {
	for i := range op.arity {
		if op.calls && i == op.callee {
			if wrong := s.bif(); wrong != "" {
				return wrong
			}
			continue
		}
		if !s.operand(0) {
			return "broken operand of " + op.name
		}
	}
	return ""
}

// bif reads an operand that is an import and notes it.
func (s *codeReader) bif() string {
	tag, v, next, ok := compact(s.b, s.at)
	if !ok || tag != tagU || v >= uint64(len(s.m.bifs)) {
		return "the BIF called is no import"
	}
	s.m.bifs[v] = true
	s.at = next
	return ""
}

// operand passes over one operand.
func (s *codeReader) operand(depth int) bool {
	if s.at >= len(s.b) {
		return false
	}
	if b := s.b[s.at]; b&7 != tagZ && b&8 == 0 { // nine in ten are a byte
		s.at++
		return true
	}
	tag, v, next, ok := compact(s.b, s.at)
	s.at = next
	if !ok || tag != tagZ {
		return ok
	}
	switch v {
	case extFloat:
		s.at += 8
		return s.at <= len(s.b)
	case extFloatR, extLiteral:
		return s.number()
	case extTyped:
		return depth < maxListDepth && s.operand(depth+1) && s.number()
	case extList, extAlloc:
		return depth < maxListDepth && s.list(v == extAlloc, depth+1)
	}
	return false
}

// list passes over a list's operands; each takes a byte at least, so that a
// false count ends at the chunk's end.
func (s *codeReader) list(alloc bool, depth int) bool {
	tag, n, next, ok := compact(s.b, s.at)
	if !ok || tag != tagU || n > uint64(len(s.b)) {
		return false
	}
	s.at = next
	for range n {
		if alloc && !s.number() { // pairs of kind and number
			return false
		}
		if !s.operand(depth) {
			return false
		}
	}
	return true
}

func (s *codeReader) number() bool {
	tag, _, next, ok := compact(s.b, s.at)
	s.at = next
	return ok && tag == tagU
}

// compact reads a compact term's tag and value. Values of more than eight
// bytes, which only integers have, are passed over and given as the highest.
func compact(b []byte, at int) (tag byte, v uint64, next int, ok bool) {
	if at >= len(b) {
		return 0, 0, len(b), false
	}
	first := b[at]
	tag = first & 7
	at++
	switch {
	case first&8 == 0:
		return tag, uint64(first >> 4), at, true
	case first&16 == 0:
		if at >= len(b) {
			return tag, 0, at, false
		}
		return tag, uint64(first>>5)<<8 | uint64(b[at]), at + 1, true
	}
	n := uint64(first>>5) + 2
	if n == 9 { // the size is a compact term of its own, which is small
		if at >= len(b) || b[at]&7 != tagU || b[at]&24 == 24 {
			return tag, 0, at, false
		}
		var more uint64
		_, more, at, ok = compact(b, at)
		if !ok {
			return tag, 0, at, false
		}
		n += more
	}
	if n > uint64(len(b)-at) {
		return tag, 0, len(b), false
	}
	if n > 8 {
		return tag, ^uint64(0), at + int(n), true
	}
	for _, x := range b[at : at+int(n)] {
		v = v<<8 | uint64(x)
	}
	return tag, v, at + int(n), true
}
