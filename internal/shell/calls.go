package shell

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// call is a simple command that runs.
type call struct {
	at    Position
	args  []Value // the name first
	more  bool    // there may be other arguments
	stdin Value
	in    *stream // what stdin is of
	exec  bool    // the shell becomes it
}

func (c *call) name() string { return c.args[0].Text }

// call runs a simple command.
func (r *runner) call(st *state, e *syntax.CallExpr) flow {
	before := st.status
	if st.before != nil {
		before = *st.before
	}
	st.status, st.before = status{}, &before
	args, more := r.words(st, e.Args)
	r.noteAssigned(st, e.Args)
	r.steps += len(args) / 16
	if len(args) == 0 {
		for _, a := range e.Assigns {
			r.assign(st, a)
		}
		st.before = nil
		if more {
			r.stop(r.at(st, e), "the command's name is put together")
		}
		return r.ended(st)
	}
	undo := r.assignFor(st, e.Assigns)
	st.status, st.before = status{}, nil // whatever its words came to
	if st.bad {
		return r.ended(st)
	}
	if args[0].Text == "kill" && killsItself(e.Args[1:]) {
		return r.exit(st, r.at(st, e), status{code: 128 + 15})
	}
	if _, fn := st.funcs[args[0].Text]; !fn && st.dialect != bash && special(args[0].Text) {
		undo = func() {}
	}
	f := r.run(st, &call{at: r.at(st, e), args: args, more: more, stdin: st.stdin.Value, in: st.stdin})
	undo()
	if f == goes {
		return r.ended(st)
	}
	return f
}

// noteAssigned sets to what is not known the variables that export and its like
// are given such values for: of the words nothing is left to tell them by.
func (r *runner) noteAssigned(st *state, args []*syntax.Word) {
	if len(args) < 2 || !slices.Contains([]string{"export", "readonly", "local"}, literal(args[0])) {
		return
	}
	for _, a := range args[1:] {
		first, ok := a.Parts[0].(*syntax.Lit)
		if !ok {
			continue
		}
		name, _, assigned := strings.Cut(first.Value, "=")
		if assigned && syntax.ValidName(name) {
			if literal(args[0]) == "local" {
				st.local(name)
			}
			st.set(name, unknown)
			if literal(args[0]) == "export" {
				st.export(name)
			}
		}
	}
}

// ended ends a shell that met what it does not understand.
func (r *runner) ended(st *state) flow {
	if st.bad {
		st.status = status{code: 2}
		return ends
	}
	return goes
}

func (r *runner) assign(st *state, a *syntax.Assign) {
	if a.Name == nil || a.Naked {
		return
	}
	if (a.Array != nil || a.Index != nil) && st.dialect != dash {
		if !r.fixed(st, r.at(st, a), a.Name.Value) {
			r.assignArray(st, a)
		}
		return
	}
	v := r.word(st, a.Value)
	if r.fixed(st, r.at(st, a), a.Name.Value) {
		return
	}
	if a.Array != nil || a.Index != nil {
		v = unknown
	}
	if a.Append {
		old, _ := st.get(a.Name.Value)
		v = join(old, v)
	}
	st.set(a.Name.Value, v)
}

// assignFor sets what is set for one command alone.
func (r *runner) assignFor(st *state, list []*syntax.Assign) (undo func()) {
	old := map[string]variable{}
	var fresh []string
	for _, a := range list {
		if a.Name == nil {
			continue
		}
		if v, ok := st.vars[a.Name.Value]; ok {
			old[a.Name.Value] = v
		} else {
			fresh = append(fresh, a.Name.Value)
		}
		r.assign(st, a)
		st.export(a.Name.Value)
	}
	return func() {
		maps.Copy(st.vars, old)
		for _, name := range fresh {
			delete(st.vars, name)
		}
	}
}

// run runs a command by its name: a function, one of the shell's own, a program.
func (r *runner) run(st *state, c *call) flow {
	if c.args[0].Unknown {
		r.stop(c.at, "which command it calls is not known")
		st.status = someStatus
		if c.exec {
			return ends
		}
		return goes
	}
	if fn, ok := st.funcs[c.name()]; ok && !c.exec {
		return r.function(st, fn, c)
	}
	if b := r.builtin(st.dialect, c.name()); b != nil && !c.exec {
		return b(r, st, c)
	}
	return r.program(st, c)
}

func (r *runner) function(st *state, fn function, c *call) flow {
	if r.depth++; r.depth > maxDepth {
		r.depth--
		r.stop(c.at, "functions call one another too deep")
		return ends
	}
	args, more, file, locals, loops := st.args, st.more, st.file, st.locals, st.loops
	st.locals, st.loops = map[string]*variable{}, 0
	st.args, st.more, st.file = append([]Value{known("")}, c.args[1:]...), c.more, fn.file
	if len(args) > 0 {
		st.args[0] = args[0]
	}
	f := r.stmt(st, fn.body)
	st.args, st.more, st.file, st.loops = args, more, file, loops
	st.leaveFunction(locals)
	r.depth--
	if f == returns {
		return goes
	}
	return f
}

// program runs what is a file.
func (r *runner) program(st *state, c *call) flow {
	if programFor(path.Base(c.name())) == nil {
		r.noteMade(st, c)
	} else {
		defer r.noteMade(st, c) // what it looks for it has not made
	}
	at, kind := r.find(st, c.args[0])
	switch kind {
	case NotFound, NotExecutable:
		r.refused(st, c, kind)
	case "":
		if f, done := r.started(st, c, at); done {
			return f
		}
	default: // not known
		r.stop(c.at, "where it looks for "+c.name()+" is not known")
		st.status = unsure(path.Base(c.name()))
		st.out.add(unknown)
	}
	if c.exec {
		return r.exit(st, c.at, st.status)
	}
	return goes
}

// refused is a program that cannot be started, or perhaps not: then it does what
// such programs do.
func (r *runner) refused(st *state, c *call, kind FaultKind) {
	open := r.world.Open && kind == NotFound && !r.ownPath(st, c.args[0])
	name := c.name()
	if at, ok := st.place(c.args[0]); ok && strings.Contains(name, "/") {
		name = "/" + at
	}
	if c.args[0].Unset != "" {
		st.status = r.faultOf(st, Fault{Position: c.at, Kind: kind, Name: name}, c.args[0], 127)
		st.out.add(unknown)
		return
	}
	r.fault(st, Fault{Position: c.at, Kind: kind, Name: name, Open: open}, c.exec)
	st.status = status{code: 127}
	switch {
	case open && programFor(path.Base(c.name())) != nil:
		out, s := programFor(path.Base(c.name()))(r, st, c)
		st.out.add(out)
		st.status = s
	case open: // it is open already whether it is there
		st.out.add(unknown)
		st.status = someStatus
	case kind == NotExecutable:
		st.status = status{code: 126}
	}
}

// ownPath says whether a name is a path to where all that is there is known.
func (r *runner) ownPath(st *state, name Value) bool {
	at, ok := st.place(name)
	return ok && strings.Contains(name.Text, "/") && r.world.Own != nil && r.world.Own(at)
}

// started runs a file that may be run; done is false where the shell goes on.
func (r *runner) started(st *state, c *call, at string) (f flow, done bool) {
	c = &call{c.at, slices.Clone(c.args), c.more, c.stdin, c.in, c.exec}
	if !strings.Contains(c.name(), "/") { // the shell gives the path
		if p := programFor(c.name()); p == nil || c.exec {
			c.args[0] = known("/" + at)
		}
	}
	if c.exec {
		return r.becomes(st, c, at), true
	}
	if p := programFor(path.Base(c.name())); p != nil {
		out, s := p(r, st, c)
		out.Unset = cmp.Or(out.Unset, c.hangsOn())
		st.out.add(out)
		st.status = s
		return goes, false
	}
	in := st.child(c.args, c.more)
	if r.file(in, c.at, at, c.args, false) {
		st.status = in.status
	} else {
		st.status = status{code: 126}
	}
	return goes, false
}

// becomes has a file run in the shell's place.
func (r *runner) becomes(st *state, c *call, at string) flow {
	name := path.Base(c.name())
	_, wraps := wrappers()[name]
	if wraps || slices.Contains([]string{"sh", "bash", "dash", "ash"}, name) {
		if text, err := r.text(at); err != nil || !r.own(at) || !strings.HasPrefix(text, "#!") {
			out, s := programFor(name)(r, st, c)
			st.out.add(out)
			return r.exit(st, c.at, s)
		}
	}
	if r.file(st, c.at, at, c.args, true) {
		return ends
	}
	return r.exit(st, c.at, status{code: 126})
}

const usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// find looks for a program as the shell does; kind is "" if there is one, and
// "unknown" where that cannot be told.
func (r *runner) find(st *state, name Value) (at string, kind FaultKind) {
	if strings.Contains(name.Text, "/") {
		at, ok := st.place(name)
		kind := r.mode(at)
		if !ok || kind == NotFound && (r.mayBeMade(at) || r.isKept(at)) {
			return "", "unknown"
		}
		return at, kind
	}
	dirs, set := st.get("PATH")
	if !set {
		dirs = known(usualPath)
	}
	if dirs.Unknown {
		dirs = known(usualPath)
	}
	if kind = NotFound; name.Text == "" {
		return "", kind
	}
	for dir := range strings.SplitSeq(dirs.Text, ":") {
		at, ok := st.place(known(dir + "/" + name.Text))
		if !ok || !strings.HasPrefix(dir, "/") {
			continue
		}
		if mode := r.mode(at); mode == "" {
			return at, ""
		} else if mode == NotExecutable {
			kind = NotExecutable
		}
	}
	return "", kind
}

// mode says whether a file may be run.
func (r *runner) mode(at string) FaultKind {
	info, err := r.stat(at)
	switch {
	case err != nil:
		return NotFound
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return NotExecutable
	}
	return ""
}
