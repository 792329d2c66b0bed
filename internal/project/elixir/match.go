package elixir

import (
	"slices"
	"strings"
)

// match says whether a value matches the pattern in a range, and binds its names.
func (e *evaluator) match(r [2]int, v Value, sc scope) answer {
	s := e.src
	from, to := s.trim(r[0], r[1])
	if from >= to || e.spent() {
		return maybe
	}
	if sides := s.split(from, to, s.at("=")); len(sides) == 2 {
		return min(e.match(sides[0], v, sc), e.match(sides[1], v, sc))
	}
	if sides := s.split(from, to, s.at("<>")); len(sides) == 2 {
		return e.prefix(sides, v, sc)
	}
	t := s.tokens[from]
	switch {
	case to-from == 1 && t.kind == kindIdent:
		if !strings.HasPrefix(t.text, "_") {
			if old, bound := sc.vars[t.text]; bound && old.Type == Unknown {
				v = Value{}
			}
			sc.vars[t.text] = v
		}
		return yes
	case t.is("{") && s.pair[from] == to-1:
		return e.elements(s.arguments(from+1, to-1), v, Tuple, sc)
	case t.is("[") && s.pair[from] == to-1:
		if len(s.split(from+1, to-1, s.at("|"))) > 1 || s.tokens[s.skipNewlines(from+1)].kind == kindKey {
			return maybe
		}
		return e.elements(s.arguments(from+1, to-1), v, List, sc)
	case t.is("@") && to-from == 2:
		return e.same(e.attribute(s.tokens[from+1].text, sc), v)
	case to-from == 1 && !t.dynamic:
		if want := literal(t); want.Type != Unknown {
			return e.same(want, v)
		}
	}
	return maybe
}

// prefix is "text" <> rest.
func (e *evaluator) prefix(sides [][2]int, v Value, sc scope) answer {
	t := e.src.tokens[sides[0][0]]
	switch {
	case v.Type == Unknown, t.kind != kindString, t.dynamic, sides[0][1]-sides[0][0] != 1:
		return maybe
	case v.Type != String, !strings.HasPrefix(v.Text, t.text):
		return no
	}
	return e.match(sides[1], Value{Type: String, Text: v.Text[len(t.text):]}, sc)
}

// elements matches those of a tuple or list.
func (e *evaluator) elements(patterns [][2]int, v Value, of Type, sc scope) answer {
	switch {
	case v.Type == Unknown, v.Type == List && v.Open():
		return maybe
	case v.Type != of, len(v.Items) != len(patterns):
		return no
	case slices.ContainsFunc(v.Items, func(it Item) bool { return it.Keyed }), e.repeats(patterns):
		return maybe
	}
	fits := yes
	for i, p := range patterns {
		fits = min(fits, e.match(p, v.Items[i].Value, sc))
	}
	return fits
}

// repeats says whether a name stands twice in patterns, so that both must be the
// same.
func (e *evaluator) repeats(patterns [][2]int) bool {
	seen := map[string]bool{}
	for _, p := range patterns {
		for _, t := range e.src.tokens[p[0]:p[1]] {
			if t.kind == kindIdent && t.text != "_" && seen[t.text] {
				return true
			}
			seen[t.text] = true
		}
	}
	return false
}
