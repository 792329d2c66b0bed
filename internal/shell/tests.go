package shell

import (
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// test is test(1) and "[".
func (r *runner) test(st *state, c *call) flow {
	args := c.args[1:]
	if c.name() == "[" && len(args) > 0 {
		args = args[:len(args)-1]
	}
	if c.more {
		st.status = someStatus
		return goes
	}
	if st.status = r.truth(st, args); st.status.unknown {
		st.status.by = c.name()
	}
	return goes
}

func truth(yes bool) status {
	if yes {
		return status{}
	}
	return status{code: 1}
}

// unless is what is so, if it is known.
func unless(unknown, yes bool) status {
	s := truth(yes)
	s.unknown = unknown
	return s
}

// truth is what test(1) says of its arguments, by their number as POSIX has it.
func (r *runner) truth(st *state, a []Value) status {
	switch {
	case len(a) == 0:
		return truth(false)
	case len(a) == 1:
		return unless(a[0].Unknown, a[0].Text != "")
	case a[0].Text == "!" && len(a) != 3:
		return negate(r.truth(st, a[1:]))
	case len(a) == 2:
		if !a[0].Unknown && !slices.Contains(strings.Fields(unaryTests), a[0].Text) {
			return status{code: 2}
		}
		return r.unary(st, a[0].Text, a[1])
	case len(a) == 3:
		if a[0].Text == "!" && !binary(a[1].Text) {
			return negate(r.truth(st, a[1:]))
		}
		if !a[1].Unknown && (!binary(a[1].Text) || a[1].Text == "==" && st.dialect == dash) && a[0].Text != "(" {
			return status{code: 2}
		}
		return compare(a[0], a[1].Text, a[2])
	}
	if i := slices.IndexFunc(a, func(v Value) bool { return v.Text == "-o" || v.Text == "-a" }); i >= 0 {
		return both(a[i].Text == "-a", r.truth(st, a[:i]), r.truth(st, a[i+1:])) //nolint:gosec // i is in a
	}
	if len(a) == 4 && a[0].Text != "(" && !slices.ContainsFunc(a, func(v Value) bool { return v.Unknown }) {
		return status{code: 2}
	}
	return someStatus
}

// unaryTests are the tests of one thing that some shell knows.
const unaryTests = "-a -b -c -d -e -f -g -h -k -n -o -p -r -s -t -u -v -w -x -z -G -L -N -O -R -S"

// binary says whether test(1) takes a word between two others for an operator.
func binary(op string) bool {
	return slices.Contains([]string{"=", "==", "!=", "-a", "-o", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef", "<", ">"}, op)
}

func both(and bool, x, y status) status {
	if !and {
		return negate(both(true, negate(x), negate(y)))
	}
	switch {
	case !x.unknown && x.code != 0:
		return x
	case !y.unknown && y.code != 0:
		return y
	case x.unknown || y.unknown:
		return someStatus
	}
	return status{}
}

func (r *runner) unary(st *state, op string, v Value) status {
	switch op {
	case "-n":
		return unless(v.Unknown, v.Text != "")
	case "-z":
		return unless(v.Unknown, v.Text == "")
	case "-t":
		return truth(false)
	case "-v":
		if syntax.ValidName(v.Text) {
			x, set := r.lookup(st, v.Text)
			return unless(x.Unknown, set)
		}
	case "-e", "-f", "-d", "-r", "-x", "-s", "-h", "-L", "-p", "-S", "-b", "-c":
		return r.fileTest(st, op, v)
	}
	return someStatus
}

func (r *runner) fileTest(st *state, op string, v Value) status {
	if v.Text == "" && !v.Unknown {
		return truth(false)
	}
	name, ok := st.place(v)
	if !ok {
		return someStatus
	}
	if op == "-h" || op == "-L" {
		info, err := r.world.Files.Lstat(r.beside(name))
		return truth(err == nil && info.Mode()&fs.ModeSymlink != 0)
	}
	info, err := r.stat(name)
	if err != nil {
		s := unless(fickle(name) || r.world.Open && !r.own(name), false)
		if s.unknown {
			s.proves = name
		}
		return s
	}
	switch op {
	case "-p", "-S", "-b", "-c":
		return unless(!info.Mode().IsRegular() && !info.IsDir(), false)
	case "-f":
		return truth(info.Mode().IsRegular())
	case "-d":
		return truth(info.IsDir())
	case "-x":
		return truth(info.IsDir() || info.Mode()&0o111 != 0)
	case "-s":
		return unless(!r.own(name), info.Size() > 0)
	}
	return truth(true)
}

func compare(x Value, op string, y Value) status {
	if x.Unknown || y.Unknown {
		return someStatus
	}
	switch op {
	case "=", "==":
		return truth(x.Text == y.Text)
	case "!=":
		return truth(x.Text != y.Text)
	case "-a":
		return truth(x.Text != "" && y.Text != "")
	case "-o":
		return truth(x.Text != "" || y.Text != "")
	case "-nt", "-ot", "-ef":
		return someStatus
	case "<", ">":
		return truth(x.Text < y.Text && op == "<" || x.Text > y.Text && op == ">")
	}
	a, err := strconv.Atoi(strings.TrimSpace(x.Text))
	b, err2 := strconv.Atoi(strings.TrimSpace(y.Text))
	if err != nil || err2 != nil {
		return status{code: 2}
	}
	order := map[string]bool{"-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b}
	yes, ok := order[op]
	return unless(!ok, yes)
}

// testClause is "[[", which only some shells know.
func (r *runner) testClause(st *state, c *syntax.TestClause) flow {
	st.status = r.doubleTest(st, c.X)
	return goes
}

func (r *runner) doubleTest(st *state, x syntax.TestExpr) status {
	switch x := x.(type) {
	case *syntax.Word:
		return r.truth(st, []Value{r.word(st, x)})
	case *syntax.ParenTest:
		return r.doubleTest(st, x.X)
	case *syntax.UnaryTest:
		if x.Op == syntax.TsNot {
			return negate(r.doubleTest(st, x.X))
		}
		if w, ok := x.X.(*syntax.Word); ok {
			return r.unary(st, x.Op.String(), r.word(st, w))
		}
	case *syntax.BinaryTest:
		return r.binaryTest(st, x)
	}
	return someStatus
}

func (r *runner) binaryTest(st *state, x *syntax.BinaryTest) status {
	switch x.Op { //nolint:exhaustive // the others compare words
	case syntax.AndTest, syntax.OrTest:
		return both(x.Op == syntax.AndTest, r.doubleTest(st, x.X), r.doubleTest(st, x.Y))
	}
	a, ok := x.X.(*syntax.Word)
	b, ok2 := x.Y.(*syntax.Word)
	if !ok || !ok2 {
		return someStatus
	}
	switch x.Op { //nolint:exhaustive // the others are numbers, or not known
	case syntax.TsMatch, syntax.TsMatchShort:
		return r.matches(st, r.word(st, a), b)
	case syntax.TsNoMatch:
		return negate(r.matches(st, r.word(st, a), b))
	case syntax.TsReMatch:
		return r.regularTest(st, r.word(st, a), b)
	case syntax.TsEql, syntax.TsNeq, syntax.TsLss, syntax.TsGtr, syntax.TsLeq, syntax.TsGeq:
		n, ok := r.number(st, a)
		m, ok2 := r.number(st, b)
		if ok && ok2 {
			return compare(known(strconv.Itoa(n)), x.Op.String(), known(strconv.Itoa(m)))
		}
		return someStatus
	}
	return compare(r.word(st, a), x.Op.String(), r.word(st, b))
}
