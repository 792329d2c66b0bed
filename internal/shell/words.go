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
	if a.Unknown || b.Unknown || len(a.Text)+len(b.Text) > maxText {
		return unknown
	}
	return Value{Text: a.Text + b.Text, Unset: cmp.Or(a.Unset, b.Unset)}
}

func (r *runner) part(st *state, p syntax.WordPart, quoted bool) Value {
	switch p := p.(type) {
	case *syntax.Lit:
		return known(unescape(p.Value, quoted))
	case *syntax.SglQuoted:
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
	v.Text = strings.TrimRight(v.Text, "\n")
	return v
}

// words is the fields of words; more says that there may be others.
func (r *runner) words(st *state, list []*syntax.Word) (out []Value, more bool) {
	for _, w := range list {
		fields, m := r.fields(st, w)
		out, more = append(out, fields...), more || m
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
	b := &fielder{otherwise: st.splitsOtherwise()}
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			if v := r.part(st, p, false); v.Text == p.Value {
				literal(b, v)
			} else { // with a backslash that quotes
				b.add(v)
			}
		case *syntax.DblQuoted:
			if !r.allArgs(st, p, b) {
				b.add(r.part(st, p, false))
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
		if isAllArgs(p) {
			b.list(st.args[min(1, len(st.args)):], st.more)
		} else {
			b.add(r.part(st, p, true))
		}
	}
	return true
}

func isAllArgs(part syntax.WordPart) bool {
	p, ok := part.(*syntax.ParamExp)
	return ok && p.Param != nil && p.Param.Value == "@" && !p.Length && p.Slice == nil && p.Repl == nil && p.Index == nil && p.Exp == nil
}

// paramFields adds what an unquoted parameter expands to.
func (r *runner) paramFields(st *state, p *syntax.ParamExp, b *fielder) {
	name := ""
	if p.Param != nil {
		name = p.Param.Value
	}
	rest := st.args[min(1, len(st.args)):]
	switch {
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
}

func (b *fielder) add(v Value) { b.cur, b.has = join(b.cur, v), true }

func (b *fielder) end() {
	if b.has {
		b.out = append(b.out, b.cur)
	}
	b.cur, b.has = Value{}, false
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

// split adds what is not quoted, which may be several fields.
func (b *fielder) split(v Value) {
	if v.Unknown || b.otherwise && v.Text != "" {
		b.add(unknown)
		b.more = true
		return
	}
	if b.cur.Unset = cmp.Or(b.cur.Unset, v.Unset); v.Text == "" {
		return
	}
	const blank = " \t\n"
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
