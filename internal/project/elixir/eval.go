package elixir

import (
	"path"
	"slices"
	"strings"
	"unicode"
)

// Call is what the function named, which has no arguments, returns.
func (m *Module) Call(function string) Value {
	e := &evaluator{Module: m, memo: map[string]Value{}, active: map[string]bool{}}
	return e.call(function)
}

type evaluator struct {
	*Module
	memo   map[string]Value
	active map[string]bool // calls under way, so that recursion ends
	steps  int
	depth  int
}

// scope holds the variables of a function and where it stands in the file,
// which decides an attribute's value.
type scope struct {
	vars map[string]Value
	at   int
}

func (e *evaluator) call(function string) Value {
	if v, ok := e.memo[function]; ok {
		return v
	}
	clauses := e.functions[function]
	if len(clauses) != 1 || e.active[function] {
		return Value{}
	}
	e.active[function] = true
	v := e.block(clauses[0])
	delete(e.active, function)
	e.memo[function] = v
	return v
}

// block evaluates a function's body: assignments, then the last expression.
func (e *evaluator) block(b body) Value {
	sc := scope{vars: map[string]Value{}, at: b.at}
	s := e.src
	lines := s.split(b.from, b.to, func(i int) bool { return s.tokens[i].kind == kindNewline && !s.continues(i) })
	lines = slices.DeleteFunc(lines, func(r [2]int) bool { return r[0] == r[1] })
	if len(lines) == 0 {
		return Value{}
	}
	for _, r := range lines[:len(lines)-1] {
		e.assign(r, sc)
	}
	last := lines[len(lines)-1]
	return e.expr(last[0], last[1], sc)
}

// assign notes "name = expression"; the names of any other pattern are unknown.
func (e *evaluator) assign(r [2]int, sc scope) {
	s := e.src
	sides := s.split(r[0], r[1], s.at("="))
	if len(sides) < 2 {
		return
	}
	left, right := sides[0], sides[1]
	if len(sides) == 2 && left[1]-left[0] == 1 && s.tokens[left[0]].kind == kindIdent {
		sc.vars[s.tokens[left[0]].text] = e.expr(right[0], right[1], sc)
		return
	}
	for _, t := range s.tokens[r[0]:sides[len(sides)-1][0]] {
		if t.kind == kindIdent {
			sc.vars[t.text] = Value{}
		}
	}
}

// expr evaluates the expression in a range: operands joined by ++ or <>, piped
// through calls.
func (e *evaluator) expr(from, to int, sc scope) Value {
	s := e.src
	from, to = s.trim(from, to)
	e.steps++
	if from >= to || e.steps > maxSteps || e.depth > maxDepth {
		return Value{}
	}
	e.depth++
	defer func() { e.depth-- }()
	stages := s.split(from, to, s.at("|>"))
	v := e.sum(stages[0], sc)
	for _, r := range stages[1:] {
		v = e.operand(r[0], r[1], sc, v)
	}
	return v
}

// sum evaluates operands joined by ++ (lists) or <> (strings).
func (e *evaluator) sum(r [2]int, sc scope) Value {
	s := e.src
	if parts := s.split(r[0], r[1], s.at("<>")); len(parts) > 1 {
		var all strings.Builder
		for _, p := range parts {
			v := e.operand(p[0], p[1], sc)
			if v.Type != String || all.Len()+len(v.Text) > MaxFile {
				return Value{}
			}
			all.WriteString(v.Text)
		}
		return Value{Type: String, Text: all.String()}
	}
	parts := s.split(r[0], r[1], s.at("++"))
	if len(parts) == 1 {
		return e.operand(r[0], r[1], sc)
	}
	all := Value{Type: List}
	for _, p := range parts {
		v := e.operand(p[0], p[1], sc)
		if len(all.Items)+len(v.Items) > maxElements {
			return Value{}
		}
		if v.Type == List {
			all.Items = append(all.Items, v.Items...)
		} else {
			all.Items = append(all.Items, Item{}) // any number of elements
		}
	}
	return all
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
	case t.is("@") && to-from == 2:
		return e.attribute(e.src.tokens[from+1].text, sc)
	case to-from == 1:
		return literal(t)
	}
	return Value{}
}

func literal(t token) Value {
	switch {
	case t.dynamic:
		return Value{}
	case t.kind == kindString:
		return Value{Type: String, Text: t.text}
	case t.kind == kindCharlist:
		return Value{Type: Charlist, Text: t.text}
	case t.kind == kindAtom, t.is("true"), t.is("false"), t.is("nil"):
		return Value{Type: Atom, Text: t.text}
	case t.kind == kindInt:
		return Value{Type: Int, Text: t.text}
	case t.kind == kindWords:
		return words(t)
	}
	return Value{}
}

// words is a ~w sigil: strings, with the modifier "a" atoms.
func words(t token) Value {
	v, typ := Value{Type: List}, String
	switch t.flags {
	case "a":
		typ = Atom
	case "c":
		typ = Unknown
	}
	for w := range strings.FieldsSeq(t.text) {
		if len(v.Items) >= maxElements {
			return Value{}
		}
		v.Items = append(v.Items, Item{Value: Value{Type: typ, Text: w}})
	}
	return v
}

// attribute is the value that @name has where the function stands.
func (e *evaluator) attribute(name string, sc scope) Value {
	for _, b := range slices.Backward(e.attrs[name]) {
		if b.at < sc.at {
			return e.expr(b.from, b.to, scope{at: b.at})
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

// named is a variable, an alias, or a call of a function known here.
func (e *evaluator) named(from, to int, sc scope, args []Value) Value {
	s := e.src
	head, i := "", from
	for i < to && (s.tokens[i].kind == kindIdent || s.tokens[i].kind == kindAlias || s.tokens[i].is(".")) {
		head += s.tokens[i].text
		i++
	}
	last := s.tokens[i-1]
	if i == to && i-from == 1 && last.kind == kindIdent && len(args) == 0 {
		if v, ok := sc.vars[head]; ok {
			return v
		}
		if head == "__DIR__" {
			return Value{Type: String, Text: "."}
		}
		return e.call(head)
	}
	switch {
	case i == to && last.kind == kindAlias && len(args) == 0:
		return Value{Type: Alias, Text: head}
	case i == to && last.kind == kindIdent: // x |> String.trim
	case i < to && s.tokens[i].is("(") && s.pair[i] == to-1:
		for _, it := range folded(e.items(i+1, to-1, sc)) {
			args = append(args, it.Value)
		}
	default:
		return Value{}
	}
	if len(args) == 0 && i-from == 1 {
		return e.call(head)
	}
	return e.apply(head, args)
}

// apply is a call of one of the few library functions that mix.exs files use
// to say something constant.
func (e *evaluator) apply(function string, args []Value) Value {
	texts := make([]string, len(args))
	for i, a := range args {
		if a.Type != String {
			return Value{}
		}
		texts[i] = a.Text
	}
	var text string
	var err error
	switch {
	case function == "File.read!" && len(texts) == 1:
		text, err = e.readFile(texts[0])
	case function == "String.trim" && len(texts) == 1:
		text = strings.TrimSpace(texts[0])
	case function == "String.trim_trailing" && len(texts) == 1:
		text = strings.TrimRightFunc(texts[0], unicode.IsSpace)
	case function == "Path.join" && len(texts) == 2:
		text = path.Join(texts[0], texts[1])
	default:
		return Value{}
	}
	if err != nil {
		return Value{} // mix will say why; here it is merely not known
	}
	return Value{Type: String, Text: text}
}
