package elixir

// Module is a module whose functions without arguments can be evaluated.
type Module struct {
	Name      string
	src       *stream
	functions map[string][]body
	attrs     map[string][]body
	readFile  func(name string) (string, error)
}

// body is a range of tokens: a function's body or an attribute's value. An
// empty one is not known.
type body struct {
	from, to int // to is excluded
	at       int // where it is defined
}

// Read parses the source text of file and finds the first module that defines
// a function of the name given; nil if there is none. readFile answers
// File.read! with a path relative to the file's directory. The error is an
// *Error.
func Read(file, src, function string, readFile func(string) (string, error)) (*Module, error) {
	l, err := lex(file, src)
	if err != nil {
		return nil, err
	}
	s := newStream(l.tokens)
	for i, t := range s.tokens {
		if t.kind == kindIdent && t.text == "defmodule" {
			m := readModule(s, i, readFile)
			if m != nil && len(m.functions[function]) > 0 {
				return m, nil
			}
		}
	}
	return nil, nil //nolint:nilnil // no such module is an answer, not a failure
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

func readModule(s *stream, i int, readFile func(string) (string, error)) *Module {
	name, do := moduleHead(s, i)
	if do == 0 {
		return nil
	}
	m := &Module{Name: name, src: s, functions: map[string][]body{}, attrs: map[string][]body{}, readFile: readFile}
	for i := do + 1; i < s.pair[do]; i++ {
		switch t, next := s.tokens[i], s.tokens[i+1]; {
		case isDef(t):
			i = m.define(i)
		case t.is("@") && next.kind == kindIdent:
			to := s.expressionEnd(i + 2)
			if to > i+2 { // else it is read here
				m.attrs[next.text] = append(m.attrs[next.text], body{i + 2, to, i})
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

// define notes the function whose "def" is the token i, unless it has
// arguments or a guard, and returns its last token.
func (m *Module) define(def int) int {
	s := m.src
	name := s.tokens[def+1]
	if name.kind != kindIdent {
		return def
	}
	i, plain := def+2, true
	if s.tokens[i].is("(") {
		plain = s.skipNewlines(i+1) == s.pair[i]
		i = s.pair[i] + 1
	}
	to := s.expressionEnd(i)
	key := i
	if s.tokens[i].is(",") {
		key = s.skipNewlines(i + 1)
	}
	b := body{at: def}
	switch k := s.tokens[key]; {
	case s.tokens[i].is("do"):
		b.from, b.to = i+1, s.blockEnd(i)
	case key > i && k.kind == kindKey && k.text == "do":
		b.from, b.to = key+1, to
	default:
		plain = false // a guard, or a head alone
	}
	if plain {
		m.functions[name.text] = append(m.functions[name.text], b)
	}
	return max(to, i) - 1
}
