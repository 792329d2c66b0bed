package shell

import (
	"regexp"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

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
		var n int
		var ok bool
		if x.Op != syntax.Inc && x.Op != syntax.Dec {
			n, ok = r.arithmetic(st, x.X, depth+1)
		}
		switch x.Op { //nolint:exhaustive // the others change a variable
		case syntax.Minus:
			return -n, ok
		case syntax.Plus:
			return n, ok
		case syntax.BitNegation:
			return ^n, ok
		case syntax.Not:
			return truthValue(n == 0), ok
		case syntax.Inc, syntax.Dec:
			return r.stepNumber(st, x)
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
	for range maxNames {
		text := strings.TrimSpace(v.Text)
		switch {
		case v.Unknown:
			return 0, false
		case text == "":
			return 0, true
		case !syntax.ValidName(text):
			return r.numberOf(st, w, text)
		}
		var set bool
		if v, set = r.lookup(st, text); set && syntax.ValidName(strings.TrimSpace(v.Text)) && st.dialect == dash {
			r.badArithmetic(st, w, "Illegal number: "+v.Text)
			return 0, false
		}
	}
	return 0, false
}

// maxNames is how many variables name one another in an expression.
const maxNames = 8

// apart are two words without an operator between them.
var apart = regexp.MustCompile(`[0-9A-Za-z_]\s+[0-9A-Za-z_]`)

// numberOf is a text as a number; bash takes an expression for one.
func (r *runner) numberOf(st *state, at *syntax.Word, text string) (int, bool) {
	n, err := strconv.ParseInt(text, 0, 64) // 010 is 8, 0x10 is 16
	switch {
	case err == nil:
		return int(n), !strings.ContainsAny(text, "_bBoO")
	case strings.Contains(text, "#"): // of another base
		return 0, false
	case (st.dialect == bash || st.dialect == bashAsSh) && !apart.MatchString(text):
		x, perr := syntax.NewParser(syntax.Variant(syntax.LangBash)).Arithmetic(&shallowReader{strings.NewReader(text)})
		if w, isWord := x.(*syntax.Word); perr == nil && x != nil && (!isWord || literal(w) != text) {
			if r.depth++; r.depth > maxDepth {
				r.depth--
				return 0, false
			}
			n, ok := r.arithmetic(st, x, 0)
			r.depth--
			return n, ok
		}
	}
	r.badArithmetic(st, at, "Illegal number: "+text)
	return 0, false
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
	case syntax.Comma:
		return b, true
	case syntax.Pow:
		return power(a, b)
	}
	return 0, false
}

func power(a, b int) (n int, ok bool) {
	if b < 0 || b > 62 || a > 1<<16 || a < -1<<16 {
		return 0, false
	}
	n = 1
	for range b {
		if n > 1<<40 || n < -1<<40 {
			return 0, false
		}
		n *= a
	}
	return n, true
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

// changing are the operators by which a variable is changed, as those that they are of.
func changing() map[syntax.BinAritOperator]syntax.BinAritOperator {
	return map[syntax.BinAritOperator]syntax.BinAritOperator{
		syntax.AddAssgn: syntax.Add, syntax.SubAssgn: syntax.Sub, syntax.MulAssgn: syntax.Mul, syntax.QuoAssgn: syntax.Quo, syntax.RemAssgn: syntax.Rem,
		syntax.AndAssgn: syntax.And, syntax.OrAssgn: syntax.Or, syntax.XorAssgn: syntax.Xor, syntax.ShlAssgn: syntax.Shl, syntax.ShrAssgn: syntax.Shr,
	}
}

// assignNumber sets a variable.
func (r *runner) assignNumber(st *state, x *syntax.BinaryArithm, depth int) (int, bool) {
	to, isWord := x.X.(*syntax.Word)
	n, ok := r.arithmetic(st, x.Y, depth+1)
	if op, changes := changing()[x.Op]; changes && ok && isWord {
		old, known := r.number(st, to)
		if n, ok = calculate(op, old, n); !known {
			ok = false
		}
	}
	if !ok || !isWord {
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
