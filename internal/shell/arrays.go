package shell

import (
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// setArray has a variable be a list; nil where its values are not known.
func (st *state) setArray(name string, list []Value) {
	if !syntax.ValidName(name) {
		return
	}
	first := Value{Unknown: list == nil}
	if len(list) > 0 {
		first = list[0]
	}
	st.set(name, first)
	if v, ok := st.vars[name]; ok {
		v.array, v.list = true, list
		st.vars[name] = v
	}
}

// sameList says whether two variables hold the same list.
func sameList(a, b variable) bool { return a.array == b.array && slices.Equal(a.list, b.list) }

// indexWord is an index that is a word; "" of one that is more.
func indexWord(x syntax.ArithmExpr) string {
	w, ok := x.(*syntax.Word)
	if !ok {
		return ""
	}
	return literal(w)
}

// listOf is the arguments, or an array, all of it or a part; more says that there may
// be others.
func (r *runner) listOf(st *state, p *syntax.ParamExp) (list []Value, more bool) {
	list, more = st.args[min(1, len(st.args)):], st.more
	if p.Index != nil {
		v := st.vars[p.Param.Value]
		switch {
		case v.array && v.list == nil:
			return []Value{unknown}, true
		case v.array:
			list, more = v.list, false
		case v.Unknown:
			return []Value{unknown}, true
		default:
			if list, more = nil, false; v.Value != (Value{}) {
				list = []Value{v.Value}
			}
		}
	} else if p.Slice != nil {
		list = st.args // ${@:0} has the script too
	}
	if p.Slice == nil {
		return list, more
	}
	from, to, ok := r.slice(st, p.Slice, len(list))
	if !ok || more {
		return []Value{unknown}, true
	}
	return list[from:to], false
}

// slice is the part of something of a length that ":from:length" means.
func (r *runner) slice(st *state, s *syntax.Slice, length int) (from, to int, ok bool) {
	from, ok = r.arithmetic(st, s.Offset, 0)
	if !ok {
		return 0, 0, false
	}
	if from < 0 {
		from += length
	}
	if from < 0 || from > length {
		return 0, 0, true
	}
	if to = length; s.Length == nil {
		return from, to, true
	}
	n, ok := r.arithmetic(st, s.Length, 0)
	if n < 0 {
		to = length + n
	} else {
		to = min(from+n, length)
	}
	return from, max(from, to), ok
}

// indexed is one of an array's values, or all as one word.
func (r *runner) indexed(st *state, p *syntax.ParamExp) (v Value, set bool) {
	word := indexWord(p.Index)
	if word == "@" || word == "*" {
		list, more := r.listOf(st, &syntax.ParamExp{Param: p.Param, Index: p.Index})
		if p.Length {
			return Value{Text: strconv.Itoa(len(list)), Unknown: more}, true
		}
		if more || st.splitsOtherwise() {
			return unknown, true
		}
		for i, a := range list {
			if i > 0 {
				v = join(v, known(" "))
			}
			v = join(v, a)
		}
		return v, len(list) > 0
	}
	x, there := st.vars[p.Param.Value]
	n, ok := r.arithmetic(st, p.Index, 0)
	switch {
	case !there:
		if v, set = r.lookup(st, p.Param.Value); set && ok && n != 0 {
			v = unknown
		}
		return v, set
	case !x.array && ok && (n == 0 || n == -1):
		return x.Value, true
	case !x.array && !x.Unknown && ok:
		return Value{}, false
	case !ok || x.list == nil:
		return unknown, true
	}
	if n < 0 {
		n += len(x.list)
	}
	if n < 0 || n >= len(x.list) {
		return Value{}, false
	}
	return x.list[n], true
}

// arrayOf is the values of "(a b)"; nil where they are not known.
func (r *runner) arrayOf(st *state, a *syntax.ArrayExpr) []Value {
	out := []Value{}
	for _, e := range a.Elems {
		if e.Index != nil {
			return nil
		}
		fields, more := r.fields(st, e.Value)
		if out = append(out, fields...); more || len(out) > maxValues {
			return nil
		}
	}
	return out
}

// assignArray sets an array, or one value of it.
func (r *runner) assignArray(st *state, a *syntax.Assign) {
	name, old := a.Name.Value, st.vars[a.Name.Value]
	if a.Array != nil {
		list := r.arrayOf(st, a.Array)
		if a.Append && list != nil {
			before, more := r.listOf(st, &syntax.ParamExp{Param: a.Name, Index: allIndex()})
			if list = append(slices.Clone(before), list...); more {
				list = nil
			}
		}
		st.setArray(name, list)
		return
	}
	v := r.word(st, a.Value)
	n, ok := r.arithmetic(st, a.Index, 0)
	list := slices.Clone(old.list)
	switch {
	case !ok || n < 0 || n > len(list) || old.array && old.list == nil || !old.array && old.Value != (Value{}):
		list = nil
	case n == len(list):
		list = append(list, v)
	case a.Append:
		list[n] = join(list[n], v)
	default:
		list[n] = v
	}
	if len(list) > maxValues {
		list = nil
	}
	st.setArray(name, list)
}

func allIndex() syntax.ArithmExpr {
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{Value: "@"}}}
}

// replaced is "${A/x/y}".
func (r *runner) replaced(st *state, p *syntax.ParamExp, v Value) Value {
	orig, with := r.pattern(st, p.Repl.Orig), r.word(st, p.Repl.With)
	if v.Unknown || orig.Unknown || with.Unknown || len(v.Text) > maxName {
		return unknown
	}
	text := orig.Text
	at, end := strings.HasPrefix(text, "#"), strings.HasPrefix(text, "%")
	if (at || end) && !p.Repl.All {
		text = text[1:]
	}
	re := r.expression(st, text)
	if re == nil || text == "" || strings.Contains(with.Text, "&") {
		return unknown
	}
	var out strings.Builder
	last := 0
	for _, m := range re.FindAllStringIndex(v.Text, -1) {
		if at && !p.Repl.All && m[0] != 0 || end && !p.Repl.All && m[1] != len(v.Text) || m[0] == m[1] {
			continue
		}
		out.WriteString(v.Text[last:m[0]] + with.Text)
		if last = m[1]; !p.Repl.All {
			break
		}
	}
	r.steps += len(v.Text) / stepBytes
	if out.WriteString(v.Text[last:]); out.Len() > maxText {
		return unknown
	}
	return Value{Text: out.String(), Unset: v.Unset}
}

// cased is "${A^^}" and its like, of the letters that are in ASCII.
func cased(op syntax.ParExpOperator, v Value) Value {
	if v.Unknown || strings.ContainsFunc(v.Text, func(c rune) bool { return c >= 0x80 }) {
		return unknown
	}
	first, rest := v.Text[:min(1, len(v.Text))], v.Text[min(1, len(v.Text)):]
	switch op { //nolint:exhaustive // the others are no such
	case syntax.UpperFirst:
		v.Text = strings.ToUpper(first) + rest
	case syntax.UpperAll:
		v.Text = strings.ToUpper(v.Text)
	case syntax.LowerFirst:
		v.Text = strings.ToLower(first) + rest
	case syntax.LowerAll:
		v.Text = strings.ToLower(v.Text)
	default:
		return unknown
	}
	return v
}
