package shell

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/pattern"
	"mvdan.cc/sh/v3/syntax"
)

// word is a word as one value.
func (r *runner) word(st *state, w *syntax.Word) Value {
	if w == nil {
		return Value{}
	}
	return r.parts(st, w.Parts, false)
}

// pattern is a word as a pattern, in which what is quoted stands for itself.
func (r *runner) pattern(st *state, w *syntax.Word) Value {
	if w == nil {
		return Value{}
	}
	var out Value
	for _, p := range w.Parts {
		var v Value
		switch p := p.(type) {
		case *syntax.Lit:
			v = known(p.Value)
		case *syntax.SglQuoted, *syntax.DblQuoted:
			v = r.part(st, p, false)
			v.Text = pattern.QuoteMeta(v.Text, 0)
		default:
			v = r.part(st, p, false)
		}
		out = join(out, v)
	}
	return out
}

func (r *runner) parts(st *state, parts []syntax.WordPart, quoted bool) (out Value) {
	for _, p := range parts {
		out = join(out, r.part(st, p, quoted))
	}
	return out
}

func join(a, b Value) Value {
	switch (Value{}) {
	case a:
		return b
	case b:
		return a
	}
	if len(a.shape())+len(b.shape()) > maxText {
		return unknown
	}
	if a.Unknown || b.Unknown {
		return Value{Unknown: true, Shape: a.shape() + b.shape()}
	}
	return Value{Text: a.Text + b.Text, Unset: cmp.Or(a.Unset, b.Unset)}
}

func (r *runner) part(st *state, p syntax.WordPart, quoted bool) Value {
	switch p := p.(type) {
	case *syntax.Lit:
		return known(unescape(p.Value, quoted))
	case *syntax.SglQuoted:
		if p.Dollar && st.dialect != dash {
			text, ok := unescaped(strings.NewReplacer(`\'`, "'", `\"`, `"`).Replace(p.Value), false)
			return Value{Text: text, Unknown: !ok}
		}
		return Value{Text: p.Value, Unknown: p.Dollar}
	case *syntax.DblQuoted:
		return r.parts(st, p.Parts, true)
	case *syntax.ParamExp:
		return r.param(st, p)
	case *syntax.CmdSubst:
		return r.substitute(st, p.Stmts)
	case *syntax.ArithmExp:
		n, ok := r.arithmetic(st, p.X, 0)
		return Value{Text: strconv.Itoa(n), Unknown: !ok}
	}
	return unknown
}

// unescape takes the backslashes away that quote.
func unescape(s string, quoted bool) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (!quoted || strings.IndexByte("$`\"\\\n", s[i+1]) >= 0) {
			i++
			if s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// substitute is what commands print.
func (r *runner) substitute(st *state, stmts []*syntax.Stmt) Value {
	in := st.clone()
	in.out = &output{}
	in.sub++
	in.caught = true
	in.errexit = st.errexit && st.dialect != bash // which inherits it as sh alone
	if in.before = nil; st.before != nil && len(stmts) > 0 {
		in.status = *st.before
	}
	r.list(in, stmts)
	st.status = in.status
	v := in.out.Value
	v.Text, v.Shape = strings.TrimRight(v.Text, "\n"), strings.TrimRight(v.Shape, "\n")
	return v
}

// words is the fields of words; more says that there may be others.
func (r *runner) words(st *state, list []*syntax.Word) (out []Value, more bool) {
	for _, w := range list {
		braced, ok := st.bracedWords(w)
		if !ok {
			out, more = append(out, unknown), true
		}
		for _, w := range braced {
			fields, m := r.fields(st, w)
			out, more = append(out, fields...), more || m
		}
		if len(out) > maxValues {
			return out[:maxValues], true
		}
	}
	return out, more
}

func (r *runner) fields(st *state, w *syntax.Word) (out []Value, more bool) {
	return r.partFields(st, w.Parts, (*fielder).add)
}

// partFields is the fields of a word's parts; what stands in it as it is goes to
// literal.
func (r *runner) partFields(st *state, parts []syntax.WordPart, literal func(*fielder, Value)) (out []Value, more bool) {
	b := &fielder{otherwise: st.splitsOtherwise(), globs: func(v Value, expr string) ([]Value, bool) { return r.globbedFields(st, v, expr) }}
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			if v := r.part(st, p, false); v.Text == p.Value {
				b.open++
				literal(b, v)
				b.open--
			} else { // with a backslash that quotes
				b.add(v)
			}
		case *syntax.DblQuoted:
			if !r.allArgs(st, p, b) {
				b.add(r.part(st, p, false))
				b.more = b.more || slices.ContainsFunc(p.Parts, isList)
			}
		case *syntax.ParamExp:
			r.paramFields(st, p, b)
		case *syntax.CmdSubst, *syntax.ArithmExp:
			b.split(r.part(st, p, false))
		default:
			b.add(r.part(st, p, false))
		}
	}
	b.end()
	return b.out, b.more
}

// allArgs adds "$@", each argument a field of its own; false if it is no such.
func (r *runner) allArgs(st *state, q *syntax.DblQuoted, b *fielder) bool {
	if !slices.ContainsFunc(q.Parts, isAllArgs) {
		return false
	}
	for _, p := range q.Parts {
		if all, ok := p.(*syntax.ParamExp); ok && isAllArgs(p) {
			b.list(r.listOf(st, all))
		} else {
			b.add(r.part(st, p, true))
		}
	}
	return true
}

// isList says whether a parameter is of several fields in a way that is not followed.
func isList(part syntax.WordPart) bool {
	p, ok := part.(*syntax.ParamExp)
	if !ok || p.Param == nil || p.Length || p.Repl == nil && p.Exp == nil {
		return false
	}
	return p.Param.Value == "@" && p.Index == nil && p.Repl != nil || p.Index != nil && indexWord(p.Index) == "@"
}

func isAllArgs(part syntax.WordPart) bool {
	p, ok := part.(*syntax.ParamExp)
	if !ok || p.Param == nil || p.Length || p.Excl || p.Repl != nil || p.Exp != nil {
		return false
	}
	return p.Param.Value == "@" && p.Index == nil || p.Index != nil && indexWord(p.Index) == "@"
}

// paramFields adds what an unquoted parameter expands to.
func (r *runner) paramFields(st *state, p *syntax.ParamExp, b *fielder) {
	name := ""
	if p.Param != nil {
		name = p.Param.Value
	}
	rest := st.args[min(1, len(st.args)):]
	switch {
	case p.Index != nil && st.dialect != dash && !p.Length && !p.Excl && p.Exp == nil && p.Repl == nil && strings.Contains("@*", indexWord(p.Index)):
		fields, more := r.listOf(st, p)
		for i, a := range fields {
			if i > 0 {
				b.end()
			}
			b.split(a)
		}
		b.more = b.more || more
	case (name == "@" || name == "*") && p.Exp == nil && !p.Length:
		for i, a := range rest {
			if i > 0 {
				b.end()
			}
			b.split(a)
		}
		b.more = b.more || st.more
	case r.givesDefault(st, p):
		fields, more := r.partFields(st, p.Exp.Word.Parts, (*fielder).split)
		b.list(fields, more)
	case p.Exp != nil && (p.Exp.Op == syntax.AlternateUnset || p.Exp.Op == syntax.AlternateUnsetOrNull) && p.Exp.Word != nil:
		v, set := r.lookup(st, name)
		if st.more && name == "1" {
			b.list(rest, true)
		} else if set && (p.Exp.Op == syntax.AlternateUnset || v.Text != "" || v.Unknown) {
			fields, more := r.partFields(st, p.Exp.Word.Parts, (*fielder).split)
			b.list(fields, more)
		}
	default:
		b.split(r.param(st, p))
	}
}

// givesDefault says whether a parameter is one that is not set, with a word that
// stands for it.
func (r *runner) givesDefault(st *state, p *syntax.ParamExp) bool {
	if p.Param == nil || p.Exp == nil || p.Exp.Word == nil {
		return false
	}
	v, set := r.lookup(st, p.Param.Value)
	switch p.Exp.Op { //nolint:exhaustive // the others have no such word
	case syntax.DefaultUnset:
		return !set
	case syntax.DefaultUnsetOrNull:
		return !set || v.Text == "" && !v.Unknown
	}
	return false
}

// fielder puts fields together.
type fielder struct {
	otherwise bool // than at blanks words are split
	out       []Value
	more      bool
	cur       Value
	has       bool

	globs func(v Value, expr string) ([]Value, bool) // the files that a field names
	expr  string                                     // the field as a pattern
	open  int                                        // whether what is added may be of one
}

func (b *fielder) add(v Value) {
	if b.cur, b.has = join(b.cur, v), true; b.open > 0 {
		b.expr += v.Text
	} else {
		b.expr += pattern.QuoteMeta(v.Text, 0)
	}
}

func (b *fielder) end() {
	if b.has && b.globs != nil {
		found, sure := b.globs(b.cur, b.expr)
		b.out, b.more = append(b.out, found...), b.more || !sure
	} else if b.has {
		b.out = append(b.out, b.cur)
	}
	b.cur, b.has, b.expr = Value{}, false, ""
}

func (b *fielder) list(fields []Value, more bool) {
	for i, f := range fields {
		if i > 0 {
			b.end()
		}
		b.add(f)
	}
	b.more = b.more || more
}

// splitShape adds what is not quoted and partly known: what is not is taken for part of a
// word, not for several.
func (b *fielder) splitShape(shape string) {
	for i, f := range strings.Fields(shape) {
		if i > 0 || strings.ContainsAny(shape[:1], " \t\n") {
			b.end()
		}
		if v := known(f); strings.Contains(f, Hole) {
			b.add(Value{Unknown: true, Shape: f})
		} else {
			b.add(v)
		}
	}
	if strings.ContainsAny(shape[len(shape)-1:], " \t\n") {
		b.end()
	}
}

// split adds what is not quoted, which may be several fields.
func (b *fielder) split(v Value) {
	switch {
	case v.Job > 0: // one number
		b.add(v)
		return
	case v.Unknown && v.Shape != "" && !b.otherwise && !slices.Contains(strings.Fields(v.Shape), Hole):
		b.splitShape(v.Shape)
		return
	case v.Unknown || b.otherwise && v.Text != "":
		b.add(unknown)
		b.more = true
		return
	}
	if b.cur.Unset = cmp.Or(b.cur.Unset, v.Unset); v.Text == "" {
		return
	}
	const blank = " \t\n"
	b.open++
	defer func() { b.open-- }()
	if v.Text != "" && strings.ContainsRune(blank, rune(v.Text[0])) {
		b.end()
	}
	for i, f := range strings.FieldsFunc(v.Text, func(c rune) bool { return strings.ContainsRune(blank, c) }) {
		if i > 0 {
			b.end()
		}
		b.add(Value{Text: f, Unset: v.Unset})
	}
	if v.Text != "" && strings.ContainsRune(blank, rune(v.Text[len(v.Text)-1])) {
		b.end()
	}
}
