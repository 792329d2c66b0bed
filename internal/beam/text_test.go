package beam

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConsult(t *testing.T) {
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	for in, want := range map[string][]Term{
		"":                                    nil,
		"% nothing\n":                         nil,
		"a. b.\nc.":                           {Atom("a"), Atom("b"), Atom("c")},
		"'Quoted\\'s' .":                      {Atom("Quoted's")},
		"node@host.":                          {Atom("node@host")},
		"{application, x,\n [{vsn, \"1\"}]}.": {Tuple{Atom("application"), Atom("x"), List{Tuple{Atom("vsn"), String("1")}}}},
		`"a\n\x41\x{e5}\101\^A\s" "b".`:       {String("a\nAåA\x01 b")},
		"[]. {}. #{}. <<>>.":                  {List(nil), Tuple(nil), Map{}, Binary("")},
		"[1, -2 | [3]].":                      {List{Int(1), Int(-2), Int(3)}},
		"[a|b].":                              {Improper{List{Atom("a")}, Atom("b")}},
		"#{a => 1, \"b\" => [2]}.":            {Map{{Atom("a"), Int(1)}, {String("b"), List{Int(2)}}}},
		`<<"å", 1, "å"/utf8>>.`:               {Binary("\xe5\x01å")},
		"16#ff. 2#101. 1_000. $a. $\\n. $ .":  {Int(255), Int(5), Int(1000), Int('a'), Int('\n'), Int(' ')},
		"1.5. -1.5e-3. +2. 1.0E2.":            {Float(1.5), Float(-1.5e-3), Int(2), Float(100)},
		"123456789012345678901234567890.":     {Big{huge}},
		"-9223372036854775808.":               {Int(-1 << 63)},
		"fun 'M':f/1.":                        {Fun{"M", "f", 1}},
		"\ufeffa.":                            {Atom("a")},
		"%% coding: latin-1\n\"\xe5\".":       {String("å")},
		"\"\xe5\".":                           {String("å")},
		"{a,%c\nb}.%d":                        {Tuple{Atom("a"), Atom("b")}},
	} {
		got, err := Consult([]byte(in))
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if d := cmp.Diff(want, got, compareBig); d != "" {
			t.Errorf("%q: %s", in, d)
		}
	}
}

func TestConsultRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"a":                          "line 1: the text ends where a dot was expected",
		"{a,\n\nB}.":                 `line 3: 'B' begins no term`,
		"{a b}.":                     `"b" where "," was expected`,
		"\"abc":                      "quotes are not closed",
		"'abc":                       "quotes are not closed",
		`"\x{110000}".`:              "unknown escape",
		`"""` + "\na\n" + `""".`:     "triple-quoted",
		"[1,2.":                      `where "," was expected`,
		"#{a => 1, b}.":              `"}" where "=>" was expected`,
		"<<256>>.":                   "a byte or a string",
		"<<1:4>>.":                   `":" where`,
		"<<\"a\"/utf16>>.":           `"utf16" where utf8 was expected`,
		"99#1.":                      "no base",
		"2#3.":                       "no integer",
		"- a.":                       "a number",
		"{fun m:f/1,fun}.":           "where",
		"fun() .":                    "where",
		"fun m:f/a.":                 "Module:Function/Arity",
		"$":                          "no character behind $",
		"]. ":                        "a term was expected",
		strings.Repeat("[", 100_000): "nested too deep",
		strings.Repeat("9", 10_000):  "integer too large",
	} {
		_, err := Consult([]byte(in))
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %q", in, err, want)
		}
	}
}

func TestConsultOneWantsOne(t *testing.T) {
	if _, err := ConsultOne([]byte("a. b.")); !errors.Is(err, ErrFormat) {
		t.Errorf("got %v", err)
	}
	if got, err := ConsultOne([]byte("a.")); err != nil || got != Atom("a") {
		t.Errorf("got %v, %v", got, err)
	}
}
