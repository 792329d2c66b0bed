package beam

import (
	"math/big"
	"strings"
	"unicode/utf8"
)

// Term is an Erlang term: Atom, Int, Big, Float, String, Binary, List,
// Improper, Tuple, Map, Fun or Opaque.
type Term interface{ term() }

// The kinds of terms.
type (
	Atom   string
	Int    int64
	Float  float64
	String string // a list of characters that was written as a string; UTF-8 here
	Binary string // the bytes
	List   []Term
	Tuple  []Term
	Map    []Pair // in the order that was written
	Fun    Func   // fun M:F/A
	Opaque string // what has no value outside its node: "pid", "reference", "port", "fun", "bitstring"
)

// Big is an integer that does not fit 64 bits.
type Big struct{ *big.Int }

// Improper is a list with a tail that is no list.
type Improper struct {
	Items List
	Tail  Term
}

// Pair is an entry of a map.
type Pair struct{ Key, Value Term }

func (Atom) term()     {}
func (Int) term()      {}
func (Big) term()      {}
func (Float) term()    {}
func (String) term()   {}
func (Binary) term()   {}
func (List) term()     {}
func (Tuple) term()    {}
func (Map) term()      {}
func (Fun) term()      {}
func (Opaque) term()   {}
func (Improper) term() {}

// Text is the text that t is: a string, a binary of UTF-8, or a list of
// characters.
func Text(t Term) (string, bool) {
	switch t := t.(type) {
	case String:
		return string(t), true
	case Binary:
		return string(t), utf8.ValidString(string(t))
	case List:
		var b strings.Builder
		for _, e := range t {
			c, ok := e.(Int)
			if !ok || c < 0 || c > utf8.MaxRune || !utf8.ValidRune(rune(c)) {
				return "", false
			}
			b.WriteRune(rune(c))
		}
		return b.String(), true
	}
	return "", false
}

// AsTuple gives t's elements if it is a tuple of the given size whose first
// element is the atom tag: {application, Name, Properties}.
func AsTuple(t Term, tag string, size int) (Tuple, bool) {
	tuple, ok := t.(Tuple)
	if !ok || len(tuple) != size || size == 0 || tuple[0] != Atom(tag) {
		return nil, false
	}
	return tuple, true
}

// Property gives the value of key in a list of {Key, Value} and of atoms, which
// stand for {Key, true}, as proplists:get_value does.
func Property(t Term, key string) (Term, bool) {
	list, ok := t.(List)
	if !ok {
		return nil, false
	}
	for _, e := range list {
		if a, ok := e.(Atom); ok && string(a) == key {
			return Atom("true"), true
		}
		if pair, ok := AsTuple(e, key, 2); ok {
			return pair[1], true
		}
	}
	return nil, false
}

// Get is the value of an atom in a map, nil if it has none.
func (m Map) Get(key string) Term {
	for _, e := range m {
		if e.Key == Atom(key) {
			return e.Value
		}
	}
	return nil
}
