package shell

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/pattern"
	"mvdan.cc/sh/v3/syntax"
)

// extended are the extensions that a shell's patterns have.
func (st *state) extended() (mode pattern.Mode) {
	if st.dialect == bash || st.dialect == bashAsSh {
		mode |= pattern.ExtendedOperators
	}
	if st.shopts["nocasematch"] {
		mode |= pattern.NoGlobCase
	}
	return mode
}

// expression is a pattern as a regular expression that may match anywhere, nil of one
// that is none.
func (r *runner) expression(st *state, text string) *regexp.Regexp {
	expr, err := pattern.Regexp(text, st.extended())
	if err != nil {
		return nil
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil
	}
	return re
}

// arithmeticCommand is "((" and let: what comes to 0 is a failure.
func (r *runner) arithmeticCommand(st *state, list ...syntax.ArithmExpr) flow {
	for _, x := range list {
		n, ok := r.arithmetic(st, x, 0)
		if st.status = truth(n != 0); !ok {
			st.status = someStatus
		}
	}
	return r.ended(st)
}

// step is "++" and "--".
func (r *runner) stepNumber(st *state, x *syntax.UnaryArithm) (int, bool) {
	w, isWord := x.X.(*syntax.Word)
	if !isWord || !syntax.ValidName(literal(w)) || st.dialect == dash {
		st.forgetNumber(x.X)
		return 0, false
	}
	old, ok := r.number(st, w)
	if !ok {
		st.forgetNumber(x.X)
		return 0, false
	}
	n := old + 1
	if x.Op == syntax.Dec {
		n = old - 1
	}
	if st.set(literal(w), known(strconv.Itoa(n))); x.Post {
		return old, true
	}
	return n, true
}

// countedLoop is "for ((a; b; c))".
func (r *runner) countedLoop(st *state, c *syntax.ForClause, l *syntax.CStyleLoop) flow {
	if l.Init != nil {
		_, _ = r.arithmetic(st, l.Init, 0)
	}
	for r.step(r.at(st, c)) {
		n, ok := 1, true
		if l.Cond != nil {
			n, ok = r.arithmetic(st, l.Cond, 0)
		}
		switch {
		case !ok:
			st.forget(c.Do...)
			for _, x := range []syntax.ArithmExpr{l.Init, l.Post} {
				if x != nil {
					st.forgetIn(x)
				}
			}
			return r.either(st, func(st *state) flow { return loop(st, r.list(st, c.Do)) }, nothing)
		case n == 0:
			st.status = status{}
			return goes
		}
		if f := r.list(st, c.Do); f != goes && (f != continues || st.levels > 0) {
			return loop(st, f)
		}
		if l.Post != nil {
			_, _ = r.arithmetic(st, l.Post, 0)
		}
	}
	return ends
}

// forgetIn makes unknown what an expression may change.
func (st *state) forgetIn(x syntax.ArithmExpr) {
	syntax.Walk(x, func(n syntax.Node) bool {
		if w, ok := n.(*syntax.Word); ok {
			st.forgetNumber(w)
		}
		return true
	})
}

// regularTest is "[[ A =~ x ]]", which keeps what it found.
func (r *runner) regularTest(st *state, v Value, w *syntax.Word) status {
	var expr Value
	for _, p := range w.Parts {
		x := r.part(st, p, false)
		switch p := p.(type) {
		case *syntax.Lit:
			x = known(p.Value)
		case *syntax.SglQuoted, *syntax.DblQuoted:
			x.Text = regexp.QuoteMeta(x.Text)
		}
		expr = join(expr, x)
	}
	st.setArray("BASH_REMATCH", nil)
	if v.Unknown || expr.Unknown || len(v.Text) > maxName {
		return someStatus
	}
	text, _, err := translated(expr.Text, true)
	if err != nil {
		return someStatus
	}
	if st.shopts["nocasematch"] {
		text = "(?i)" + text
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return someStatus
	}
	found := re.FindStringSubmatch(v.Text)
	list := []Value{}
	for _, f := range found {
		list = append(list, known(f))
	}
	st.setArray("BASH_REMATCH", list)
	return truth(found != nil)
}

// shopt sets options of bash.
func (r *runner) shopt(st *state, c *call) flow {
	o := parted(c.args[1:], "")
	st.status = status{}
	for _, v := range o.operands {
		switch {
		case v.Unknown:
			st.status = someStatus
		case !slices.Contains(strings.Fields(shoptNames), v.Text):
			st.status = status{code: 1}
		case o.has('s') || o.has('u'):
			options := map[string]bool{}
			maps.Copy(options, st.shopts)
			options[v.Text] = o.has('s')
			st.shopts = options
		default:
			st.status = someStatus
			if on, set := st.shopts[v.Text]; set {
				st.status = truth(on)
			} else if v.Text == "nullglob" || v.Text == "extglob" || v.Text == "nocasematch" {
				st.status = truth(false)
			}
		}
	}
	return goes
}

const shoptNames = "autocd assoc_expand_once cdable_vars cdspell checkhash checkjobs checkwinsize cmdhist compat31 compat32 compat40 compat41 compat42 compat43 compat44 complete_fullquote direxpand dirspell " +
	"dotglob execfail expand_aliases extdebug extglob extquote failglob force_fignore globasciiranges globskipdots globstar gnu_errfmt histappend histreedit histverify hostcomplete huponexit inherit_errexit " +
	"interactive_comments lastpipe lithist localvar_inherit localvar_unset login_shell mailwarn no_empty_cmd_completion nocaseglob nocasematch noexpand_translation nullglob patsub_replacement progcomp " +
	"progcomp_alias promptvars restricted_shell shift_verbose sourcepath varredir_close xpg_echo array_expand_once bash_source_fullpath"

// mapfile reads all lines into an array.
func (r *runner) mapfile(st *state, c *call) flow {
	o := parted(c.args[1:], "cdnOsuC")
	name := "MAPFILE"
	if len(o.operands) > 0 {
		name = o.operands[0].Text
	}
	in := c.drain()
	if in.Unknown || o.letters != "t" || len(o.long) > 0 || c.more {
		st.setArray(name, nil)
		return goes
	}
	list := []Value{}
	for line := range strings.Lines(in.Text) {
		if r.steps++; len(list) == maxValues {
			st.setArray(name, nil)
			return goes
		}
		list = append(list, Value{Text: strings.TrimSuffix(line, "\n"), Unset: in.Unset})
	}
	st.setArray(name, list)
	return goes
}

// bracedWords are the words that braces make of one: "a{b,c}". Those that would be many are
// not known.
func (st *state) bracedWords(w *syntax.Word) (words []*syntax.Word, ok bool) {
	if st.dialect != bash && st.dialect != bashAsSh {
		return []*syntax.Word{w}, true
	}
	braces, large := 0, false
	for _, p := range w.Parts {
		lit, isLit := p.(*syntax.Lit)
		if !isLit {
			continue
		}
		braces += strings.Count(lit.Value, "{")
		for _, m := range sequence.FindAllStringSubmatch(lit.Value, -1) {
			a, err := strconv.Atoi(m[1])
			b, err2 := strconv.Atoi(m[2])
			large = large || err != nil || err2 != nil || max(a-b, b-a) > 200
		}
	}
	if braces == 0 {
		return []*syntax.Word{w}, true
	}
	if braces > 2 || large {
		return nil, false
	}
	split := *w
	split.Parts = slices.Clone(w.Parts)
	syntax.SplitBraces(&split)
	for word, err := range expand.BracesSeq(nil, &split) {
		if words = append(words, word); err != nil || len(words) > maxValues {
			return nil, false
		}
	}
	return words, true
}

var sequence = regexp.MustCompile(`\{([-+]?[0-9]+)\.\.([-+]?[0-9]+)`)

// ofBash are parameters that bash sets by itself.
func (r *runner) ofBash(st *state, name string) (v Value, set bool) {
	switch name {
	case "BASH_SOURCE":
		return known(r.sourceName(st)), true
	case "UID", "EUID", "RANDOM", "SECONDS", "HOSTNAME", "LINENO", "BASH_VERSION", "BASH_VERSINFO", "BASH", "BASHPID", "PIPESTATUS", "FUNCNAME", "OSTYPE", "HOSTTYPE", "MACHTYPE", "SHLVL", "EPOCHSECONDS", "EPOCHREALTIME", "SRANDOM", "PPID", "GROUPS", "DIRSTACK", "BASH_SUBSHELL", "BASH_LINENO", "BASH_COMMAND", "SHELLOPTS", "BASHOPTS":
		return unknown, true
	}
	return Value{}, false
}

// sourceName is what bash calls the file that it reads.
func (r *runner) sourceName(st *state) string {
	if len(st.args) > 0 {
		if at, ok := st.place(st.args[0]); ok {
			if real, err := r.world.Resolve(at); err == nil && real == st.file {
				return st.args[0].Text
			}
		}
	}
	return "/" + st.file
}
