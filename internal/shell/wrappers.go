package shell

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// smallProgram is what small programs come to, most of them whatever they are given.
func smallProgram(name string) program {
	switch name {
	case "true":
		return func(*runner, *state, *call) (Value, status) { return Value{}, status{} }
	case "false":
		return func(*runner, *state, *call) (Value, status) { return Value{}, status{code: 1} }
	case "test":
		return testProgram
	case "expr":
		return expr
	case "sleep":
		return sleep
	case "seq":
		return seq
	case "id":
		return id
	case "printenv":
		return printenv
	case "date":
		return date
	case "uname":
		return uname
	case "hostname":
		return hostname
	case "ln":
		return ln
	case "echo", "printf":
		return echoProgram
	case "sh", "bash", "dash", "ash":
		return callShell
	case "whoami", "nproc", "arch", "sync", "groups", "logname", "tput", "clear", "logger":
		return func(*runner, *state, *call) (Value, status) { return unknown, status{} }
	}
	return nil
}

// echoProgram is echo and printf where they are files.
func echoProgram(r *runner, st *state, c *call) (Value, status) {
	if path.Base(c.name()) != "echo" || c.more {
		return unknown, status{}
	}
	return echoed(bash, c.args[1:]), status{}
}

// testProgram is test(1) where it is called by its path.
func testProgram(r *runner, st *state, c *call) (Value, status) {
	if c.more {
		return Value{}, unsure("test")
	}
	return Value{}, r.truth(st, c.args[1:])
}

// callShell is a shell that is given a script, or its text.
func callShell(r *runner, st *state, c *call) (Value, status) {
	o := parted(c.args[1:], "o")
	if len(o.operands) == 0 || o.operands[0].Unknown || len(o.long) > 0 {
		return unknown, unsure(path.Base(c.name()))
	}
	at, kind := r.find(st, c.args[0])
	if kind != "" {
		at = "bin/sh"
	}
	in := st.child(c.args[:1], c.more)
	if in.out = (&output{}); c.exec {
		in.sub = st.sub
	}
	if o.has('c') {
		if len(o.operands) > 1 {
			in.args = o.operands[1:]
		}
		in.dialect, in.errexit, in.file = r.dialectOf(at), o.has('e'), st.file
		r.shellText(in, c, o.operands[0].Text)
		return in.out.Value, in.status
	}
	name, ok := st.place(o.operands[0])
	switch {
	case !ok:
		return unknown, unsure(path.Base(c.name()))
	case r.missing(name) || r.folder(name):
		s := r.faultOf(st, Fault{Position: c.at, Kind: NoSource}, o.operands[0], 127)
		return Value{Unknown: s.unknown}, s
	case !r.own(name):
		return unknown, unsure(path.Base(name))
	}
	text, err := r.text(name)
	if err != nil {
		return unknown, unsure(path.Base(name))
	}
	r.shellFile(in, name, text, append([]Value{o.operands[0]}, o.operands[1:]...), at)
	return in.out.Value, in.status
}

// shellText runs a text as a script, whose lines are those of the command that gives it.
func (r *runner) shellText(st *state, c *call, text string) {
	if r.depth++; r.depth > maxDepth {
		r.depth--
		r.stop(c.at, "scripts call one another too deep")
		st.status = someStatus
		return
	}
	defer func() { r.depth-- }()
	stmts, err := parse(text, st.variant(), 0)
	if err != nil {
		r.fault(st, Fault{Position: c.at, Kind: Syntax, Name: err.Error()}, false)
		st.status = status{code: 2}
		return
	}
	r.list(st, stmts)
}

// expr knows sums of two numbers; that of nothing is a failure.
func expr(r *runner, st *state, c *call) (Value, status) {
	if slices.ContainsFunc(c.args, func(v Value) bool { return v.Unknown }) || c.more || len(c.args) != 4 {
		return unknown, unsure("expr")
	}
	a, err := strconv.Atoi(c.args[1].Text)
	b, err2 := strconv.Atoi(c.args[3].Text)
	op := c.args[2].Text
	if !slices.Contains([]string{"+", "-", "*", "/", "%"}, op) {
		return unknown, unsure("expr")
	}
	if err != nil || err2 != nil || b == 0 && (op == "/" || op == "%") {
		v, s := r.misused(st, c, "it is given what is no number")
		s.code = 2
		return v, s
	}
	n := map[string]func() int{"+": func() int { return a + b }, "-": func() int { return a - b }, "*": func() int { return a * b }, "/": func() int { return a / b }, "%": func() int { return a % b }}[op]()
	return known(strconv.Itoa(n) + "\n"), truth(n != 0)
}

var duration = regexp.MustCompile(`^([0-9]+(\.[0-9]*)?|\.[0-9]+|infinity|inf)[smhd]?$`)

func sleep(r *runner, st *state, c *call) (Value, status) {
	for _, a := range c.args[1:] {
		if !a.Unknown && !strings.HasPrefix(a.Text, "-") && !duration.MatchString(a.Text) {
			return r.misused(st, c, "invalid time interval "+a.Text)
		}
	}
	return Value{}, status{}
}

func seq(r *runner, st *state, c *call) (Value, status) {
	for _, a := range parted(c.args[1:], "fs").operands {
		if _, err := strconv.ParseFloat(a.Text, 64); err != nil && !a.Unknown {
			return r.misused(st, c, "invalid argument "+a.Text)
		}
	}
	return unknown, status{}
}

// id of somebody depends on who there is.
func id(_ *runner, _ *state, c *call) (Value, status) {
	if len(parted(c.args[1:], "").operands) > 0 {
		return unknown, unsure("id")
	}
	return unknown, status{}
}

// printenv of what is not set fails; whoever starts it may set it.
func printenv(r *runner, st *state, c *call) (Value, status) {
	names := parted(c.args[1:], "").operands
	if len(names) != 1 || names[0].Unknown {
		return unknown, status{}
	}
	if v, ok := st.vars[names[0].Text]; ok && v.exported {
		return join(v.Value, known("\n")), status{}
	}
	r.fault(st, Fault{Position: c.at, Kind: Unset, Name: names[0].Text}, false)
	return unknown, status{}
}

func date(_ *runner, _ *state, c *call) (Value, status) {
	o := parted(c.args[1:], "dfIrs")
	if o.has('d') || o.has('f') || o.has('s') || o.has('r') || len(o.long) > 0 {
		return unknown, unsure("date")
	}
	return unknown, status{}
}

func uname(r *runner, st *state, c *call) (Value, status) {
	o := parted(c.args[1:], "")
	if bad := strings.Trim(o.letters, "asnrvmpio"); bad != "" || len(o.operands) > 0 {
		return r.misused(st, c, "it is given what it does not know")
	}
	long := strings.Fields("--all --kernel-name --nodename --kernel-release --kernel-version --machine --processor --hardware-platform --operating-system --help --version")
	if slices.ContainsFunc(o.long, func(l string) bool { return !slices.Contains(long, l) }) {
		return r.misused(st, c, "it is given what it does not know")
	}
	if o.letters == "" && len(o.long) == 0 || o.letters == "s" {
		return known("Linux\n"), status{}
	}
	return unknown, status{}
}

func hostname(_ *runner, _ *state, c *call) (Value, status) {
	if len(c.args) > 1 {
		return unknown, unsure("hostname")
	}
	return unknown, status{}
}

// ln makes no link where there is something, unless it is told to.
func ln(r *runner, st *state, c *call) (Value, status) {
	o := parted(c.args[1:], "St")
	if len(o.operands) != 2 || o.has('t') || c.more {
		return Value{}, status{}
	}
	to := o.operands[1]
	at, ok := st.place(to)
	switch {
	case !ok:
		return Value{}, status{}
	case r.noFolder(st, to):
		return Value{}, r.faultOf(st, Fault{Position: c.at, Kind: NoOutput}, to, 1)
	case r.there(at) && !r.folder(at) && !o.has('f') && !fickle(at):
		return r.misusedBy(st, c, to.Text+" is there already", to)
	}
	r.noteWritten(st, c.at, to)
	return Value{}, status{}
}
