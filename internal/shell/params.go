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
	case "!":
		return st.get(jobName)
	case "$", "PPID", "-", "_":
		return unknown, true
	case "HOME":
		if v, set := st.get(name); set {
			return v, true
		}
		return Value{Text: "/root", Unset: "HOME"}, true // whoever starts it gives it one
	case "OLDPWD":
		if _, set := st.get(name); !set && st.moved {
			return unknown, true
		}
	case "OPTIND":
		if _, set := st.get(name); !set {
			return known("1"), true
		}
	case "PWD":
		return st.dir, true
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 0 {
		if n < len(st.args) {
			return st.args[n], true
		}
		return Value{Unknown: st.more}, st.more
	}
	if v, set = st.get(name); set {
		return v, true
	}
	switch {
	case st.dialect == bash || st.dialect == bashAsSh:
		return r.ofBash(st, name)
	case st.dialect == busybox && (name == "RANDOM" || name == "LINENO"):
		return unknown, true
	}
	return v, false
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
	ours := st.dialect == dash && (p.Excl || p.Index != nil || p.Slice != nil || p.Repl != nil)
	if p.Param == nil || p.Names != 0 || ours || p.Excl && (p.Index != nil || !syntax.ValidName(p.Param.Value)) {
		r.badSubstitution(st, p)
		return unknown
	}
	v, set := r.valueOf(st, p)
	name := p.Param.Value
	if !set && st.nounset && !hasDefault(p) {
		return r.notSet(st, p)
	}
	if !set && syntax.ValidName(name) && v.Unset == "" {
		v.Unset = name
	}
	switch {
	case p.Length && p.Index != nil && strings.Contains("@*", indexWord(p.Index)):
		return v
	case p.Length:
		return Value{Text: strconv.Itoa(len(v.Text)), Unknown: v.Unknown, Unset: v.Unset}
	case p.Slice != nil:
		return r.sliced(st, p, v)
	case p.Index != nil && strings.Contains("@*", indexWord(p.Index)) && (p.Repl != nil || p.Exp != nil && len(st.vars[name].list) > 1):
		return unknown // of each of them
	case p.Repl != nil:
		return r.replaced(st, p, v)
	case p.Exp != nil:
		return r.expansion(st, p, v, set)
	}
	return v
}

// valueOf is the parameter that an expansion is of.
func (r *runner) valueOf(st *state, p *syntax.ParamExp) (v Value, set bool) {
	switch {
	case p.Index != nil:
		return r.indexed(st, p)
	case !p.Excl:
		return r.lookup(st, p.Param.Value)
	}
	named, _ := r.lookup(st, p.Param.Value) // whose name is in a variable
	if named.Unknown || !syntax.ValidName(named.Text) {
		return unknown, true
	}
	if v, set = r.lookup(st, named.Text); !set {
		v.Unset = named.Text
	}
	return v, set
}

// sliced is a part of a value, or of a list as one word.
func (r *runner) sliced(st *state, p *syntax.ParamExp, v Value) Value {
	if p.Param.Value == "@" || p.Param.Value == "*" || p.Index != nil && strings.Contains("@*", indexWord(p.Index)) {
		list, more := r.listOf(st, p)
		out := Value{}
		for i, a := range list {
			if i > 0 {
				out = join(out, known(" "))
			}
			out = join(out, a)
		}
		if more {
			return unknown
		}
		return out
	}
	from, to, ok := r.slice(st, p.Slice, len(v.Text))
	if v.Unknown || !ok {
		return unknown
	}
	return Value{Text: v.Text[from:to], Unset: v.Unset}
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
	case syntax.UpperFirst, syntax.UpperAll, syntax.LowerFirst, syntax.LowerAll:
		if r.badSubstitution(st, p); p.Exp.Word == nil {
			return cased(p.Exp.Op, v)
		}
		return unknown
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
	expr, err := pattern.Regexp(p.Text, pattern.EntireString|st.extended())
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
