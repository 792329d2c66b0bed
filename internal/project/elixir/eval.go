package elixir

import (
	"maps"
	"slices"
	"strings"
)

// World is what code may ask of its surroundings. What is nil answers nothing.
type World struct {
	// ReadFile reads a file, by a path relative to that of the code.
	ReadFile func(name string) (string, error)
	// Exists says whether there is a file or directory of that name.
	Exists func(name string) bool
	// MixEnv is Mix.env(), "" where it is not known.
	MixEnv string
	// Getenv is a variable of the environment; known is false where it is not known
	// whether it is set.
	Getenv func(name string) (value string, set, known bool)
}

// Call is what the function named, which has no arguments, returns.
func (m *Module) Call(function string) Value {
	e := &evaluator{Module: m, memo: map[string]Value{}, active: map[string]bool{}}
	return e.call(function, nil)
}

type evaluator struct {
	*Module
	memo   map[string]Value
	active map[string]bool // calls without arguments under way, so that recursion ends
	steps  int
	depth  int
}

// scope holds the variables of a function and where it stands in the file,
// which decides an attribute's value.
type scope struct {
	vars map[string]Value
	at   int
}

// inner is a scope in which more can be bound.
func (sc scope) inner() scope {
	vars := make(map[string]Value, len(sc.vars)+2)
	maps.Copy(vars, sc.vars)
	return scope{vars: vars, at: sc.at}
}

// spent counts a step, and says whether there were too many.
func (e *evaluator) spent() bool {
	e.steps++
	return e.steps > maxSteps || e.depth > maxDepth
}

// call is a call of one of the module's own functions.
func (e *evaluator) call(function string, args []Value) Value {
	if len(args) == 0 {
		if v, ok := e.memo[function]; ok {
			return v
		}
		if e.active[function] {
			return Value{}
		}
		e.active[function] = true
		defer delete(e.active, function)
	}
	v := e.clauses(e.functions[function], args)
	if len(args) == 0 {
		e.memo[function] = v
	}
	return v
}

// clauses tries a function's clauses in order, as far as it is known which match.
func (e *evaluator) clauses(all []body, args []Value) Value {
	for _, b := range all {
		if b.from == b.to && b.params == nil { // defined in a condition
			return Value{}
		}
		sc := scope{vars: map[string]Value{}, at: b.at}
		fits := e.parameters(b.params, args, sc)
		if fits == yes && b.guard != [2]int{} {
			fits = truth(e.expr(b.guard[0], b.guard[1], sc))
		}
		switch fits {
		case yes:
			if e.depth++; e.spent() {
				e.depth--
				return Value{}
			}
			v := e.block(b.from, b.to, sc)
			e.depth--
			return v
		case maybe:
			return Value{}
		case no:
		}
	}
	return Value{} // Mix would fail
}

// parameters binds arguments; those that have a default may be left out.
func (e *evaluator) parameters(params [][2]int, args []Value, sc scope) answer {
	s, spare := e.src, len(params)-len(args)
	if spare < 0 {
		return no
	}
	fits := yes
	for _, p := range params {
		sides := s.split(p[0], p[1], s.at(`\\`))
		var v Value
		switch {
		case len(sides) == 2 && spare > 0:
			spare--
			v = e.expr(sides[1][0], sides[1][1], scope{at: sc.at})
		case len(args) == 0:
			return no
		default:
			v, args = args[0], args[1:]
		}
		fits = min(fits, e.match(sides[0], v, sc))
	}
	if len(args) > 0 {
		return no
	}
	return fits
}

// block evaluates assignments, then the last expression.
func (e *evaluator) block(from, to int, sc scope) Value {
	lines := e.lines(from, to)
	if len(lines) == 0 {
		return Value{Type: Atom, Text: "nil"}
	}
	for _, r := range lines[:len(lines)-1] {
		e.assign(r, sc)
	}
	last := lines[len(lines)-1]
	return e.expr(last[0], last[1], sc)
}

// lines are the expressions of a block.
func (e *evaluator) lines(from, to int) [][2]int {
	s := e.src
	lines := s.split(from, to, func(i int) bool { return s.tokens[i].kind == kindNewline && !s.continues(i) })
	return slices.DeleteFunc(lines, func(r [2]int) bool { return r[0] == r[1] })
}

// assign binds what the pattern of "pattern = expression" binds.
func (e *evaluator) assign(r [2]int, sc scope) {
	s := e.src
	sides := s.split(r[0], r[1], s.at("="))
	if len(sides) < 2 {
		return
	}
	if len(sides) == 2 && e.match(sides[0], e.expr(sides[1][0], sides[1][1], sc), sc) == yes {
		return
	}
	for _, t := range s.tokens[r[0]:sides[len(sides)-1][0]] {
		if t.kind == kindIdent {
			sc.vars[t.text] = Value{}
		}
	}
}

// operand evaluates a range without operators; piped, if given, is the first
// argument of the call that it must be.
func (e *evaluator) operand(from, to int, sc scope, piped ...Value) Value {
	if from >= to {
		return Value{}
	}
	t := e.src.tokens[from]
	switch {
	case t.kind == kindIdent || t.kind == kindAlias:
		return e.named(from, to, sc, piped)
	case len(piped) > 0:
		return Value{}
	case opens(t) && e.src.pair[from] == to-1:
		return e.bracketed(t.text, from+1, to-1, sc)
	case t.is("%") && to-from > 2 && e.src.tokens[from+1].is("{") && e.src.pair[from+1] == to-1:
		return Value{Type: Map, Items: e.items(from+2, to-1, sc)}
	case t.is("&") && to-from == 2:
		return sc.vars["&"+e.src.tokens[from+1].text]
	case t.is("@") && to-from > 2 && e.src.tokens[from+2].is("["):
		return e.access(from, from+2, to, sc, nil)
	case t.is("@") && to-from == 2:
		return e.attribute(e.src.tokens[from+1].text, sc)
	case to-from == 1 && t.dynamic:
		return e.interpolated(t, sc)
	case to-from == 1:
		return literal(t)
	}
	return Value{}
}

// attribute is the value that @name has where the function stands.
func (e *evaluator) attribute(name string, sc scope) Value {
	for _, b := range slices.Backward(e.attrs[name]) {
		if b.at < sc.at && b.from == b.to {
			return Value{} // set in a condition
		}
		if b.at < sc.at {
			return e.block(b.from, b.to, scope{vars: map[string]Value{}, at: b.at})
		}
	}
	return Value{}
}

func (e *evaluator) bracketed(open string, from, to int, sc scope) Value {
	switch open {
	case "[":
		return Value{Type: List, Items: e.items(from, to, sc)}
	case "{":
		return Value{Type: Tuple, Items: folded(e.items(from, to, sc))}
	case "(":
		return e.expr(from, to, sc)
	}
	return Value{}
}

// items evaluates the elements between brackets.
func (e *evaluator) items(from, to int, sc scope) []Item {
	s := e.src
	var items []Item
	for _, r := range s.split(from, to, s.at(",")) {
		switch t := s.tokens[r[0]]; {
		case r[0] == r[1] || len(items) >= maxElements: // a trailing comma
		case len(s.split(r[0], r[1], s.at("|"))) == 2 && t.kind != kindKey:
			items = append(items, e.cons(s.split(r[0], r[1], s.at("|")), sc)...)
		case t.kind == kindKey && !t.dynamic:
			items = append(items, Item{Key: t.text, Keyed: true, Value: e.expr(r[0]+1, r[1], sc)})
		default:
			items = append(items, e.arrow(r, sc))
		}
	}
	if len(items) >= maxElements {
		items = append(items, Item{})
	}
	return items
}

// cons is "element | list".
func (e *evaluator) cons(sides [][2]int, sc scope) []Item {
	head, tail := e.expr(sides[0][0], sides[0][1], sc), e.expr(sides[1][0], sides[1][1], sc)
	if tail.Type != List || len(tail.Items) > maxElements {
		return []Item{{}}
	}
	return append([]Item{{Value: head}}, tail.Items...)
}

// arrow is an element that has no key, or a map's "key => value".
func (e *evaluator) arrow(r [2]int, sc scope) Item {
	s := e.src
	if sides := s.split(r[0], r[1], s.at("=>")); len(sides) == 2 {
		if key := e.expr(sides[0][0], sides[0][1], sc); key.Type == Atom {
			return Item{Key: key.Text, Keyed: true, Value: e.expr(sides[1][0], sides[1][1], sc)}
		}
		return Item{}
	}
	return Item{Value: e.expr(r[0], r[1], sc)}
}

// folded gathers the trailing keys of a tuple or call in one list, its last
// element.
func folded(items []Item) []Item {
	i := slices.IndexFunc(items, func(it Item) bool { return it.Keyed })
	if i < 0 {
		return items
	}
	keys := Value{Type: List, Items: slices.Clone(items[i:])}
	return append(items[:i:i], Item{Value: keys})
}

// named is a variable, an alias, or a call.
func (e *evaluator) named(from, to int, sc scope, piped []Value) Value {
	s := e.src
	head, i := "", from
	for i < to && (s.tokens[i].kind == kindIdent || s.tokens[i].kind == kindAlias || s.tokens[i].is(".")) {
		head += s.tokens[i].text
		i++
		if s.callEnd(i-1, to) > i-1 {
			break
		}
	}
	last := s.tokens[i-1]
	head = strings.TrimPrefix(head, "__MODULE__.")
	switch {
	case i == to && last.kind == kindAlias && len(piped) == 0:
		return Value{Type: Alias, Text: head}
	case i == to && last.kind == kindIdent:
		if v, ok := sc.vars[head]; ok && len(piped) == 0 {
			return v
		}
		return e.invoke(head, nil, piped, sc)
	case last.kind != kindIdent || i == to:
		return Value{}
	case s.tokens[i].is("(") && s.tokens[i].start == last.end && s.pair[i] == to-1:
		return e.invoke(head, s.arguments(i+1, to-1), piped, sc)
	case s.tokens[i].is("[") && s.tokens[i].start == last.end:
		return e.access(from, i, to, sc, piped)
	case s.callEnd(i-1, to) == to:
		return e.invoke(head, s.arguments(i, to), piped, sc)
	}
	return Value{}
}

// access is name[:key].
func (e *evaluator) access(from, open, to int, sc scope, piped []Value) Value {
	s := e.src
	if s.pair[open] != to-1 || len(piped) > 0 {
		return Value{}
	}
	key := e.expr(open+1, to-1, sc)
	if key.Type != Atom {
		return Value{}
	}
	return got(e.expr(from, open, sc), key.Text, Value{Type: Atom, Text: "nil"})
}

// arguments are the ranges between the commas of a call, those of a do block and
// its else behind them.
func (s *stream) arguments(from, to int) [][2]int {
	parts := s.split(from, to, s.at(","))
	return slices.DeleteFunc(parts, func(r [2]int) bool { return r[0] == r[1] })
}
