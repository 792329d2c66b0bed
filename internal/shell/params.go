package shell

import (
	"regexp"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/pattern"
	"mvdan.cc/sh/v3/syntax"
)

// lookup is a parameter: a variable, an argument, one of the shell's own.
func (r *runner) lookup(st *state, name string) (v Value, set bool) {
	switch name {
	case "?":
		s := st.status
		if st.before != nil {
			s = *st.before
		}
		return Value{Text: strconv.Itoa(s.code), Unknown: s.unknown || s.some}, true
	case "#":
		return Value{Text: strconv.Itoa(max(len(st.args)-1, 0)), Unknown: st.more}, true
	case "@", "*":
		return joinArgs(st), len(st.args) > 1 || st.more
	case "$", "!", "PPID", "RANDOM", "SECONDS", "LINENO", "UID", "EUID", "HOSTNAME", "-", "_":
		return unknown, true
	case "PWD":
		return st.dir, true
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 0 {
		if n < len(st.args) {
			return st.args[n], true
		}
		return Value{Unknown: st.more}, st.more
	}
	return st.get(name)
}

func joinArgs(st *state) Value {
	if st.more {
		return unknown
	}
	if st.splitsOtherwise() {
		return unknown
	}
	out := Value{}
	for i, a := range st.args[min(1, len(st.args)):] {
		if i > 0 {
			out = join(out, known(" "))
		}
		out = join(out, a)
	}
	return out
}

// param is what a parameter expands to.
func (r *runner) param(st *state, p *syntax.ParamExp) Value {
	if p.Param == nil || p.Excl || p.Index != nil || p.Slice != nil || p.Names != 0 {
		r.badSubstitution(st, p)
		return unknown
	}
	v, set := r.lookup(st, p.Param.Value)
	if !set && st.nounset && !hasDefault(p) {
		return r.notSet(st, p)
	}
	if !set && syntax.ValidName(p.Param.Value) {
		v.Unset = p.Param.Value
	}
	switch {
	case p.Length:
		return Value{Text: strconv.Itoa(len(v.Text)), Unknown: v.Unknown, Unset: v.Unset}
	case p.Repl != nil:
		r.badSubstitution(st, p)
		return unknown
	case p.Exp != nil:
		return r.expansion(st, p, v, set)
	}
	return v
}

// badSubstitution notes what a shell that is no bash ends over.
func (r *runner) badSubstitution(st *state, p *syntax.ParamExp) {
	if st.dialect == dash {
		r.fault(st, Fault{Position: r.at(st, p), Kind: Syntax, Name: "Bad substitution"}, true)
		st.bad = true
	}
}

func (r *runner) expansion(st *state, p *syntax.ParamExp, v Value, set bool) Value {
	name := p.Param.Value
	unset := !set
	switch p.Exp.Op { //nolint:exhaustive // the others do not mind
	case syntax.DefaultUnsetOrNull, syntax.AlternateUnsetOrNull, syntax.AssignUnsetOrNull, syntax.ErrorUnsetOrNull:
		if set && v.Unknown {
			return v // perhaps
		}
		unset = unset || v.Text == ""
	}
	switch p.Exp.Op {
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull:
		if unset {
			return r.word(st, p.Exp.Word)
		}
	case syntax.AssignUnset, syntax.AssignUnsetOrNull:
		if unset {
			v = r.word(st, p.Exp.Word)
			st.set(name, v)
		}
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		if unset {
			return Value{}
		}
		return r.word(st, p.Exp.Word)
	case syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		if unset { // whoever starts it gives it one
			r.fault(st, Fault{Position: r.at(st, p), Kind: Unset, Name: name}, false)
			return unknown
		}
	case syntax.RemSmallPrefix, syntax.RemLargePrefix, syntax.RemSmallSuffix, syntax.RemLargeSuffix:
		return r.trim(st, p.Exp, v)
	default:
		r.badSubstitution(st, p)
		return unknown
	}
	return v
}

// trim removes what matches a pattern from one end.
func (r *runner) trim(st *state, e *syntax.Expansion, v Value) Value {
	p := r.pattern(st, e.Word)
	if v.Unknown || p.Unknown {
		return unknown
	}
	small := e.Op == syntax.RemSmallPrefix || e.Op == syntax.RemSmallSuffix
	prefix := e.Op == syntax.RemSmallPrefix || e.Op == syntax.RemLargePrefix
	expr, err := pattern.Regexp(p.Text, pattern.EntireString)
	if err != nil {
		return unknown
	}
	re, err := regexp.Compile(expr)
	if err != nil || len(v.Text) > maxName {
		return unknown
	}
	for i := range len(v.Text) + 1 {
		n := i
		if !small {
			n = len(v.Text) - i
		}
		if prefix && re.MatchString(v.Text[:n]) {
			return Value{Text: v.Text[n:], Unset: v.Unset}
		}
		if cut := len(v.Text) - n; !prefix && re.MatchString(v.Text[cut:]) {
			return Value{Text: v.Text[:cut], Unset: v.Unset}
		}
	}
	return v
}

// maxName bounds, in bytes, a value in which patterns are looked for.
const maxName = 4096

// arithmetic is the value of an expression; ok is false where it is not known.
func (r *runner) arithmetic(st *state, x syntax.ArithmExpr, depth int) (n int, ok bool) {
	if depth > maxDepth {
		return 0, false
	}
	switch x := x.(type) {
	case *syntax.Word:
		return r.number(st, x)
	case *syntax.ParenArithm:
		return r.arithmetic(st, x.X, depth+1)
	case *syntax.UnaryArithm:
		n, ok := r.arithmetic(st, x.X, depth+1)
		switch x.Op { //nolint:exhaustive // the others change a variable
		case syntax.Minus:
			return -n, ok
		case syntax.Plus:
			return n, ok
		case syntax.BitNegation:
			return ^n, ok
		case syntax.Not:
			return truthValue(n == 0), ok
		}
		st.forgetNumber(x.X)
	case *syntax.BinaryArithm:
		if assigns(x.Op) {
			return r.assignNumber(st, x, depth)
		}
		if x.Op == syntax.TernQuest {
			return r.choose(st, x, depth)
		}
		a, ok := r.arithmetic(st, x.X, depth+1)
		b, ok2 := r.arithmetic(st, x.Y, depth+1)
		switch {
		case x.Op == syntax.Pow && st.dialect == dash:
			r.badArithmetic(st, x, `expecting primary: "**"`)
		case (x.Op == syntax.Quo || x.Op == syntax.Rem) && ok2 && b == 0:
			r.badArithmetic(st, x, "division by zero")
		}
		if ok && ok2 {
			return calculate(x.Op, a, b)
		}
	}
	return 0, false
}

func (r *runner) number(st *state, w *syntax.Word) (int, bool) {
	v := r.word(st, w)
	text := strings.TrimSpace(v.Text)
	if syntax.ValidName(text) {
		v, _ = st.get(text)
		text = v.Text
	}
	if text == "" {
		return 0, !v.Unknown
	}
	n, err := strconv.ParseInt(text, 0, 64) // 010 is 8, 0x10 is 16
	if err != nil && !v.Unknown && strings.ContainsAny(text, " \t") {
		r.badArithmetic(st, w, "Illegal number: "+text)
	}
	return int(n), err == nil && !v.Unknown && !strings.ContainsAny(text, "_bBoO")
}

func calculate(op syntax.BinAritOperator, a, b int) (int, bool) {
	switch op { //nolint:exhaustive // the others are not known
	case syntax.Add:
		return a + b, true
	case syntax.Sub:
		return a - b, true
	case syntax.Mul:
		return a * b, true
	case syntax.And:
		return a & b, true
	case syntax.Or:
		return a | b, true
	case syntax.Xor:
		return a ^ b, true
	case syntax.Shl, syntax.Shr:
		return shifted(op, a, b)
	case syntax.AndArit:
		return truthValue(a != 0 && b != 0), true
	case syntax.OrArit:
		return truthValue(a != 0 || b != 0), true
	case syntax.Eql:
		return truthValue(a == b), true
	case syntax.Neq:
		return truthValue(a != b), true
	case syntax.Lss:
		return truthValue(a < b), true
	case syntax.Gtr:
		return truthValue(a > b), true
	case syntax.Leq:
		return truthValue(a <= b), true
	case syntax.Geq:
		return truthValue(a >= b), true
	case syntax.Quo:
		if b != 0 {
			return a / b, true
		}
	case syntax.Rem:
		if b != 0 {
			return a % b, true
		}
	}
	return 0, false
}

func shifted(op syntax.BinAritOperator, a, b int) (int, bool) {
	switch {
	case b < 0 || b > 62:
		return 0, false
	case op == syntax.Shl:
		return a << b, true
	}
	return a >> b, true
}

func truthValue(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// assigns says whether an operator changes a variable.
func assigns(op syntax.BinAritOperator) bool {
	switch op { //nolint:exhaustive // the others do not
	case syntax.Assgn, syntax.AddAssgn, syntax.SubAssgn, syntax.MulAssgn, syntax.QuoAssgn, syntax.RemAssgn,
		syntax.AndAssgn, syntax.OrAssgn, syntax.XorAssgn, syntax.ShlAssgn, syntax.ShrAssgn:
		return true
	}
	return false
}

// assignNumber knows "=" and "+="; of the others it knows which variable they change.
func (r *runner) assignNumber(st *state, x *syntax.BinaryArithm, depth int) (int, bool) {
	to, isWord := x.X.(*syntax.Word)
	n, ok := r.arithmetic(st, x.Y, depth+1)
	if x.Op == syntax.AddAssgn && ok && isWord {
		old, known := r.number(st, to)
		n, ok = old+n, known
	}
	if !ok || !isWord || x.Op != syntax.Assgn && x.Op != syntax.AddAssgn {
		st.forgetNumber(x.X)
		return 0, false
	}
	st.set(literal(to), known(strconv.Itoa(n)))
	return n, true
}

func (st *state) forgetNumber(x syntax.ArithmExpr) {
	if w, ok := x.(*syntax.Word); ok && syntax.ValidName(literal(w)) {
		st.set(literal(w), unknown)
	}
}

// choose is "a ? b : c".
func (r *runner) choose(st *state, x *syntax.BinaryArithm, depth int) (int, bool) {
	ways, isPair := x.Y.(*syntax.BinaryArithm)
	n, ok := r.arithmetic(st, x.X, depth+1)
	switch {
	case !ok || !isPair || ways.Op != syntax.TernColon:
		return 0, false
	case n != 0:
		return r.arithmetic(st, ways.X, depth+1)
	}
	return r.arithmetic(st, ways.Y, depth+1)
}
