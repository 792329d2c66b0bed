package beam

import (
	"bytes"
	"errors"
	"testing"
)

func FuzzRead(f *testing.F) {
	full := plain()
	full.chunks = []part{{"Meta", features("maybe_expr")}, {"CInf", []byte("\x83j")}, {"Dbgi", []byte("\x83j")}}
	plainLiteral(&full)
	f.Add(full.bytes())
	full.atomTable = AtomsLong
	f.Add(full.bytes())
	f.Add(gzipped(f, plain().bytes()))
	f.Add(bifSource("m", Func{"erlang", "min", 2}).bytes())
	f.Add([]byte("FOR1\x00\x00\x00\x04BEAM"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		m, err := Read(data)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if m.Name != m.Atoms[0] {
			t.Fatalf("module %q, first atom %q", m.Name, m.Atoms[0])
		}
		for _, g := range Generations() {
			if a := m.RunsOn(g.OTP); a.Loads && (!a.Known || a.Reason != NoReason) || !a.Loads && a.Detail == "" {
				t.Fatalf("on OTP %d: %+v", g.OTP, a)
			}
		}
		for _, read := range []func() error{
			func() error { _, err := m.Imports(); return err },
			func() error { _, err := m.Exports(); return err },
			func() error { _, err := m.BIFCalls(); return err },
			func() error { _, err := m.Attributes(); return err },
			func() error { _, err := m.CompileInfo(); return err },
			func() error { _, err := m.Features(); return err },
			func() error { _, err := m.LiteralTerms(); return err },
			func() error { m.HasDebugInfo(); return nil },
			func() error { _, err := m.Functions(); return err },
		} {
			if err := read(); err != nil && !errors.Is(err, ErrFormat) {
				t.Fatalf("an error of another kind: %v", err)
			}
		}
	})
}

func FuzzDecodeTerm(f *testing.F) {
	f.Add([]byte("\x83h\x02w\x01al\x00\x00\x00\x01a\x07j"))
	f.Add([]byte("\x83t\x00\x00\x00\x01w\x01aF\x3f\xf8\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x83P\x00\x00\x00\x01x\x9c\xcb\x02\x00\x00k\x00k"))
	f.Add([]byte("\x83Z\x00\x01w\x01n\x00\x00\x00\x01\x00\x00\x00\x02"))
	f.Fuzz(func(t *testing.T, data []byte) {
		term, err := DecodeTerm(data)
		if err != nil && !errors.Is(err, ErrFormat) {
			t.Fatalf("an error of another kind: %v", err)
		}
		if (err == nil) != (term != nil) {
			t.Fatalf("term %v, error %v", term, err)
		}
	})
}

func FuzzConsult(f *testing.F) {
	f.Add([]byte("{application, x, [{vsn, \"1\"}, {env, [{k, <<\"v\">>}]}]}."))
	f.Add([]byte("%% coding: latin-1\n[16#ff, $\\x{41}, -1.5e-3 | 'q\\n']. #{a => fun m:f/1}."))
	f.Add([]byte("<<\"a\"/utf8, 1>>. \"a\" \"b\" ."))
	f.Fuzz(func(t *testing.T, data []byte) {
		terms, err := Consult(data)
		if err != nil && (!errors.Is(err, ErrFormat) || terms != nil) {
			t.Fatalf("%d terms and the error %v", len(terms), err)
		}
		if len(terms) > bytes.Count(data, []byte(".")) {
			t.Fatalf("%d terms of text with fewer dots: %q", len(terms), data)
		}
	})
}
