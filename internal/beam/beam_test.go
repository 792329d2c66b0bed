package beam

import (
	"bytes"
	"compress/gzip"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// plain is a small sound module, in the encoding of OTP 20 to 27.
func plain() source {
	return source{
		atoms: []string{"m", "f", "erlang", "+"}, maxOpcode: 169, atomTable: AtomsUTF8,
		imports: [][3]uint32{{3, 4, 2}},
		code:    function(op(125, lbl(0), u(0), u(0), i(1), i(2), x(0))),
	}
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestReadTellsNameAtomsCodeAndTables(t *testing.T) {
	s := plain()
	s.chunks = []part{
		{"Attr", []byte("\x83l\x00\x00\x00\x01h\x02w\x03vsnl\x00\x00\x00\x01a\x07jj")},
		{"CInf", []byte("\x83l\x00\x00\x00\x02h\x02w\x07versionk\x00\x058.6.1h\x02w\x06sourcek\x00\x05m.erlj")},
		{"Meta", features("maybe_expr")},
		{"Dbgi", []byte("\x83h\x03w\x0ddebug_info_v1w\x0ferl_abstract_codeh\x02w\x04nonej")},
	}
	for name, data := range map[string][]byte{"as it is": s.bytes(), "gzipped": gzipped(t, s.bytes())} {
		t.Run(name, func(t *testing.T) {
			m, err := Read(data)
			if err != nil {
				t.Fatal(err)
			}
			imports, err := m.Imports()
			if err != nil {
				t.Fatal(err)
			}
			exports, err := m.Exports()
			if err != nil {
				t.Fatal(err)
			}
			calls, err := m.BIFCalls()
			if err != nil {
				t.Fatal(err)
			}
			info, err := m.CompileInfo()
			if err != nil {
				t.Fatal(err)
			}
			names, err := m.Features()
			if err != nil {
				t.Fatal(err)
			}
			attributes, err := m.Attributes()
			if err != nil {
				t.Fatal(err)
			}
			plus := []Func{{"erlang", "+", 2}}
			got := []any{
				m.Name, m.Atoms, m.AtomTable, m.Literals, m.MaxOpcode, m.Opcodes.List(), m.Gzipped, m.HasDebugInfo(),
				imports, calls, exports, info, names, attributes, m.Chunks(),
			}
			want := []any{
				"m",
				[]string{"m", "f", "erlang", "+"},
				AtomsUTF8, NoLiterals, 169,
				[]int{1, 2, 3, 19, 64, 125},
				name == "gzipped", false,
				plus, plus,
				[]Func{{"m", "f", 0}},
				CompileInfo{Version: "8.6.1", Source: "m.erl"},
				[]string{"maybe_expr"},
				List{Tuple{Atom("vsn"), List{Int(7)}}},
				[]string{"AtU8", "Code", "StrT", "ImpT", "ExpT", "Attr", "CInf", "Meta", "Dbgi"},
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func features(name string) []byte {
	return slices.Concat([]byte("\x83l\x00\x00\x00\x01h\x02w\x10enabled_featuresl\x00\x00\x00\x01w"),
		[]byte{byte(len(name))}, []byte(name), []byte("jj"))
}

func TestReadTellsTheAtomTables(t *testing.T) {
	long := strings.Repeat("å", 255)
	for table, atoms := range map[AtomTable][]string{
		AtomsLatin1: {"m", "f", "\xe5"},
		AtomsUTF8:   {"m", "f", "å"},
		AtomsLong:   {"m", "f", "å", long},
	} {
		m, err := Read(source{atoms: atoms, code: function(), maxOpcode: 169, atomTable: table}.bytes())
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"m", "f", "å", long}[:len(atoms)]
		if d := cmp.Diff(want, m.Atoms); d != "" || m.AtomTable != table {
			t.Errorf("table %d read as %d: %s", table, m.AtomTable, d)
		}
	}
}

func TestReadDecodesEveryKindOfOperand(t *testing.T) {
	integer := []byte{0xf9, 0x00} // the size is 9 and more, a compact term of its own
	body := [][]byte{
		op(64, slices.Concat(integer, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9}), x(0)),
		op(64, i(70000), x(1500)),
		op(64, slices.Concat(ext(extFloat), make([]byte, 8)), x(0)),
		op(64, slices.Concat(ext(extLiteral), u(300)), slices.Concat(ext(extTyped), x(0), u(3))),
		op(96, slices.Concat(ext(extFloatR), u(1)), x(0)),
		op(16, slices.Concat(ext(extAlloc), u(2), u(0), u(5), u(1), u(1)), u(0)),
		op(164, x(0), list(a(1), i(2), list(i(3)))),
	}
	m, err := Read(source{atoms: []string{"m", "f"}, code: function(body...), maxOpcode: 169, atomTable: AtomsUTF8}.bytes())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]int{1, 2, 3, 16, 19, 64, 96, 164}, m.Opcodes.List()); d != "" {
		t.Error(d)
	}
}

func TestReadStopsAtOpcodesOfTheFuture(t *testing.T) {
	s := plain()
	s.maxOpcode, s.code = 200, slices.Concat(op(1, u(1)), op(200))
	m, err := Read(s.bytes())
	if err != nil {
		t.Fatal(err)
	}
	if m.UnknownOpcode != 200 || !m.Opcodes.Has(1) {
		t.Errorf("unknown opcode %d, opcodes %v", m.UnknownOpcode, m.Opcodes.List())
	}
}

func TestReadRefusesWhatIsBroken(t *testing.T) {
	good := plain().bytes()
	patched := func(at int, b ...byte) []byte {
		out := slices.Clone(good)
		copy(out[at:], b)
		return out
	}
	atomsAt, codeAt := bytes.Index(good, []byte("AtU8"))+8, bytes.Index(good, []byte("Code"))+8
	coded := func(code ...byte) []byte {
		s := plain()
		s.code = code
		return s.bytes()
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":                    {nil, "no BEAM file"},
		"another file":             {[]byte("\x7fELF............"), "no BEAM file"},
		"truncated":                {good[:len(good)-8], "truncated BEAM file: its header says"},
		"broken gzip":              {[]byte("\x1f\x8b\x08\x00garbage....."), "gzipped BEAM file"},
		"gzip that is a bomb":      {gzipped(t, make([]byte, 20<<20)), "unpacks to more than"},
		"a chunk too long":         {patched(codeAt-4, 0x7f), `chunk "Code" at offset `},
		"half a chunk header":      {slices.Concat([]byte("FOR1"), be32(8), []byte("BEAMAtU8")), "are no chunk"},
		"no atoms":                 {slices.Concat([]byte("FOR1"), be32(4), []byte("BEAM")), `neither chunk "AtU8" nor "Atom"`},
		"more atoms than bytes":    {patched(atomsAt, 0x70), `chunk "AtU8" at offset 20: 1879048196 atoms`},
		"more long atoms":          {patched(atomsAt, 0x80), `chunk "AtU8"`},
		"an atom too long":         {patched(atomsAt+4, 200), "atom 1 is longer than the chunk"},
		"another instruction set":  {patched(codeAt+7, 1), "instruction set 1"},
		"a highest opcode of 4095": {patched(codeAt+10, 0x0f), "highest opcode 4009"},
		"a long code header":       {patched(codeAt, 0x7f), "its header says"},
		"code without end":         {coded(19), "the code does not end"},
		"opcode 0":                 {coded(0), "no opcode"},
		"an opcode above all":      {coded(255), "no opcode"},
		"an operand missing":       {coded(64, 3), "broken operand of move"},
		"lists in lists":           {coded(slices.Concat([]byte{64}, bytes.Repeat([]byte{0x17, 0x10}, 40))...), "broken operand of move"},
		"a list of billions":       {coded(64, 0x17, 0x58, 0x7f, 0xff, 0xff, 0xff), "broken operand of move"},
		"a BIF that is no import":  {coded(9, 0x50, 3), "the BIF called is no import"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(c.data)
			if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestTablesRefuseWhatTheyDoNotHold(t *testing.T) {
	s := plain()
	s.imports, s.exports = [][3]uint32{{9, 9, 9}}, [][3]uint32{{2, 256, 2}}
	s.chunks = []part{
		{"Meta", []byte("\x83l")},
		{"LitT", slices.Concat(be32(1<<30), []byte("zlib?"))},
	}
	m, err := Read(s.bytes())
	if err != nil {
		t.Fatal(err)
	}
	for want, read := range map[string]func() error{
		"import 0 names no function": func() error { _, err := m.Imports(); return err },
		"export 0 names no function": func() error { _, err := m.Exports(); return err },
		`chunk "Meta"`:               func() error { _, err := m.Features(); return err },
		"at most":                    func() error { _, err := m.LiteralTerms(); return err },
	} {
		if err := read(); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestLiteralTerms(t *testing.T) {
	table := slices.Concat(be32(2), be32(2), []byte{131, 106}, be32(3), []byte{131, 97, 5})
	for name, literals := range map[string][]byte{
		"compressed": slices.Concat(be32(len(table)), zipped(t, table)),
		"plain":      slices.Concat(be32(0), table),
	} {
		s := plain()
		s.chunks = []part{{"LitT", literals}}
		m, err := Read(s.bytes())
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.LiteralTerms()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]Term{List(nil), Int(5)}, got); d != "" {
			t.Error(name, d)
		}
	}
}

// Whatever a file says of its sizes, memory follows its bytes.
func TestHostileFilesTakeNoMemory(t *testing.T) {
	s := plain()
	s.chunks = []part{{"LitT", slices.Concat(be32(1<<31-1), zipped(t, make([]byte, 1<<20)))}}
	data := s.bytes()
	got := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			m, err := Read(data)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := m.LiteralTerms(); err == nil {
				b.Fatal("read")
			}
		}
	})
	if per := got.AllocedBytesPerOp(); per > 64<<10 {
		t.Errorf("%d bytes for a file of %d", per, len(data))
	}
}
