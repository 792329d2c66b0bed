package elixir

import (
	"slices"
	"strings"
)

// answer is what is known of a question.
type answer int

const (
	no answer = iota
	maybe
	yes
)

func truth(v Value) answer {
	switch {
	case v.Type == Unknown:
		return maybe
	case v.IsAtom("nil"), v.IsAtom("false"):
		return no
	}
	return yes
}

// value is the answer as Elixir has it.
func (a answer) value() Value {
	switch a {
	case yes:
		return Value{Type: Atom, Text: "true"}
	case no:
		return Value{Type: Atom, Text: "false"}
	default:
		return Value{}
	}
}

func (a answer) not() answer { return yes - a }

// expr evaluates the expression in a range, its operators from those that bind least
// to those that bind most.
func (e *evaluator) expr(from, to int, sc scope) Value {
	from, to = e.src.trim(from, to)
	if from >= to || e.spent() {
		return Value{}
	}
	e.depth++
	defer func() { e.depth-- }()
	return e.logic(from, to, sc)
}

// levels are the operators of logic and comparison, from those that bind least.
var levels = [][]string{{"||", "or"}, {"&&", "and"}, {"==", "!=", "===", "!=="}}

// logic is operators that need not know both sides, and comparison.
func (e *evaluator) logic(from, to int, sc scope) Value {
	s := e.src
	for _, ops := range levels {
		parts := s.split(from, to, func(i int) bool {
			return slices.ContainsFunc(ops, s.tokens[i].is)
		})
		if len(parts) < 2 {
			continue
		}
		v := e.expr(parts[0][0], parts[0][1], sc)
		for _, r := range parts[1:] {
			v = e.both(s.tokens[s.operator(r[0])].text, v, r, sc)
		}
		return v
	}
	return e.pipes(from, to, sc)
}

// operator is the token before the one at i, past line ends.
func (s *stream) operator(i int) int {
	i--
	for s.tokens[i].kind == kindNewline {
		i--
	}
	return i
}

// both joins what is known on the left with the right side of an operator.
func (e *evaluator) both(op string, left Value, right [2]int, sc scope) Value {
	known := truth(left)
	switch op {
	case "||", "or":
		if known != no {
			return decided(known, left)
		}
	case "&&", "and":
		if known != yes {
			return decided(known.not(), left)
		}
	default:
		same := e.same(left, e.expr(right[0], right[1], sc))
		if strings.HasPrefix(op, "!") {
			same = same.not()
		}
		return same.value()
	}
	return e.expr(right[0], right[1], sc)
}

// decided is left where it decides.
func decided(known answer, left Value) Value {
	if known == yes {
		return left
	}
	return Value{}
}

// otherwiseWritten says whether two values of different types may be one: Foo is
// :"Elixir.Foo", and 'a' is [97].
func otherwiseWritten(a, b Value) bool {
	return a.Type == Alias && b.Type == Atom || a.Type == Charlist && b.Type == List
}

// same compares two values.
func (e *evaluator) same(a, b Value) answer {
	switch {
	case e.spent(), a.Type == Unknown, b.Type == Unknown, otherwiseWritten(a, b), otherwiseWritten(b, a):
		return maybe
	case a.Type != b.Type, a.Text != b.Text:
		if a.Type != b.Type || len(a.Items)+len(b.Items) == 0 {
			return no
		}
		return maybe
	case a.Type == Map:
		return maybe // of its keys, only atoms are kept
	case a.Open() || b.Open():
		return maybe
	case len(a.Items) != len(b.Items):
		return no
	}
	all := yes
	for i := range a.Items {
		x, y := a.Items[i].pair(), b.Items[i].pair()
		if x.Keyed != y.Keyed || x.Key != y.Key {
			return no
		}
		all = min(all, e.same(x.Value, y.Value))
	}
	return all
}

// pipes is what is piped through calls, and membership.
func (e *evaluator) pipes(from, to int, sc scope) Value {
	s := e.src
	stages := s.split(from, to, s.at("|>"))
	if len(stages) == 1 {
		return e.member(from, to, sc)
	}
	v := e.member(stages[0][0], stages[0][1], sc)
	for _, r := range stages[1:] {
		v = e.operand(r[0], r[1], sc, v)
	}
	return v
}

// member is "element in list".
func (e *evaluator) member(from, to int, sc scope) Value {
	s := e.src
	sides := s.split(from, to, s.at("in"))
	if len(sides) != 2 {
		return e.sum(from, to, sc)
	}
	negated := sides[0][1] > sides[0][0] && s.tokens[sides[0][1]-1].is("not")
	if negated {
		sides[0][1]--
	}
	is := e.contains(e.sum(sides[1][0], sides[1][1], sc), e.sum(sides[0][0], sides[0][1], sc))
	if negated {
		is = is.not()
	}
	return is.value()
}

// contains says whether a list has an element.
func (e *evaluator) contains(list, v Value) answer {
	if list.Type != List {
		return maybe
	}
	found := no
	for _, it := range list.Items {
		if it.Keyed {
			it.Value = Value{Type: Tuple, Items: []Item{{Value: Value{Type: Atom, Text: it.Key}}, {Value: it.Value}}}
		}
		if found = max(found, e.same(it.Value, v)); found == yes {
			break
		}
	}
	return found
}

// sum is operands joined by ++, -- (lists) or <> (strings), from the right.
func (e *evaluator) sum(from, to int, sc scope) Value {
	s := e.src
	parts := s.split(from, to, func(i int) bool { t := s.tokens[i]; return t.is("++") || t.is("--") || t.is("<>") })
	if len(parts) == 1 {
		return e.unary(from, to, sc)
	}
	if e.spent() {
		return Value{}
	}
	last := parts[len(parts)-1]
	v := e.unary(last[0], last[1], sc)
	for i := len(parts) - 2; i >= 0; i-- {
		left := e.unary(parts[i][0], parts[i][1], sc)
		switch s.tokens[s.operator(parts[i+1][0])].text {
		case "++":
			v = e.concat(left, v)
		case "<>":
			v = e.joined(left, v)
		default:
			v = e.minus(left, v)
		}
	}
	return v
}

// concat is one list behind another; what is no list stands for any number of elements.
func (e *evaluator) concat(lists ...Value) Value {
	all := Value{Type: List}
	for _, v := range lists {
		if len(all.Items)+len(v.Items) > maxElements {
			return Value{}
		}
		if v.Type == List {
			all.Items = append(all.Items, v.Items...)
		} else {
			all.Items = append(all.Items, Item{})
		}
	}
	e.steps += len(all.Items) / costly // whoever copies much makes few steps
	return all
}

// costly is how many elements, or bytes of text, may be copied for a step.
const costly = 64

func (e *evaluator) joined(a, b Value) Value {
	if a.Type != String || b.Type != String || len(a.Text)+len(b.Text) > MaxFile {
		return Value{}
	}
	e.steps += (len(a.Text) + len(b.Text)) / costly
	return Value{Type: String, Text: a.Text + b.Text}
}

// minus is a list without the elements of another, each once.
func (e *evaluator) minus(list, without Value) Value {
	if list.Type != List || without.Type != List || without.Open() || list.Open() {
		return Value{}
	}
	rest := Value{Type: List, Items: slices.Clone(list.Items)}
	for _, it := range without.Items {
		for i := range rest.Items {
			switch e.same(Value{Type: List, Items: rest.Items[i : i+1]}, Value{Type: List, Items: []Item{it}}) {
			case maybe:
				return Value{}
			case no:
				continue
			case yes:
			}
			rest.Items = slices.Delete(rest.Items, i, i+1)
			break
		}
	}
	return rest
}

// unary is "not x" and "!x".
func (e *evaluator) unary(from, to int, sc scope) Value {
	if t := e.src.tokens[from]; from < to && (t.is("not") || t.is("!")) {
		return truth(e.expr(from+1, to, sc)).not().value()
	}
	return e.operand(from, to, sc)
}
