package beam

import (
	"encoding/binary"
	"slices"
)

// source is a BEAM file to be written: what the tests' modules have.
type source struct {
	atoms     []string
	code      []byte // instructions
	maxOpcode int
	imports   [][3]uint32 // module, name, arity
	exports   [][3]uint32 // name, arity, label
	labels    int
	chunks    []part // added as they are
	atomTable AtomTable
}

type part struct {
	id   string
	data []byte
}

// operands, as compact terms.
func u(n int) []byte   { return operand(0, n) }
func i(n int) []byte   { return operand(1, n) }
func a(n int) []byte   { return operand(2, n) }
func x(n int) []byte   { return operand(3, n) }
func lbl(n int) []byte { return operand(5, n) }
func ext(n int) []byte { return operand(7, n) }
func list(items ...[]byte) []byte {
	return slices.Concat(ext(extList), u(len(items)), slices.Concat(items...))
}

func operand(tag byte, n int) []byte {
	switch {
	case n < 16:
		return []byte{byte(n)<<4 | tag}
	case n < 2048:
		return []byte{byte(n>>8)<<5 | 8 | tag, byte(n)}
	}
	return []byte{24 | 2<<5 | tag, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
}

func op(code byte, operands ...[]byte) []byte {
	return append([]byte{code}, slices.Concat(operands...)...)
}

// function is atom 2 of a module whose atoms begin with its name and "f":
// f/0, with what body is between its head and its return.
func function(body ...[]byte) []byte {
	return slices.Concat(
		op(1, u(1)), op(2, a(1), a(2), u(0)), op(1, u(2)),
		slices.Concat(body...), op(64, a(2), x(0)), op(19), op(3))
}

func (s source) bytes() []byte {
	body := []byte("BEAM")
	add := func(id string, data []byte) {
		body = append(append(body, id...), be32(len(data))...)
		body = append(body, data...)
		body = append(body, make([]byte, -len(data)&3)...)
	}
	id, atoms := s.atomChunk()
	add(id, atoms)
	labels := max(s.labels, 3)
	add("Code", slices.Concat(be32(16), be32(0), be32(s.maxOpcode), be32(labels), be32(1), s.code))
	add("StrT", nil)
	add("ImpT", table(s.imports))
	if s.exports == nil {
		s.exports = [][3]uint32{{2, 0, 2}}
	}
	add("ExpT", table(s.exports))
	for _, c := range s.chunks {
		add(c.id, c.data)
	}
	return slices.Concat([]byte("FOR1"), be32(len(body)), body)
}

func (s source) atomChunk() (id string, data []byte) {
	id, data = "AtU8", be32(len(s.atoms))
	switch s.atomTable {
	case AtomsLatin1:
	case AtomsUTF8:
	case AtomsLong:
		data = be32(-len(s.atoms))
	}
	if s.atomTable == AtomsLatin1 {
		id = "Atom"
	}
	for _, atom := range s.atoms {
		if s.atomTable == AtomsLong {
			data = append(data, u(len(atom))...)
		} else {
			data = append(data, byte(len(atom)))
		}
		data = append(data, atom...)
	}
	return id, data
}

func table(rows [][3]uint32) []byte {
	data := be32(len(rows))
	for _, r := range rows {
		data = slices.Concat(data, be32(int(r[0])), be32(int(r[1])), be32(int(r[2])))
	}
	return data
}

func be32(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

// bifSource is a module that calls a BIF in a body.
func bifSource(module string, f Func) source {
	args := make([][]byte, f.Arity)
	for n := range args {
		args[n] = i(n + 1)
	}
	in := op(9, u(0), x(0))
	if f.Arity > 0 {
		in = op([]byte{0, 124, 125, 152}[f.Arity], lbl(0), u(0), u(0), slices.Concat(args...), x(0))
	}
	return source{
		atoms: []string{module, "f", f.Module, f.Name}, code: function(in), maxOpcode: minMaxOpcode, atomTable: AtomsUTF8,
		imports: [][3]uint32{{3, 4, uint32(f.Arity)}},
	}
}
