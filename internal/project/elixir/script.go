package elixir

import "slices"

// Statement is one expression of a script, as far as it is a call.
type Statement struct {
	Name string // of the function or macro called, "" for any other expression
	Args []Argument
	// Body is what stands in its do block, where it has one.
	Body    []Statement
	HasBody bool
	// BodyStart is the byte offset behind its "do".
	BodyStart  int
	Start, End int // byte offsets; a do block's end included
}

// Argument is one argument of a call, or one pair of the keywords at its end.
type Argument struct {
	Key   string
	Keyed bool
	Value Value
	// Call and CallArg name the function that the value is a call of, and its
	// only argument, where that is a literal: current_version(:app).
	Call       string
	CallArg    Value
	Start, End int // byte offsets of the value
}

// Keyword is the value that the statement's keywords have for key: the last
// one, where a key stands twice.
func (s Statement) Keyword(key string) (Argument, bool) {
	for _, a := range slices.Backward(s.Args) {
		if a.Keyed && a.Key == key {
			return a, true
		}
	}
	return Argument{}, false
}

// ReadScript parses the source text of a script, such as a configuration, into
// its top-level expressions. The error is an *Error.
func ReadScript(file, src string) ([]Statement, error) {
	l, err := lex(file, src)
	if err != nil {
		return nil, err
	}
	e := newEvaluator(l)
	return e.statements(0, e.src.end), nil
}

// newEvaluator evaluates what stands in no module.
func newEvaluator(l *lexer) *evaluator {
	return &evaluator{
		Module: &Module{src: newStream(l), functions: map[string][]body{}, attrs: map[string][]body{}},
		memo:   map[string]Value{}, active: map[string]bool{},
	}
}

func (e *evaluator) statements(from, to int) []Statement {
	s := e.src
	var out []Statement
	for _, r := range s.split(from, to, func(i int) bool { return s.tokens[i].kind == kindNewline && !s.continues(i) }) {
		if r[0] < r[1] {
			out = append(out, e.statement(r[0], r[1]))
		}
	}
	return out
}

// statement reads "name args", "name(args)", each perhaps with a do block.
func (e *evaluator) statement(from, to int) Statement {
	s := e.src
	st := Statement{Start: s.tokens[from].start, End: s.tokens[to-1].end}
	name := s.tokens[from]
	if name.kind != kindIdent {
		return st
	}
	args := to
	for i := from + 1; i < to; i++ {
		if s.tokens[i].is("do") {
			if s.pair[i] != to-1 {
				return st // more follows the block: no plain call
			}
			args = i
			st.HasBody, st.BodyStart = true, s.tokens[i].end
			st.Body = e.statements(i+1, s.blockEnd(i))
			break
		}
		if opens(s.tokens[i]) {
			i = s.pair[i]
		}
	}
	first := from + 1
	if first < args && s.tokens[first].is("(") && s.tokens[first].start == name.end {
		if s.pair[first] != args-1 {
			return Statement{Start: st.Start, End: st.End}
		}
		first, args = first+1, args-1
	} else if first < args && binary(s.tokens[first]) && !prefix(s.tokens[first]) {
		return Statement{Start: st.Start, End: st.End} // "a = b", "a |> b"
	}
	st.Name = name.text
	st.Args = e.arguments(first, args)
	return st
}

// prefix says whether t can start an operand.
func prefix(t token) bool { return t.is("@") || t.is("&") || t.is("-") || t.is("%") || t.is("!") }

func (e *evaluator) arguments(from, to int) []Argument {
	s := e.src
	var out []Argument
	for _, r := range s.split(from, to, s.at(",")) {
		if r[0] == r[1] {
			continue
		}
		t := s.tokens[r[0]]
		switch {
		case t.kind == kindKey && !t.dynamic && r[0]+1 < r[1]:
			at := s.skipNewlines(r[0] + 1)
			out = append(out, e.argument(at, r[1], t.text, true))
		case t.is("[") && s.pair[r[0]] == r[1]-1 && s.tokens[s.skipNewlines(r[0]+1)].kind == kindKey:
			out = append(out, e.arguments(r[0]+1, r[1]-1)...) // set [a: b]
		default:
			out = append(out, e.argument(r[0], r[1], "", false))
		}
	}
	return out
}

func (e *evaluator) argument(from, to int, key string, keyed bool) Argument {
	s := e.src
	a := Argument{
		Key: key, Keyed: keyed, Value: e.expr(from, to, scope{}),
		Start: s.tokens[from].start, End: s.tokens[to-1].end,
	}
	if s.tokens[from].kind != kindIdent {
		return a
	}
	if first := from + 1; first < to {
		last := to
		if s.tokens[first].is("(") && s.pair[first] == to-1 {
			first, last = first+1, to-1
		}
		if v := e.expr(first, last, scope{}); v.Type != Unknown {
			a.Call, a.CallArg = s.tokens[from].text, v
		}
	}
	return a
}

// ReadTerm evaluates a file that is one literal, such as mix.lock: Unknown
// where it is none. The error is an *Error.
func ReadTerm(file, src string) (Value, error) {
	l, err := lex(file, src)
	if err != nil {
		return Value{}, err
	}
	e := newEvaluator(l)
	return e.expr(0, e.src.end, scope{}), nil
}
