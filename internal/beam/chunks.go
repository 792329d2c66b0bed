package beam

import (
	"encoding/binary"
	"slices"
)

// readLiteralTable tells how the literals are written, without unpacking them.
func (m *Module) readLiteralTable() error {
	c, ok := m.chunk("LitT")
	if !ok {
		return nil
	}
	if len(c.data) < 4 {
		return c.malformed(0, "%d bytes, too few for a size", len(c.data))
	}
	m.Literals = LiteralsCompressed
	if binary.BigEndian.Uint32(c.data) == 0 {
		m.Literals = LiteralsPlain
	}
	return nil
}

// LiteralTerms decodes the literals: the constant terms of the module's code.
func (m *Module) LiteralTerms() ([]Term, error) {
	c, b, err := m.literals()
	if b == nil || err != nil {
		return nil, err
	}
	if len(b) < 4 {
		return nil, c.malformed(4, "no count")
	}
	count := binary.BigEndian.Uint32(b)
	var terms []Term
	at := 4
	for range count {
		if len(b)-at < 4 {
			return nil, c.malformed(4, "%d literals announced, %d are there", count, len(terms))
		}
		n := uint64(binary.BigEndian.Uint32(b[at:]))
		at += 4
		if n > uint64(len(b)-at) {
			return nil, c.malformed(4, "literal %d is longer than the table", len(terms))
		}
		t, err := decodeLiteral(b[at : at+int(n)])
		if err != nil {
			return nil, c.malformed(4, "literal %d: %v", len(terms), err)
		}
		terms = append(terms, t)
		at += int(n)
	}
	return terms, nil
}

// decodeLiteral takes no term that is compressed once more: no compiler writes
// one, and packed twice little bytes become many.
func decodeLiteral(b []byte) (Term, error) {
	if len(b) < 2 || b[0] != 131 || b[1] == 'P' {
		return nil, malformed("no external term that is not compressed")
	}
	return decodePlain(b[1:])
}

// Imports are the functions of other modules (and BIFs) that the code names.
func (m *Module) Imports() ([]Func, error) {
	var funcs []Func
	err := m.table("ImpT", func(c chunk, row [3]uint32) error {
		module, ok1 := m.atom(row[0])
		name, ok2 := m.atom(row[1])
		if !ok1 || !ok2 || row[2] > 255 {
			return c.malformed(4+12*len(funcs), "import %d names no function", len(funcs))
		}
		funcs = append(funcs, Func{module, name, int(row[2])})
		return nil
	})
	return funcs, err
}

// Exports are the functions that other modules may call.
func (m *Module) Exports() ([]Func, error) {
	var funcs []Func
	err := m.table("ExpT", func(c chunk, row [3]uint32) error {
		name, ok := m.atom(row[0])
		if !ok || row[1] > 255 {
			return c.malformed(4+12*len(funcs), "export %d names no function", len(funcs))
		}
		funcs = append(funcs, Func{m.Name, name, int(row[1])})
		return nil
	})
	return funcs, err
}

// table reads a count and rows of three numbers.
func (m *Module) table(id string, each func(chunk, [3]uint32) error) error {
	c, ok := m.chunk(id)
	if !ok {
		return nil
	}
	if len(c.data) < 4 {
		return c.malformed(0, "%d bytes, too few for a count", len(c.data))
	}
	count := binary.BigEndian.Uint32(c.data)
	if count > maxRows {
		return c.malformed(0, "%d rows, at most %d are read", count, maxRows)
	}
	if uint64(count)*12 > uint64(len(c.data)-4) {
		return c.malformed(0, "%d rows announced, there is room for %d", count, (len(c.data)-4)/12)
	}
	for i := range int(count) {
		b := c.data[4+12*i:]
		row := [3]uint32{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])}
		if err := each(c, row); err != nil {
			return err
		}
	}
	return nil
}

// BIFCalls are the functions that instructions call as BIFs, so that the
// loader itself must have them, in the order of the imports.
func (m *Module) BIFCalls() ([]Func, error) {
	if !slices.Contains(m.bifs, true) {
		return nil, nil
	}
	imports, err := m.Imports()
	if err != nil {
		return nil, err
	}
	var calls []Func
	for i, f := range imports {
		if m.bifs[i] {
			calls = append(calls, f)
		}
	}
	return calls, nil
}

// termChunk decodes a chunk that is one external term; nil if it is not there.
func (m *Module) termChunk(id string) (Term, error) {
	c, ok := m.chunk(id)
	if !ok || len(c.data) == 0 {
		return nil, nil
	}
	t, err := DecodeTerm(c.data)
	if err != nil {
		return nil, c.malformed(0, "%v", err)
	}
	return t, nil
}

// Attributes are the module's attributes, [{Key, [Value]}]; nil if it has none.
func (m *Module) Attributes() (Term, error) { return m.termChunk("Attr") }

// CompileInfo is what the compiler said of itself.
type CompileInfo struct {
	Version string // of the application compiler: "8.6.1"
	Options Term   // nil if it said none
	Source  string
}

// CompileInfo reads the chunk "CInf", empty in what deterministic builds strip.
func (m *Module) CompileInfo() (CompileInfo, error) {
	t, err := m.termChunk("CInf")
	if err != nil {
		return CompileInfo{}, err
	}
	var info CompileInfo
	if v, ok := Property(t, "version"); ok {
		info.Version, _ = Text(v)
	}
	if v, ok := Property(t, "source"); ok {
		info.Source, _ = Text(v)
	}
	info.Options, _ = Property(t, "options")
	return info, nil
}

// Features are the experimental features that the module was compiled with,
// which a runtime must know and allow: "maybe_expr".
func (m *Module) Features() ([]string, error) {
	t, err := m.termChunk("Meta")
	if err != nil {
		return nil, err
	}
	enabled, _ := Property(t, "enabled_features")
	list, _ := enabled.(List)
	var names []string
	for _, e := range list {
		if a, ok := e.(Atom); ok {
			names = append(names, string(a))
		}
	}
	return names, nil
}

// HasDebugInfo tells whether the file still has its abstract code ("Dbgi", or
// "Abst" of OTP 19 and older).
func (m *Module) HasDebugInfo() bool {
	c, ok := m.chunk("Dbgi", "Abst")
	if !ok || len(c.data) == 0 {
		return false
	}
	// OTP writes {debug_info_v1, Backend, none} where there is none: short
	// enough to decode. What is long holds code.
	if c.id == "Abst" || len(c.data) > 128 {
		return true
	}
	t, err := DecodeTerm(c.data)
	if err != nil {
		return false
	}
	info, ok := AsTuple(t, "debug_info_v1", 3)
	if !ok {
		return true
	}
	data, ok := info[2].(Tuple)
	return info[2] != Atom("none") && (!ok || len(data) == 0 || data[0] != Atom("none"))
}
