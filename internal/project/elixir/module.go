package elixir

import "slices"

// Module is a module whose functions without arguments can be evaluated.
type Module struct {
	Name      string
	src       *stream
	functions map[string][]body
	attrs     map[string][]body
	world     World
}

// body is a range of tokens: a function's body or an attribute's value. An
// empty one is not known.
type body struct {
	from, to int // to is excluded
	at       int // where it is defined
	params   [][2]int
	guard    [2]int // of a function, empty if it has none
}

// Read parses the source text of file and finds the first module that defines
// a function of the name given; nil if there is none. The error is an *Error.
func Read(file, src, function string, world World) (*Module, error) {
	l, err := lex(file, src)
	if err != nil {
		return nil, err
	}
	s := newStream(l)
	for i, t := range s.tokens {
		if t.kind == kindIdent && t.text == "defmodule" {
			m := readModule(s, i, world)
			if m != nil && slices.ContainsFunc(m.functions[function], m.src.bare) {
				return m, nil
			}
		}
	}
	return nil, nil //nolint:nilnil // no such module is an answer, not a failure
}

// bare says whether a function needs no argument.
func (s *stream) bare(b body) bool {
	return !slices.ContainsFunc(b.params, func(p [2]int) bool { return len(s.split(p[0], p[1], s.at(`\\`))) < 2 })
}

// moduleHead reads "defmodule Name do" at the token i; do is 0 if it is none.
func moduleHead(s *stream, i int) (name string, do int) {
	for i++; s.tokens[i].kind == kindAlias || s.tokens[i].is("."); i++ {
		name += s.tokens[i].text
	}
	if s.tokens[i].is("do") {
		return name, i
	}
	return name, 0
}

func readModule(s *stream, i int, world World) *Module {
	name, do := moduleHead(s, i)
	if do == 0 {
		return nil
	}
	m := &Module{Name: name, src: s, functions: map[string][]body{}, attrs: map[string][]body{}, world: world}
	for i := do + 1; i < s.pair[do]; i++ {
		switch t, next := s.tokens[i], s.tokens[i+1]; {
		case isDef(t):
			i = m.define(i)
		case t.is("@") && next.kind == kindIdent:
			to := s.expressionEnd(i + 2)
			if to > i+2 { // else it is read here
				m.attrs[next.text] = append(m.attrs[next.text], body{from: i + 2, to: to, at: i})
			}
			i = max(to, i+2) - 1
		default:
			i = m.skip(i)
		}
	}
	return m
}

func isDef(t token) bool { return t.kind == kindIdent && (t.text == "def" || t.text == "defp") }

// skip passes over the token i, and what it opens. What a block in a module
// defines, it defines conditionally: it is not known.
func (m *Module) skip(i int) int {
	s := m.src
	if t := s.tokens[i]; t.kind == kindIdent && t.text == "defmodule" {
		if _, do := moduleHead(s, i); do > 0 {
			return s.pair[do]
		}
	}
	if !opens(s.tokens[i]) {
		return i
	}
	for j := i; j < s.pair[i]; j++ {
		t, next := s.tokens[j], s.tokens[j+1]
		switch {
		case t.is("@") && next.kind == kindIdent:
			m.attrs[next.text] = append(m.attrs[next.text], body{at: j})
		case isDef(t) && next.kind == kindIdent:
			m.functions[next.text] = append(m.functions[next.text], body{at: j})
		}
	}
	return s.pair[i]
}

// define notes the function whose "def" is the token i, and returns its last token.
func (m *Module) define(def int) int {
	s := m.src
	name := s.tokens[def+1]
	if name.kind != kindIdent {
		return def
	}
	b := body{at: def}
	i := def + 2
	if s.tokens[i].is("(") {
		b.params = s.arguments(i+1, s.pair[i])
		i = s.pair[i] + 1
	}
	to := s.expressionEnd(i)
	if s.tokens[i].is("when") {
		b.guard = [2]int{i + 1, s.guardEnd(i+1, to)}
		i = b.guard[1]
	}
	key := i
	if s.tokens[i].is(",") {
		key = s.skipNewlines(i + 1)
	}
	switch k := s.tokens[key]; {
	case s.tokens[i].is("do"):
		b.from, b.to = i+1, s.blockEnd(i)
	case key > i && k.kind == kindKey && k.text == "do":
		b.from, b.to = key+1, to
	default:
		return max(to, i) - 1 // a head alone, which says what the defaults are
	}
	m.functions[name.text] = append(m.functions[name.text], b)
	return max(to, i) - 1
}

// guardEnd is where the guard at i ends.
func (s *stream) guardEnd(i, to int) int {
	for i < to && !s.tokens[i].is("do") && !s.tokens[i].is(",") {
		if opens(s.tokens[i]) {
			i = s.pair[i]
		}
		i++
	}
	return i
}
