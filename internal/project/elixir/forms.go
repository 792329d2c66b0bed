package elixir

// invoke is a call: of a form of the language, of a function defined here, or of one
// of the library that depends on nothing but its arguments and the World.
func (e *evaluator) invoke(head string, args [][2]int, piped []Value, sc scope) Value {
	if e.spent() {
		return Value{}
	}
	e.depth++
	defer func() { e.depth-- }()
	switch head {
	case "if", "unless", "case", "cond":
		if len(piped) == 0 {
			return e.form(head, args, sc)
		}
		return Value{}
	case "for":
		if len(piped) == 0 {
			return e.comprehension(args, sc)
		}
		return Value{}
	case "then", "Kernel.then", "Enum.map", "Enum.filter", "Enum.reject", "Enum.flat_map", "tap":
		return e.higher(head, args, piped, sc)
	}
	given := e.given(args, piped, sc)
	if _, own := e.functions[head]; own {
		return e.call(head, given)
	}
	return e.library(head, given)
}

// given are the values of a call's arguments; the keys at its end are one list.
func (e *evaluator) given(args [][2]int, piped []Value, sc scope) []Value {
	given := append([]Value(nil), piped...)
	var items []Item
	for _, r := range args {
		items = append(items, e.items(r[0], r[1], sc)...)
	}
	for _, it := range folded(items) {
		given = append(given, it.Value)
	}
	return given
}

// parts are what a form has: its subject, and its do and else.
type parts struct {
	subject        [2]int
	do, otherwise  [2]int
	block, hasElse bool // do … end, in place of do:
}

// form is if, unless, case or cond.
func (e *evaluator) form(head string, args [][2]int, sc scope) Value {
	p, ok := e.parts(args)
	switch {
	case !ok:
		return Value{}
	case head == "case" && p.block:
		return e.choose(p.do, e.expr(p.subject[0], p.subject[1], sc), sc)
	case head == "cond" && p.block:
		return e.cond(p.do, sc)
	case head == "case" || head == "cond":
		return Value{}
	}
	holds := truth(e.expr(p.subject[0], p.subject[1], sc))
	if head == "unless" {
		holds = holds.not()
	}
	switch {
	case holds == maybe:
		return Value{}
	case holds == yes:
		return e.block(p.do[0], p.do[1], sc.inner())
	case !p.hasElse:
		return Value{Type: Atom, Text: "nil"}
	}
	return e.block(p.otherwise[0], p.otherwise[1], sc.inner())
}

// parts takes a form's arguments apart: "x do … else … end", or "x, do: …, else: …".
func (e *evaluator) parts(args [][2]int) (p parts, ok bool) {
	s := e.src
	for n, r := range args {
		t := s.tokens[r[0]]
		switch {
		case t.kind == kindKey && t.text == "do":
			p.do, ok = [2]int{r[0] + 1, r[1]}, true
		case t.kind == kindKey && t.text == "else":
			p.otherwise, p.hasElse = [2]int{r[0] + 1, r[1]}, true
		case n == 0:
			p.subject = r
			if s.tokens[r[1]-1].is("end") {
				return e.doBlock(r)
			}
		default:
			return p, false
		}
	}
	return p, ok
}

// doBlock is "subject do … else … end".
func (e *evaluator) doBlock(r [2]int) (p parts, ok bool) {
	s := e.src
	for i := r[0]; i < r[1]; i++ {
		if s.tokens[i].is("do") {
			if s.pair[i] != r[1]-1 {
				return p, false
			}
			end := s.blockEnd(i)
			p = parts{subject: [2]int{r[0], i}, do: [2]int{i + 1, end}, block: true}
			if s.tokens[end].is("else") {
				p.otherwise, p.hasElse = [2]int{end + 1, s.pair[i]}, true
			} else if end != s.pair[i] {
				return p, false // rescue and the like
			}
			return p, true
		}
		if opens(s.tokens[i]) {
			i = s.pair[i]
		}
	}
	return p, false
}

// clause is "pattern -> body".
type clause struct{ pattern, body [2]int }

// clauses takes a block of them apart.
func (s *stream) clauses(from, to int) []clause {
	var all []clause
	start := from
	for i := from; i < to; i++ {
		switch t := s.tokens[i]; {
		case opens(t):
			i = s.pair[i]
		case t.kind == kindNewline && !s.continues(i):
			start = i + 1
		case t.is("->"):
			if n := len(all); n > 0 {
				all[n-1].body[1] = start
			}
			a, b := s.trim(start, i)
			all = append(all, clause{[2]int{a, b}, [2]int{i + 1, to}})
		}
	}
	return all
}

// choose is the body of the first clause that a value matches.
func (e *evaluator) choose(in [2]int, v Value, sc scope) Value {
	for _, c := range e.src.clauses(in[0], in[1]) {
		bound := sc.inner()
		switch e.guarded(c.pattern, v, bound) {
		case yes:
			return e.block(c.body[0], c.body[1], bound)
		case maybe:
			return Value{}
		case no:
		}
	}
	return Value{}
}

// guarded matches "pattern when guard".
func (e *evaluator) guarded(pattern [2]int, v Value, sc scope) answer {
	s := e.src
	sides := s.split(pattern[0], pattern[1], s.at("when"))
	patterns := s.arguments(sides[0][0], sides[0][1])
	if len(patterns) != 1 || len(sides) > 2 {
		return maybe
	}
	fits := e.match(patterns[0], v, sc)
	if fits == yes && len(sides) == 2 {
		fits = truth(e.expr(sides[1][0], sides[1][1], sc))
	}
	return fits
}

// cond is the body of the first condition that holds.
func (e *evaluator) cond(in [2]int, sc scope) Value {
	for _, c := range e.src.clauses(in[0], in[1]) {
		switch truth(e.expr(c.pattern[0], c.pattern[1], sc)) {
		case yes:
			return e.block(c.body[0], c.body[1], sc.inner())
		case maybe:
			return Value{}
		case no:
		}
	}
	return Value{}
}

// higher is a call of a function that takes a function.
func (e *evaluator) higher(head string, args [][2]int, piped []Value, sc scope) Value {
	if len(args)+len(piped) != 2 {
		return Value{}
	}
	if len(piped) == 0 {
		piped = []Value{e.expr(args[0][0], args[0][1], sc)}
	}
	over, fun := piped[0], args[len(args)-1]
	switch head {
	case "tap":
		return over
	case "then", "Kernel.then":
		return e.apply(fun, over, sc)
	}
	if over.Type != List {
		return Value{}
	}
	all := Value{Type: List}
	for _, it := range over.Items {
		v := e.apply(fun, it.element(), sc)
		switch keep := truth(v); {
		case head == "Enum.map":
			all.Items = append(all.Items, Item{Value: v})
		case head == "Enum.flat_map":
			all = e.concat(all, v)
		case keep == maybe:
			return Value{}
		case (keep == yes) == (head == "Enum.filter"):
			all.Items = append(all.Items, it)
		}
	}
	return all
}

// apply calls a function of one argument: fn x -> … end, &name/1 or &(… &1 …).
func (e *evaluator) apply(fun [2]int, arg Value, sc scope) Value {
	s := e.src
	from, to := s.trim(fun[0], fun[1])
	if from >= to || e.spent() {
		return Value{}
	}
	switch {
	case s.tokens[from].is("fn") && s.pair[from] == to-1:
		return e.choose([2]int{from + 1, to - 1}, arg, sc)
	case s.tokens[from].is("&"):
		if sides := s.split(from+1, to, s.at("/")); len(sides) == 2 && s.tokens[sides[1][0]].text == "1" && s.tokens[sides[0][1]-1].kind == kindIdent {
			return e.named(sides[0][0], sides[0][1], scope{at: sc.at}, []Value{arg})
		}
		bound := sc.inner()
		bound.vars["&1"] = arg
		return e.expr(from+1, to, bound)
	}
	return Value{}
}
