package shell

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

type command func(*runner, *state, *call) flow

// builtins are those that all shells have.
func builtins() map[string]command {
	out := map[string]command{
		"false": func(_ *runner, st *state, _ *call) flow { st.status = status{code: 1}; return goes },
		"cd":    (*runner).cd, "pwd": (*runner).pwd, "unset": (*runner).unset, "set": (*runner).set, "shift": (*runner).shift, ".": (*runner).dot, "eval": (*runner).eval,
		"exec": (*runner).execute, "command": (*runner).past, "read": (*runner).read, "getopts": (*runner).getopts, "wait": (*runner).wait,
	}
	for list, run := range map[string]command{
		": true times alias unalias bg fg jobs kill": ends0, "test [": (*runner).test, "echo printf": (*runner).print, "exit return break continue": (*runner).leave,
		"export readonly local": (*runner).export, "type hash": (*runner).typeOf,
	} {
		for name := range strings.FieldsSeq(list) {
			out[name] = run
		}
	}
	maps.Copy(out, refusing())
	return out
}

// builtin is a command of a shell's own, nil if it has none of that name.
func (r *runner) builtin(d dialect, name string) command {
	if run, ok := r.builtins[name]; ok {
		return run
	}
	ofBash := d == bash || d == bashAsSh
	switch {
	case d != dash && name == "source":
		return (*runner).dot
	case ofBash && name == "shopt":
		return (*runner).shopt
	case ofBash && name == "pushd":
		return (*runner).cd
	case ofBash && (name == "mapfile" || name == "readarray"):
		return (*runner).mapfile
	case d != dash && (name == "let" || name == "[["), ofBash && slices.Contains(bashOnly(), name):
		return anyStatus
	}
	return nil
}

func bashOnly() []string {
	return strings.Fields("declare typeset shopt pushd popd dirs mapfile readarray disown enable builtin caller bind complete compgen compopt help history suspend logout")
}

func ends0(_ *runner, st *state, _ *call) flow { st.status = status{}; return goes }

func anyStatus(_ *runner, st *state, _ *call) flow {
	st.status = someStatus
	st.out.add(unknown)
	return goes
}

func (r *runner) cd(st *state, c *call) flow {
	args := slices.DeleteFunc(slices.Clone(c.args[1:]), func(v Value) bool { return strings.HasPrefix(v.Text, "-") && v.Text != "-" })
	if len(args) != 1 || c.more || args[0].Text == "-" {
		st.dir = unknown
		return goes
	}
	name, ok := st.place(args[0])
	if !ok {
		st.dir = unknown
		return goes
	}
	real, err := r.world.Resolve(name)
	if err == nil {
		if info, serr := r.world.Files.Stat(real); serr == nil && !info.IsDir() {
			err = errors.ErrUnsupported // it is a file
		}
	}
	if err != nil {
		if fickle(name) || r.mayBeMade(name) {
			st.dir = unknown
			return goes
		}
		if st.status = r.faultOf(st, Fault{Position: c.at, Kind: NoFolder}, args[0], 2); args[0].Unset != "" {
			st.dir = unknown
		}
		return goes
	}
	st.dir, st.moved = known("/"+strings.TrimPrefix(real, ".")), true
	return goes
}

func (r *runner) pwd(st *state, _ *call) flow {
	st.out.add(join(st.dir, known("\n")))
	return goes
}

// leave ends the script, a function or a loop.
func (r *runner) leave(st *state, c *call) flow {
	f := map[string]flow{"exit": ends, "return": returns, "break": breaks, "continue": continues}[c.name()]
	s := st.lastStatus(c)
	if f == breaks || f == continues {
		if st.loops == 0 {
			return goes
		}
		if st.levels = 0; len(c.args) > 1 && !s.unknown {
			st.levels = min(max(s.code, 1), st.loops) - 1
		}
		return f
	}
	if f == ends {
		return r.exit(st, c.at, s)
	}
	st.status = s
	return f
}

func (st *state) lastStatus(c *call) status {
	if len(c.args) < 2 {
		return someStatus
	}
	n, err := strconv.Atoi(c.args[1].Text)
	return status{code: n & 0xff, unknown: err != nil || c.args[1].Unknown}
}

func (r *runner) shift(st *state, c *call) flow {
	n := 1
	if len(c.args) > 1 {
		s := st.lastStatus(c)
		if s.unknown {
			st.args, st.more = st.args[:min(1, len(st.args))], true
			return goes
		}
		n = s.code
	}
	if n >= len(st.args) {
		if st.more {
			st.args = st.args[:1]
			return goes
		}
		if st.dialect == dash {
			return r.refuse(st, c, "can't shift that many", true)
		}
		st.status = status{code: 1}
		return goes
	}
	if n > 0 {
		st.args = append(slices.Clone(st.args[:1]), st.args[1+n:]...)
	}
	return goes
}

// dot reads a file as if it stood here. Where there is none, shells end, but for
// bash under its own name.
func (r *runner) dot(st *state, c *call) flow {
	if len(c.args) < 2 || c.args[1].Unknown {
		r.stop(c.at, "which file it reads is not known")
		st.status = someStatus
		return goes
	}
	name := c.args[1]
	at, ok := st.place(name)
	if !strings.Contains(name.Text, "/") && st.dialect != bash {
		var kind FaultKind
		at, kind = r.find(st, name)
		ok = kind != "unknown"
	}
	text, err := r.text(at)
	info, serr := r.stat(at)
	if at == "" { // on no path
		err, serr = fs.ErrNotExist, fs.ErrNotExist
	}
	switch {
	case ok && err == nil && r.isKept(at):
		return r.dotted(st, c, at, text)
	case !ok || err != nil && (fickle(at) || r.mayBeMade(at)):
		if r.stop(c.at, "which file it reads is not known"); ok && r.lacksNow(st, at) && st.sub == 0 && (st.dialect != bash || st.errexit && st.calm == 0) {
			r.fault(st, Fault{Position: c.at, Kind: Depends, Name: "reading " + name.Text}, false)
		}
		st.status = someStatus
		return goes
	case errors.Is(err, errTooLarge):
		r.stop(Position{at, 1}, err.Error())
		st.status = someStatus
		return goes
	case serr == nil && info.IsDir() && st.dialect == dash:
		return goes // of a folder it reads nothing
	case err != nil || serr != nil || info.IsDir():
		if name.Unset != "" {
			st.status = r.faultOf(st, Fault{Position: c.at, Kind: NoSource}, name, 1)
			return goes
		}
		fatal := st.dialect != bash || st.errexit && st.calm == 0
		r.fault(st, Fault{Position: c.at, Kind: NoSource, Name: name.Text, Open: r.world.Open && !r.own(at)}, fatal)
		st.status = status{code: 1}
		if fatal && (!r.world.Open || r.own(at)) {
			return ends
		}
		return goes
	}
	return r.dotted(st, c, at, text)
}

// dotted reads the text of a file that is there.
func (r *runner) dotted(st *state, c *call, at, text string) flow {
	if r.depth++; r.depth > maxDepth {
		r.depth--
		return ends
	}
	f := r.sourced(st, c, at, text)
	r.depth--
	return f
}

// sourced runs a file that is read. In dash and busybox, what decides around the file
// does not keep a failure in it, or its return, from ending the shell.
func (r *runner) sourced(st *state, c *call, at, text string) flow {
	calm, strict := st.calm, st.dialect == dash || st.dialect == busybox
	if strict {
		st.calm = 0
	}
	f := r.source(st, at, text)
	ends := strict && f == returns && st.errexit && st.calm == 0 && st.status.fails()
	st.calm = calm
	switch {
	case ends:
		return r.exit(st, c.at, st.status)
	case f == returns:
		return goes
	}
	return f
}

// eval runs words as a script.
func (r *runner) eval(st *state, c *call) flow {
	text := Value{}
	for _, a := range c.args[1:] {
		text = join(join(text, a), known(" "))
	}
	if text.Unknown || c.more {
		r.stop(c.at, "what it evaluates is not known")
		st.status = someStatus
		return goes
	}
	stmts, err := parse(text.Text, st.variant(), 0)
	if err != nil {
		r.stop(c.at, "what it evaluates is no shell")
		return goes
	}
	return r.list(st, stmts)
}

func (r *runner) execute(st *state, c *call) flow {
	args := c.args[1:]
	for len(args) > 1 && slices.Contains([]string{"-a", "-c", "-l", "--"}, args[0].Text) {
		if args[0].Text == "-c" {
			st.vars = map[string]variable{"PATH": {Value: known(usualPath)}}
		}
		args = args[min(len(args)-1, max(1, map[string]int{"-a": 2}[args[0].Text])):]
	}
	if len(args) == 0 {
		return goes // redirections alone
	}
	f := r.run(st, &call{at: c.at, args: args, more: c.more, stdin: c.stdin, in: c.in, exec: true})
	if f == goes && !r.over && st.status.code != 0 {
		return ends
	}
	return f
}

// past is command(1), which passes over functions.
func (r *runner) past(st *state, c *call) flow {
	args := c.args[1:]
	for len(args) > 0 && args[0].Text == "-p" {
		args = args[1:]
	}
	if len(args) > 1 && (args[0].Text == "-v" || args[0].Text == "-V") {
		return r.whether(st, args[1], true)
	}
	if len(args) == 0 {
		return goes
	}
	funcs := st.funcs
	st.funcs = map[string]function{}
	f := r.run(st, &call{at: c.at, args: args, more: c.more, stdin: c.stdin, in: c.in})
	st.funcs = funcs
	return f
}

func (r *runner) typeOf(st *state, c *call) flow {
	if len(c.args) != 2 {
		return anyStatus(r, st, c)
	}
	return r.whether(st, c.args[1], false)
}

// whether says whether there is a command of a name.
func (r *runner) whether(st *state, name Value, says bool) flow {
	_, fn := st.funcs[name.Text]
	at, kind := r.find(st, name)
	switch {
	case name.Unknown || kind == "unknown" || kind != "" && r.world.Open:
		st.status = someStatus
		st.out.add(unknown)
	case fn || r.builtin(st.dialect, name.Text) != nil:
		st.out.add(known(name.Text + "\n"))
	case kind != "":
		st.status = status{code: 127}
	case says:
		st.out.add(known("/" + path.Clean(at) + "\n"))
	default:
		st.out.add(unknown)
	}
	return goes
}
