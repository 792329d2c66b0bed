package shell

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// variable is a variable of a shell.
type variable struct {
	Value
	exported bool
	fixed    bool // it may not be set again
	array    bool
	list     []Value // of an array, nil where its values are not known
}

// function is one that a script defines.
type function struct {
	body *syntax.Stmt
	file string
}

// dialect is a kind of shell.
type dialect int

const (
	dash dialect = iota
	busybox
	bash
	bashAsSh
)

// status is how a command ended.
type status struct {
	code    int // any but 0 where some is true
	unknown bool
	some    bool // it failed, with one code or another

	by string // the command of which it is not known

	// What is not known, and holds where a test is true or where it is false: that a
	// file is there.
	proves, refutes string
}

var someStatus = status{unknown: true}

// oneOf is a status that is one of two.
func oneOf(a, b status) status {
	switch {
	case a == b:
		return a
	case a.fails() && b.fails():
		return status{code: 1, some: true}
	}
	return status{unknown: true, by: cmp.Or(a.by, b.by)}
}

// fails says whether a command is known to have failed.
func (s status) fails() bool { return !s.unknown && s.code != 0 }

// flow is what comes after a statement.
type flow int

const (
	goes flow = iota
	breaks
	continues
	returns
	ends
)

// state is what a shell holds.
type state struct {
	settings
	nesting
	taking
	way
	vars    map[string]variable
	funcs   map[string]function
	args    []Value // $0 and so on
	more    bool    // there may be other ones
	dir     Value
	moved   bool // it was in another folder
	status  status
	before  *status              // what $? is while a command's words are read, nil otherwise
	locals  map[string]*variable // what stands for those of a function outside it, nil: nothing; nil outside functions
	dialect dialect
	file    string // that is read
	caught  bool   // it runs for what it prints
	bad     bool   // it met what the shell does not understand
	trapped bool   // something is done at its end
	out     *output
	stdin   *stream
}

// settings are what set and shopt set.
type settings struct {
	errexit   bool
	nounset   bool // what is not set ends it
	pipefail  bool
	noglob    bool
	allexport bool
	shopts    map[string]bool
}

// nesting is what is around a command.
type nesting struct {
	loops  int // how many of them
	levels int // how many more of them break or continue leaves
	calm   int // how many constructs have failures decide, not end
	sub    int // how many shells
	job    int // how many commands in the background
}

// way is what is known of what led here.
type way struct {
	maybe   bool     // not each run comes here
	granted []string // files that are there on each way that leads here, though not now
}

// taking is where getopts is.
type taking struct {
	optOf int // the argument
	optAt int // how many of its letters were taken
}

// output is what a command substitution gathers; nil is nobody.
type output struct {
	Value
}

func (o *output) add(v Value) {
	if o != nil {
		o.Value = join(o.Value, v)
	}
}

func (st *state) clone() *state {
	c := *st
	c.vars, c.funcs, c.args = maps.Clone(st.vars), maps.Clone(st.funcs), slices.Clone(st.args)
	c.locals = maps.Clone(st.locals)
	return &c
}

// branch is a copy for a way that may not be taken.
func (st *state) branch() *state {
	c := st.clone()
	c.maybe = true
	if st.out != nil {
		out := *st.out
		c.out = &out
	}
	c.stdin = streamOf(st.stdin.Value)
	return c
}

// merge is what is the same after either of two ways; st had neither.
func (st *state) merge(a, b *state) {
	maybe, out, stdin := st.maybe, st.out, st.stdin
	*st = *a
	st.maybe, st.out, st.stdin = maybe, out, stdin
	if *stdin = *a.stdin; *a.stdin != *b.stdin {
		*stdin = stream{unknown}
	}
	if out != nil {
		*out = *a.out
		if *a.out != *b.out {
			out.Value = unknown
		}
	}
	vars := maps.Clone(a.vars)
	for name := range b.vars {
		if _, ok := a.vars[name]; !ok {
			vars[name] = variable{Value: unknown, exported: b.vars[name].exported}
		}
	}
	for name, v := range a.vars {
		w, ok := b.vars[name]
		if !ok || v.Value != w.Value || !sameList(v, w) {
			vars[name] = variable{Value: unknown, exported: v.exported || w.exported, fixed: v.fixed && w.fixed}
		}
	}
	st.vars = vars
	for name := range b.locals {
		if _, ok := a.locals[name]; !ok {
			st.locals[name] = &variable{Value: unknown}
		}
	}
	st.funcs = maps.Clone(a.funcs)
	maps.Copy(st.funcs, b.funcs)
	if !slices.Equal(a.args, b.args) || b.more {
		st.args, st.more = st.args[:min(1, len(st.args))], true
	}
	if a.dir != b.dir {
		st.dir = unknown
	}
	st.granted = slices.DeleteFunc(slices.Clone(a.granted), func(name string) bool { return !slices.Contains(b.granted, name) })
	st.status = oneOf(a.status, b.status)
}

// grant takes a file for one that is there, since a test has said so; "" is none.
func (st *state) grant(name string) {
	if name != "" && len(st.granted) < maxNoted {
		st.granted = append(slices.Clip(st.granted), name)
	}
}

func (st *state) get(name string) (v Value, set bool) {
	x, ok := st.vars[name]
	return x.Value, ok
}

func (st *state) set(name string, v Value) {
	if len(v.Text) > maxText {
		v = unknown
	}
	if old, ok := st.vars[name]; ok || len(st.vars) < maxVars {
		old.Value, old.array, old.list, old.exported = v, false, nil, old.exported || st.allexport
		st.vars[name] = old
	}
}

func (st *state) export(name string) {
	if v, ok := st.vars[name]; ok {
		v.exported = true
		st.vars[name] = v
	}
}

// environ is what programs get.
func (st *state) environ() map[string]Value {
	out := map[string]Value{}
	for name, v := range st.vars {
		if v.exported {
			out[name] = v.Value
		}
	}
	return out
}

// child is the shell of a script that is called with the environment.
func (st *state) child(argv []Value, more bool) *state {
	c := &state{
		vars: map[string]variable{}, funcs: map[string]function{}, args: argv, more: more,
		dir: st.dir, way: st.way, out: st.out, stdin: st.stdin, caught: st.caught, nesting: nesting{sub: st.sub + 1, job: st.job},
	}
	for name, v := range st.vars {
		if v.exported {
			c.vars[name] = v
		}
	}
	return c
}

// forget makes unknown what statements may set.
func (st *state) forget(nodes ...*syntax.Stmt) {
	for _, n := range nodes {
		syntax.Walk(n, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.Assign:
				if n.Name != nil {
					st.set(n.Name.Value, unknown)
				}
			case *syntax.CallExpr:
				if len(n.Args) > 0 {
					st.forgetCall(n.Args)
				}
			}
			return true
		})
	}
}

func (st *state) forgetCall(args []*syntax.Word) {
	switch literal(args[0]) {
	case "read", "getopts", "export", "local", "eval":
		for _, a := range args[1:] {
			if name, _, _ := strings.Cut(literal(a), "="); syntax.ValidName(name) {
				st.set(name, unknown)
			}
		}
	case "shift", "set":
		st.args, st.more = st.args[:min(1, len(st.args))], true
	case "cd":
		st.dir = unknown
	}
}

// local has a function's return give a variable back what it is now.
func (st *state) local(name string) {
	if _, ok := st.locals[name]; ok || st.locals == nil {
		return
	}
	v, ok := st.vars[name]
	if !ok {
		st.locals[name] = nil
		return
	}
	st.locals[name] = &v
}

// leaveFunction gives back what was local.
func (st *state) leaveFunction(outer map[string]*variable) {
	for name, v := range st.locals {
		if v == nil {
			delete(st.vars, name)
		} else {
			st.vars[name] = *v
		}
	}
	st.locals = outer
}

// splitsOtherwise says whether words are split at other places than blanks.
func (st *state) splitsOtherwise() bool {
	v, set := st.get("IFS")
	return set && (v.Unknown || v.Text != " \t\n")
}
