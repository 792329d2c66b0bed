package beam

import (
	"bytes"
	"compress/zlib"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func zipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var compareBig = cmp.Comparer(func(a, b Big) bool { return a.Cmp(b.Int) == 0 })

func TestDecodeTerm(t *testing.T) {
	large := new(big.Int).Lsh(big.NewInt(1), 64)
	tuple := []byte("h\x02w\x01aa\x01")
	for name, c := range map[string]struct {
		in   string
		want Term
	}{
		"small integer":    {"a\xff", Int(255)},
		"integer":          {"b\xff\xff\xff\xfe", Int(-2)},
		"small big":        {"n\x08\x01\x00\x00\x00\x00\x00\x00\x00\x80", Int(-1 << 63)},
		"big":              {"n\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01", Big{large}},
		"float":            {"F\x3f\xf8\x00\x00\x00\x00\x00\x00", Float(1.5)},
		"old float":        {"c1.50000000000000000000e+00\x00\x00\x00\x00\x00", Float(1.5)},
		"atom":             {"d\x00\x01\xe5", Atom("å")},
		"small UTF-8 atom": {"w\x02å", Atom("å")},
		"string":           {"k\x00\x02h\xe5", String("hå")},
		"binary":           {"m\x00\x00\x00\x01\xff", Binary("\xff")},
		"bitstring":        {"M\x00\x00\x00\x01\x03\x80", Opaque("bitstring")},
		"nil":              {"j", List(nil)},
		"list":             {"l\x00\x00\x00\x02a\x01a\x02j", List{Int(1), Int(2)}},
		"improper list":    {"l\x00\x00\x00\x01a\x01a\x02", Improper{List{Int(1)}, Int(2)}},
		"tuple":            {string(tuple), Tuple{Atom("a"), Int(1)}},
		"map":              {"t\x00\x00\x00\x01w\x01aa\x01", Map{{Atom("a"), Int(1)}}},
		"exported fun":     {"qw\x01mw\x01fa\x02", Fun{"m", "f", 2}},
		"pid":              {"Xw\x01n\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03", Opaque("pid")},
		"reference":        {"Z\x00\x01w\x01n\x00\x00\x00\x01\x00\x00\x00\x02", Opaque("reference")},
		"port":             {"xw\x01n\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x02", Opaque("port")},
		"compressed":       {"P\x00\x00\x00\x07" + string(zipped(t, tuple)), Tuple{Atom("a"), Int(1)}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := DecodeTerm([]byte("\x83" + c.in))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got, compareBig); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestDecodeTermRefuses(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"nothing":             {"", "does not start with its version"},
		"another version":     {"\x82j", "does not start with its version"},
		"an unknown tag":      {"\x83\x01", "tag 1 is no term"},
		"truncated":           {"\x83a", "truncated"},
		"billions in a list":  {"\x83l\xff\xff\xff\xffj", "more elements than bytes"},
		"billions in a map":   {"\x83t\xff\xff\xff\xffj", "more elements than bytes"},
		"a binary of 4 GB":    {"\x83m\xff\xff\xff\xffx", "truncated"},
		"a bit string of 4GB": {"\x83M\xff\xff\xff\xffx", "truncated"},
		"a giant integer":     {"\x83o\x00\x10\x00\x00\x00" + strings.Repeat("x", 1<<20), "integer too large"},
		"deep":                {"\x83" + strings.Repeat("h\x01", 100000), "nested too deep"},
		"a bomb":              {"\x83P\x7f\xff\xff\xff" + string(zipped(t, make([]byte, 1<<16))), "at most"},
		"false size":          {"\x83P\x00\x00\x00\x09" + string(zipped(t, []byte("j"))), "and has others"},
		"a fun of no size":    {"\x83p\x00\x00\x00\x01", "fun of no size"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeTerm([]byte(c.in))
			if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestDecodeTermBoundsTheTerms(t *testing.T) {
	in := slices.Concat([]byte("\x83l"), be32(maxTerms), bytes.Repeat([]byte("j"), maxTerms+1))
	if _, err := DecodeTerm(in); !errors.Is(err, ErrFormat) {
		t.Errorf("got %v", err)
	}
}

func TestTextAndProperties(t *testing.T) {
	list := List{Atom("on"), Tuple{Atom("vsn"), String("1.0")}, Tuple{Atom("vsn"), String("2.0")}}
	if v, ok := Property(list, "vsn"); !ok || v != String("1.0") {
		t.Errorf("vsn is %v", v)
	}
	if v, ok := Property(list, "on"); !ok || v != Atom("true") {
		t.Errorf("on is %v", v)
	}
	if v, ok := Property(nil, "on"); ok {
		t.Errorf("on is %v in nothing", v)
	}
	for want, term := range map[string]Term{
		"hå": List{Int('h'), Int('å')}, "s": String("s"), "b": Binary("b"), "": List(nil),
	} {
		if got, ok := Text(term); !ok || got != want {
			t.Errorf("text of %v is %q", term, got)
		}
	}
	for _, term := range []Term{Atom("a"), Binary("\xff"), List{Int(-1)}, List{Atom("a")}, nil} {
		if got, ok := Text(term); ok {
			t.Errorf("text of %v is %q", term, got)
		}
	}
}
