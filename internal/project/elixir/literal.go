package elixir

import "strings"

// interpolated is a string with interpolations, if all of them are known.
func (e *evaluator) interpolated(t token, sc scope) Value {
	if len(t.parts) == 0 {
		return Value{}
	}
	var all strings.Builder
	for _, p := range t.parts {
		all.WriteString(p.text)
		if p.inner < 0 {
			continue
		}
		r := e.src.inner[p.inner]
		v := e.block(r[0], r[1], sc.inner())
		text, ok := printed(v)
		if !ok || all.Len()+len(text) > MaxFile {
			return Value{}
		}
		all.WriteString(text)
	}
	return Value{Type: String, Text: all.String()}
}

// printed is a value as to_string has it.
func printed(v Value) (text string, ok bool) {
	switch v.Type {
	case String, Charlist, Int:
		return v.Text, true
	case Atom:
		if v.IsAtom("nil") {
			return "", true
		}
		return v.Text, true
	default:
		return "", false
	}
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
		return Value{Type: Int, Text: strings.ReplaceAll(t.text, "_", "")}
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
