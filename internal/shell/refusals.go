package shell

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Commands of the shell's own refuse some of what they are given. Which do, and what
// ends over it, was tried with dash 0.5.12, BusyBox 1.35 and bash 5.2.

// refusing are those that are known for nothing else.
func refusing() map[string]command {
	return map[string]command{"trap": (*runner).trap, "umask": (*runner).umask, "ulimit": (*runner).ulimit}
}

// strict says whether a shell ends over names that are none.
func (st *state) strict() bool { return st.dialect == dash || st.dialect == busybox }

// refuse is a command that refuses its arguments; final says that the shell ends over
// it, whatever is around it.
func (r *runner) refuse(st *state, c *call, why string, final bool) flow {
	r.fault(st, Fault{Position: c.at, Kind: Refused, Name: c.name() + ": " + why}, final)
	st.status = status{code: 2}
	if final {
		return r.exit(st, c.at, st.status)
	}
	return goes
}

// fixed says whether a variable may not be set; shells but bash under its own name
// end where that is tried.
func (r *runner) fixed(st *state, at Position, name string) bool {
	if !st.vars[name].fixed {
		return false
	}
	final := st.dialect != bash
	r.fault(st, Fault{Position: at, Kind: Refused, Name: name + ": is read only"}, final)
	st.bad, st.status = st.bad || final, status{code: 1}
	return true
}

// notSet is a variable that is not set where "set -u" has the shell end over that.
// Whoever starts it may give it one.
func (r *runner) notSet(st *state, p *syntax.ParamExp) Value {
	name := p.Param.Value
	if _, err := strconv.Atoi(name); err == nil || name == "!" {
		r.fault(st, Fault{Position: r.at(st, p), Kind: Refused, Name: name + ": parameter not set"}, true)
		st.bad = true
		return unknown
	}
	if st.dialect == dash && slices.Contains([]string{"RANDOM", "SECONDS", "LINENO", "EUID"}, name) { // which nobody sets
		r.fault(st, Fault{Position: r.at(st, p), Kind: Refused, Name: name + ": parameter not set"}, true)
		st.bad = true
		return unknown
	}
	if !slices.Contains([]string{"HOME", "PATH", "PWD", "IFS", "OPTIND", "OPTARG", "@", "*"}, name) {
		r.fault(st, Fault{Position: r.at(st, p), Kind: Unset, Name: name}, false)
	}
	return unknown
}

// hasDefault says whether a parameter may be unset where it stands.
func hasDefault(p *syntax.ParamExp) bool {
	if p.Exp == nil {
		return p.Param.Value == "@" || p.Param.Value == "*"
	}
	switch p.Exp.Op { //nolint:exhaustive // the others want a value
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull, syntax.DefaultUnset, syntax.DefaultUnsetOrNull,
		syntax.AssignUnset, syntax.AssignUnsetOrNull, syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		return true
	}
	return false
}

// badArithmetic is an expression over which shells but bash under its own name end.
func (r *runner) badArithmetic(st *state, at syntax.Node, why string) {
	final := st.dialect != bash
	r.fault(st, Fault{Position: r.at(st, at), Kind: Refused, Name: "arithmetic: " + why}, final)
	st.bad = st.bad || final
}

// badOption is the first of a command's options that is none of some letters.
func badOption(c *call, letters string) string {
	for _, a := range c.args[1:] {
		if a.Unknown || !strings.HasPrefix(a.Text, "-") || a.Text == "-" || a.Text == "--" {
			return ""
		}
		if bad := strings.Trim(a.Text[1:], letters); bad != "" {
			return "-" + bad[:1]
		}
		if strings.HasSuffix(a.Text, "p") && c.name() == "read" {
			return "" // a question follows
		}
	}
	return ""
}

// badFormat is what dash has against what printf is given.
func (c *call) badFormat(d dialect) string {
	if d != dash || c.name() != "printf" || len(c.args) < 2 || c.args[1].Unknown {
		return ""
	}
	format := c.args[1].Text
	if len(format) > 1 && format[0] == '-' && format != "--" {
		return "Illegal option " + format[:2]
	}
	for _, d := range directive.FindAllString(format, -1) {
		if !strings.ContainsAny(d[len(d)-1:], "%diouxXeEfFgGaAcsb") {
			return d + ": invalid directive"
		}
	}
	return ""
}

var directive = regexp.MustCompile(`%[-+ #0]*[0-9*]*(\.[0-9*]*)?.`)

// trap is known to refuse names of signals that are none.
func (r *runner) trap(st *state, c *call) flow {
	st.status = status{}
	if len(c.args) < 3 {
		return goes
	}
	words := c.args[1:]
	if words[0].Text == "--" {
		words = words[1:]
	}
	for _, a := range words[1:] {
		if a.Text == "EXIT" || a.Text == "0" {
			st.trapped = words[0].Text != "-" && words[0].Text != ""
		}
		name := strings.ToUpper(a.Text)
		short := strings.TrimPrefix(name, "SIG")
		if st.dialect == dash {
			short = name
		}
		_, err := strconv.Atoi(short)
		known := a.Unknown || err == nil || slices.Contains(strings.Fields(signals), short) || strings.HasPrefix(short, "RT")
		if (st.dialect == bash || st.dialect == bashAsSh) && slices.Contains([]string{"ERR", "DEBUG", "RETURN"}, name) {
			known = true
		}
		if !known {
			return r.refuse(st, c, a.Text+": bad trap", false)
		}
	}
	return goes
}

const signals = "EXIT HUP INT QUIT ILL TRAP ABRT IOT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO POLL PWR SYS"

// umask takes octal numbers, and letters for whom and what.
func (r *runner) umask(st *state, c *call) flow {
	st.status = status{}
	if len(c.args) == 1 || strings.HasPrefix(c.args[1].Text, "-") {
		st.out.add(unknown)
	}
	for _, a := range c.args[1:] {
		if !a.Unknown && !maskText.MatchString(a.Text) {
			return r.refuse(st, c, "Illegal mode: "+a.Text, false)
		}
	}
	return goes
}

var maskText = regexp.MustCompile(`^([0-7]+|-[Sp]+|[ugoa]*[-+=][rwxXstugo]*(,[ugoa]*[-+=][rwxXstugo]*)*)$`)

// killsItself says whether kill is told to end the shell that calls it.
func killsItself(args []*syntax.Word) bool {
	for i, w := range args {
		p, ok := w.Parts[0].(*syntax.ParamExp)
		if ok && len(w.Parts) == 1 && p.Param != nil && p.Param.Value == "$" {
			return i == 0 || !slices.Contains([]string{"-0", "0", "-CONT", "-CHLD"}, literal(args[i-1]))
		}
	}
	return false
}

// noteMade notes the paths that a program is given, which it may make.
func (r *runner) noteMade(st *state, c *call) {
	base := path.Base(c.name())
	use := fileUses()[base]
	if programFor(base) != nil && !slices.Contains([]string{"mkdir", "mktemp", "ln", "xargs", "sh", "bash"}, base) && !use.makes && !use.into {
		return // they read
	}
	for _, a := range c.args[1:] {
		if name, ok := st.place(a); ok && strings.Contains(a.Text, "/") && len(r.made) < maxNoted {
			r.made[name] = true
		}
	}
}

// mayBeMade says whether a program was given a file, or a folder around or in it.
func (r *runner) mayBeMade(name string) bool {
	for at := range r.made {
		if at == name || strings.HasPrefix(name, at+"/") || strings.HasPrefix(at, name+"/") {
			return true
		}
	}
	return false
}

// noFolder says whether a file is to be written where there is no folder for it.
func (r *runner) noFolder(st *state, to Value) bool {
	name, ok := st.place(to)
	dir := path.Dir(name)
	return ok && (!r.world.Open || r.own(name)) && r.missing(dir)
}

// noteWritten notes a file that a redirection makes.
func (r *runner) noteWritten(st *state, at Position, to Value) {
	name, ok := st.place(to)
	if !ok || len(r.trace.Writes) >= maxNoted {
		return
	}
	r.made[name] = true
	r.trace.Writes = append(r.trace.Writes, Write{at, name, !st.maybe})
}

// folder says whether a name is a folder's, where nothing is read.
func (r *runner) folder(name string) bool {
	info, err := r.stat(name)
	return err == nil && info.IsDir()
}

// writes says whether a redirection makes a file.
func writes(op syntax.RedirOperator) bool {
	return slices.Contains([]syntax.RedirOperator{syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll}, op)
}

func bothOutputs(redirs []*syntax.Redirect) bool {
	return slices.ContainsFunc(redirs, func(d *syntax.Redirect) bool { return d.Op == syntax.RdrAll || d.Op == syntax.AppAll })
}

// mkdir makes no folder below a file and, without -p, none where something is or in one
// that is not there.
func mkdir(r *runner, st *state, c *call) (Value, status) {
	parents := slices.ContainsFunc(c.args[1:], func(a Value) bool { return strings.HasPrefix(a.Text, "-") && strings.Contains(a.Text, "p") })
	for _, a := range c.args[1:] {
		name, ok := st.place(a)
		if !ok || strings.HasPrefix(a.Text, "-") || !strings.Contains(a.Text, "/") {
			continue
		}
		dir := path.Dir(name)
		for parents && dir != "." && !r.there(dir) {
			dir = path.Dir(dir)
		}
		if r.lacks(dir) {
			return Value{}, r.faultOf(st, Fault{Position: c.at, Kind: NoFolder, Name: "/" + dir}, a, 1)
		}
		if !parents && r.there(name) && !fickle(name) {
			return r.misusedBy(st, c, a.Text+" is there already", a)
		}
	}
	return Value{}, status{}
}

// mktemp makes a file, or a folder, whose name begins as it is told.
func mktemp(r *runner, st *state, c *call) (Value, status) {
	for _, a := range operands(c) {
		if name, ok := st.place(a); ok && strings.Contains(a.Text, "/") && r.lacks(path.Dir(name)) {
			s := r.faultOf(st, Fault{Position: c.at, Kind: NoFolder, Name: "/" + path.Dir(name)}, a, 1)
			return Value{Unknown: s.unknown}, s
		}
	}
	return unknown, status{}
}

func (r *runner) there(name string) bool {
	_, err := r.stat(name)
	return err == nil
}

// lacks says whether a folder is known not to be there, or to be none.
func (r *runner) lacks(dir string) bool {
	if fickle(dir) || r.made[dir] || r.world.Open && !r.own(dir) {
		return false
	}
	info, err := r.stat(dir)
	return err != nil || !info.IsDir()
}
