package shell

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/pattern"
	"mvdan.cc/sh/v3/syntax"
)

func (r *runner) at(st *state, n syntax.Node) Position { return Position{st.file, n.Pos().Line()} }

func (r *runner) list(st *state, stmts []*syntax.Stmt) flow {
	for _, s := range stmts {
		if f := r.stmt(st, s); f != goes {
			return f
		}
	}
	return goes
}

// stmt runs one statement.
func (r *runner) stmt(st *state, s *syntax.Stmt) flow {
	if !r.step(r.at(st, s)) {
		return ends
	}
	if st.sub == 0 {
		r.last = -1
	}
	if s.Background || st.dialect == dash && bothOutputs(s.Redirs) { // "&>" is "&" and ">"
		r.background(st, s)
		return goes
	}
	if s.Negated {
		st.calm++
	}
	f := r.command(st, s)
	if s.Negated {
		st.calm--
		st.status = negate(st.status)
		return f
	}
	if f == goes && failsShell(s.Cmd) && st.errexit && st.calm == 0 && !st.status.unknown && st.status.code != 0 {
		return r.exit(st, r.at(st, s), st.status)
	}
	if f == goes && failsShell(s.Cmd) && st.errexit && st.calm == 0 && st.sub == 0 && st.status.unknown && st.status.by != "" {
		r.fault(st, Fault{Position: r.at(st, s), Kind: Depends, Name: st.status.by}, false)
		st.status = status{}
	}
	return f
}

func negate(s status) status {
	switch {
	case s.unknown:
		s.proves, s.refutes = s.refutes, s.proves
		return s
	case s.code == 0:
		return status{code: 1}
	}
	return status{}
}

// failsShell says whether a shell that ends with errors ends with this one's:
// what is inside others has ended it already.
func failsShell(c syntax.Command) bool {
	switch c := c.(type) {
	case *syntax.CallExpr, *syntax.Subshell, *syntax.DeclClause, *syntax.TestClause, *syntax.ArithmCmd, *syntax.LetClause:
		return true
	case *syntax.BinaryCmd:
		return c.Op == syntax.Pipe || c.Op == syntax.PipeAll
	}
	return false
}

// exit ends the shell.
func (r *runner) exit(st *state, at Position, s status) flow {
	st.status = s
	switch {
	case st.sub > 0 || s.unknown || s.code == 0:
	case r.last >= 0:
		r.trace.Faults[r.last].Ends = true
	case !st.maybe && len(r.trace.Exits) < maxNoted && !slices.Contains(r.trace.Exits, Exit{at, s.code}):
		r.trace.Exits = append(r.trace.Exits, Exit{at, s.code})
	}
	return ends
}

func (r *runner) command(st *state, s *syntax.Stmt) flow {
	to, ok := r.redirect(st, s.Redirs)
	if !ok {
		return r.unredirected(st, s)
	}
	out, stdin := st.out, st.stdin
	st.out, st.stdin = to.out, to.stdin
	defer func() {
		st.out, st.stdin = out, stdin
		r.written(st, to)
	}()
	switch c := s.Cmd.(type) {
	case nil:
		return goes
	case *syntax.CallExpr:
		return r.call(st, c)
	case *syntax.Block:
		return r.list(st, c.Stmts)
	case *syntax.Subshell:
		return r.subshell(st, c.Stmts)
	case *syntax.IfClause:
		return r.ifClause(st, c)
	case *syntax.WhileClause:
		return inLoop(st, func() flow { return r.while(st, c) })
	case *syntax.ForClause:
		return inLoop(st, func() flow { return r.forClause(st, c) })
	case *syntax.CaseClause:
		return r.caseClause(st, c)
	case *syntax.BinaryCmd:
		return r.binary(st, c)
	case *syntax.FuncDecl:
		if c.Name != nil { // else it is an error, which follows
			st.funcs[c.Name.Value], st.status = function{c.Body, st.file}, status{}
		}
		return goes
	case *syntax.DeclClause:
		return r.declare(st, c)
	}
	return r.bashCommand(st, s)
}

// bashCommand is a statement of a kind that bash has.
func (r *runner) bashCommand(st *state, s *syntax.Stmt) flow {
	switch c := s.Cmd.(type) {
	case *syntax.TestClause:
		return r.testClause(st, c)
	case *syntax.ArithmCmd:
		return r.arithmeticCommand(st, c.X)
	case *syntax.LetClause:
		return r.arithmeticCommand(st, c.Exprs...)
	case *syntax.TimeClause:
		if c.Stmt != nil {
			return r.stmt(st, c.Stmt)
		}
		return goes
	}
	st.status = someStatus
	st.forget(s)
	return goes
}

// unredirected is a statement that is not run, for one of its files cannot be opened.
func (r *runner) unredirected(st *state, s *syntax.Stmt) flow {
	st.status = status{code: 1}
	c, simple := s.Cmd.(*syntax.CallExpr)
	final := simple && st.dialect != bash && len(c.Args) > 0 && special(literal(c.Args[0]))
	if final || simple && st.errexit && st.calm == 0 {
		return r.exit(st, r.at(st, s), st.status)
	}
	return goes
}

// subshell runs statements in a copy.
func (r *runner) subshell(st *state, stmts []*syntax.Stmt) flow {
	in := st.clone()
	in.sub++
	r.list(in, stmts)
	if st.status = in.status; in.trapped && !st.trapped {
		st.status = someStatus
	}
	return goes
}

// either runs two ways of which one is taken, and joins what comes of them.
func (r *runner) either(st *state, a, b func(*state) flow) flow {
	x, y := st.branch(), st.branch()
	fx, fy := a(x), b(y)
	switch {
	case fx != goes && fy != goes:
		maybe := st.maybe
		st.merge(x, y)
		st.maybe = maybe
		return min(fx, fy)
	case fx != goes:
		st.merge(y, y)
	case fy != goes:
		st.merge(x, x)
	default:
		st.merge(x, y)
	}
	return goes
}

func nothing(*state) flow { return goes }

// granting is a way on which a file is there.
func granting(name string, way func(*state) flow) func(*state) flow {
	return func(st *state) flow {
		st.grant(name)
		return way(st)
	}
}

// condition runs what decides.
func (r *runner) condition(st *state, stmts []*syntax.Stmt) (status, flow) {
	st.calm++
	f := r.list(st, stmts)
	st.calm--
	return st.status, f
}

func (r *runner) ifClause(st *state, c *syntax.IfClause) flow {
	if c.CondLast == nil && len(c.Cond) == 0 { // else
		return r.list(st, c.Then)
	}
	s, f := r.condition(st, c.Cond)
	then := func(st *state) flow { return r.list(st, c.Then) }
	other := func(st *state) flow {
		st.status = status{}
		return goes
	}
	if c.Else != nil {
		other = func(st *state) flow { return r.ifClause(st, c.Else) }
	}
	switch {
	case f != goes:
		return f
	case s.unknown:
		return r.either(st, granting(s.proves, then), granting(s.refutes, other))
	case s.code == 0:
		return then(st)
	}
	return other(st)
}

// hereDocument is one's text, without the tabs that "<<-" takes from lines.
func hereDocument(d *syntax.Redirect) *syntax.Word {
	if d.Op != syntax.DashHdoc {
		return d.Hdoc
	}
	w := &syntax.Word{}
	for i, p := range d.Hdoc.Parts {
		lit, ok := p.(*syntax.Lit)
		if !ok {
			w.Parts = append(w.Parts, p)
			continue
		}
		text := afterNewline.ReplaceAllString(lit.Value, "\n")
		if i == 0 {
			text = strings.TrimLeft(text, "\t")
		}
		w.Parts = append(w.Parts, &syntax.Lit{Value: text})
	}
	return w
}

var afterNewline = regexp.MustCompile(`\n\t+`)

func (r *runner) caseClause(st *state, c *syntax.CaseClause) flow {
	return r.caseItems(st, r.word(st, c.Word), c.Items)
}

func (r *runner) caseItems(st *state, v Value, items []*syntax.CaseItem) flow {
	for i, item := range items {
		body := func(st *state) flow { return r.caseBody(st, v, items[i:]) }
		switch hit := r.matchesAny(st, v, item.Patterns); {
		case hit.unknown:
			return r.either(st, body, func(st *state) flow { return r.caseItems(st, v, items[i+1:]) })
		case hit.code == 0:
			st.status = status{}
			return body(st)
		}
	}
	st.status = status{}
	return goes
}

// caseBody runs a case, and what it falls through to.
func (r *runner) caseBody(st *state, v Value, items []*syntax.CaseItem) flow {
	f := r.list(st, items[0].Stmts)
	switch op := items[0].Op; {
	case f != goes || len(items) == 1:
		return f
	case op == syntax.Fallthrough:
		return r.caseBody(st, v, items[1:])
	case op == syntax.Resume || op == syntax.ResumeKorn:
		return r.caseItems(st, v, items[1:])
	}
	return f
}

func (r *runner) matchesAny(st *state, v Value, patterns []*syntax.Word) status {
	hit := status{code: 1}
	for _, p := range patterns {
		switch m := r.matches(st, v, p); {
		case m.unknown:
			hit = m
		case m.code == 0:
			return m
		}
	}
	return hit
}

// matches says whether a value matches a pattern.
func (r *runner) matches(st *state, v Value, word *syntax.Word) status {
	p := r.pattern(st, word)
	if p.Text == "*" && !p.Unknown {
		return status{}
	}
	if v.Unknown || p.Unknown {
		return someStatus
	}
	expr, err := pattern.Regexp(p.Text, pattern.EntireString|st.extended())
	if err != nil {
		return someStatus
	}
	re, err := regexp.Compile(expr)
	switch {
	case err != nil:
		return someStatus
	case re.MatchString(v.Text):
		return status{}
	}
	return status{code: 1}
}

func (r *runner) binary(st *state, c *syntax.BinaryCmd) flow {
	if c.Op == syntax.Pipe || c.Op == syntax.PipeAll {
		return r.pipe(st, c)
	}
	st.calm++
	f := r.stmt(st, c.X)
	st.calm--
	if f != goes {
		return f
	}
	right := func(st *state) flow { return r.stmt(st, c.Y) }
	s := st.status
	if c.Op == syntax.OrStmt {
		s = negate(s)
	}
	switch {
	case s.unknown:
		return r.either(st, granting(s.proves, right), func(st *state) flow { // not run: the left side's status decides
			st.grant(s.refutes)
			if c.Op == syntax.AndStmt {
				st.status = status{code: 1, some: true}
			} else {
				st.status = status{}
			}
			return goes
		})
	case s.code == 0:
		return right(st)
	}
	return goes
}

// pipe runs both sides in shells of their own, the second on what the first
// prints.
func (r *runner) pipe(st *state, c *syntax.BinaryCmd) flow {
	left := st.clone()
	left.out = &output{}
	left.sub++
	left.calm++
	r.stmt(left, c.X)
	right := st.clone()
	right.stdin = streamOf(left.out.Value)
	right.sub++
	right.calm++
	r.stmt(right, c.Y)
	if st.status = right.status; st.pipefail && (left.status.fails() || left.status.unknown) && !right.status.fails() {
		if st.status = left.status; right.status.unknown {
			st.status = status{unknown: true, by: cmp.Or(right.status.by, left.status.by)}
		}
	}
	return goes
}
