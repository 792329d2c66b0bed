package shell

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// program is what a program prints, and how it ends.
type program func(*runner, *state, *call) (Value, status)

// programFor is what a program is known to print, or how it is known to end; nil of one
// of which nothing is known.
func programFor(name string) program {
	switch name {
	case "dirname":
		return names(path.Dir)
	case "basename":
		return names(path.Base)
	case "readlink", "realpath":
		return readlink
	case "cat":
		return cat
	case "cut":
		return cut
	case "sed":
		return sed
	case "grep":
		return grep
	case "mkdir":
		return mkdir
	case "mktemp":
		return mktemp
	case "tr":
		return tr
	case "which":
		return which
	}
	if _, ok := fileUses()[name]; ok {
		return useFiles
	}
	if w, ok := wrappers()[name]; ok {
		return w.run
	}
	return smallProgram(name)
}

func names(f func(string) string) program {
	return func(r *runner, st *state, c *call) (Value, status) {
		args := operands(c)
		if len(args) == 0 && !c.more {
			return r.misused(st, c, "missing operand")
		}
		if len(args) != 1 || c.more || args[0].Unknown {
			return unknown, status{}
		}
		name := strings.TrimRight(args[0].Text, "/")
		return known(f(cmp.Or(name, args[0].Text)) + "\n"), status{}
	}
}

// operands are the arguments that are no options.
func operands(c *call) (out []Value) {
	for _, a := range c.args[1:] {
		if a.Unknown || !strings.HasPrefix(a.Text, "-") || a.Text == "-" {
			out = append(out, a)
		}
	}
	return out
}

func readlink(r *runner, st *state, c *call) (Value, status) {
	args := operands(c)
	if len(args) != 1 || c.more {
		return unknown, someStatus
	}
	name, ok := st.place(args[0])
	if !ok {
		return unknown, someStatus
	}
	if len(c.args) > 2 || path.Base(c.name()) == "realpath" {
		return r.realName(c, name)
	}
	target, err := r.world.Files.ReadLink(r.beside(name))
	if err != nil {
		return Value{}, status{code: 1}
	}
	return known(target + "\n"), status{}
}

// realName is a name without links. All of it but the last part must be there, or that
// too where it is told so.
func (r *runner) realName(c *call, name string) (Value, status) {
	o := parted(c.args[1:], "")
	real, err := r.world.Resolve(name)
	dir, derr := r.world.Resolve(path.Dir(name))
	switch {
	case err == nil:
		return known("/" + real + "\n"), status{}
	case o.has('m') || len(o.long) > 0:
		return unknown, status{}
	case o.has('e') && r.missing(name), derr != nil && r.missing(path.Dir(name)):
		return Value{}, status{code: 1}
	case derr == nil && !o.has('e') && r.missing(name):
		return known("/" + path.Join(dir, path.Base(name)) + "\n"), status{}
	}
	return unknown, unsure(path.Base(c.name()))
}

// content is what a file of the release holds, or one that the script made.
func (r *runner) content(name string) Value {
	if v, ok := r.kept[name]; ok {
		return v
	}
	text, err := r.text(name)
	if err != nil {
		return unknown
	}
	return known(text)
}

// input is what a program reads: files, or else its standard input.
func (r *runner) input(st *state, c *call, files []Value) (Value, status) {
	if len(files) == 0 {
		r.steps += len(c.stdin.Text)/stepBytes + strings.Count(c.stdin.Text, "\n")/stepLines
		return c.drain(), status{}
	}
	out, open := Value{}, status{}
	for _, f := range files {
		if f.Text == "-" {
			out = join(out, c.drain())
			continue
		}
		name, ok := st.place(f)
		switch {
		case ok && (r.missing(name) || r.folder(name) || r.starred(name)):
			s := r.faultOf(st, Fault{Position: c.at, Kind: NoInput}, f, 1)
			return Value{Unknown: s.unknown}, s
		case ok && (r.own(name) || r.isKept(name) || settled(name)):
			out = join(out, r.content(name))
		default:
			if out = unknown; ok && !r.there(name) && !slices.Contains(st.granted, name) && (!fickle(name) || r.lacksNow(st, name)) && !r.mayBeMade(name) {
				open = unsure(path.Base(c.name())) // not all files are listed
			}
		}
	}
	r.steps += strings.Count(out.Text, "\n") / stepLines
	return out, open
}

// settled says whether a file of the system's is the same on each machine that has it.
func settled(name string) bool {
	return slices.Contains([]string{"etc/os-release", "usr/lib/os-release"}, name)
}

// drain is what is left of a command's input, all of which it takes.
func (c *call) drain() Value {
	if c.in == nil {
		return c.stdin
	}
	return c.in.drain()
}

func cat(r *runner, st *state, c *call) (Value, status) { return r.input(st, c, operands(c)) }

func which(r *runner, st *state, c *call) (Value, status) {
	args := operands(c)
	if len(args) != 1 || args[0].Unknown {
		return unknown, someStatus
	}
	at, kind := r.find(st, args[0])
	switch {
	case kind == "":
		return known("/" + at + "\n"), status{}
	case r.world.Open || kind == "unknown":
		return unknown, someStatus
	}
	return Value{}, status{code: 1}
}
