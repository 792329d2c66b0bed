package shell

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// program is what a program prints, and how it ends.
type program func(*runner, *state, *call) (Value, status)

// programs are those whose output start scripts build on.
func programs() map[string]program {
	return map[string]program{
		"dirname":  names(path.Dir),
		"basename": names(path.Base),
		"readlink": readlink,
		"realpath": readlink,
		"cat":      cat,
		"cut":      cut,
		"sed":      sed,
		"grep":     grep,
		"tr":       somehow,
		"which":    which,
	}
}

func somehow(*runner, *state, *call) (Value, status) { return unknown, status{} }

func names(f func(string) string) program {
	return func(_ *runner, _ *state, c *call) (Value, status) {
		args := operands(c)
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
		real, err := r.world.Resolve(name)
		if err != nil {
			return unknown, someStatus
		}
		return known("/" + real + "\n"), status{}
	}
	target, err := r.world.Files.ReadLink(r.beside(name))
	if err != nil {
		return Value{}, status{code: 1}
	}
	return known(target + "\n"), status{}
}

// content is what a file of the release holds.
func (r *runner) content(name string) Value {
	text, err := r.text(name)
	if err != nil {
		return unknown
	}
	return known(text)
}

// input is what a program reads: files, or else its standard input.
func (r *runner) input(st *state, c *call, files []Value) (Value, status) {
	if len(files) == 0 {
		return c.stdin, status{}
	}
	out := Value{}
	for _, f := range files {
		if f.Text == "-" {
			out = join(out, c.stdin)
			continue
		}
		name, ok := st.place(f)
		switch {
		case ok && r.missing(name):
			r.fault(st, Fault{Position: c.at, Kind: NoInput, Name: f.Text}, false)
			return Value{}, status{code: 1}
		case ok && r.own(name):
			out = join(out, r.content(name))
		default:
			out = unknown
		}
	}
	return out, status{}
}

func cat(r *runner, st *state, c *call) (Value, status) { return r.input(st, c, operands(c)) }

// cut knows fields by blanks, and characters from one on.
func cut(r *runner, st *state, c *call) (Value, status) {
	options, args := "", []Value{}
	for i := 1; i < len(c.args); i++ {
		switch a := c.args[i]; {
		case slices.Contains([]string{"-c", "-d", "-f", "-b"}, a.Text) && i+1 < len(c.args):
			i++
			options += a.Text + c.args[i].Text + ";"
		case strings.HasPrefix(a.Text, "-") && a.Text != "-":
			options += a.Text + ";"
		default:
			args = append(args, a)
		}
	}
	in, s := r.input(st, c, args)
	if options == "-c2-;" && !in.Unknown && in.Text != "" && strings.Count(in.Text, "\n") < 2 {
		return known(in.Text[1:]), s
	}
	n := map[string]int{"-d ;-f1;": 1, "-d ;-f2;": 2}[options]
	if n == 0 || in.Unknown || strings.Count(strings.TrimSuffix(in.Text, "\n"), "\n") > 0 {
		return unknown, s
	}
	fields := strings.Split(strings.TrimSuffix(in.Text, "\n"), " ")
	if len(fields) == 1 {
		n = 1
	}
	if n > len(fields) {
		return known("\n"), s
	}
	return known(fields[n-1] + "\n"), s
}

// sed knows the program that takes a path's folders away.
func sed(r *runner, st *state, c *call) (Value, status) {
	args := operands(c)
	if len(args) == 1 && args[0].Text == `s/.*\///` && !c.stdin.Unknown && !strings.Contains(strings.TrimSuffix(c.stdin.Text, "\n"), "\n") {
		return known(c.stdin.Text[strings.LastIndex(c.stdin.Text, "/")+1:]), status{}
	}
	if len(args) > 1 {
		_, s := r.input(st, c, args[1:])
		return unknown, s
	}
	return unknown, status{}
}

// grep knows plain words that are looked for in files.
func grep(r *runner, st *state, c *call) (Value, status) {
	args := operands(c)
	if len(args) < 1 || c.more || args[0].Unknown || strings.ContainsAny(args[0].Text, `\[]*.^$`) {
		return unknown, someStatus
	}
	in, s := r.input(st, c, args[1:])
	if s.code != 0 {
		return Value{}, status{code: 2}
	}
	if in.Unknown {
		return unknown, someStatus
	}
	return unknown, truth(strings.Contains(in.Text, args[0].Text))
}

// env starts another program.
func env(r *runner, st *state, c *call) (Value, status) {
	in := st.clone()
	for i, a := range c.args[1:] {
		name, v, ok := strings.Cut(a.Text, "=")
		switch {
		case a.Unknown || strings.HasPrefix(a.Text, "-"):
			return unknown, someStatus
		case ok:
			in.set(name, known(v))
			in.export(name)
		default:
			in.out = nil
			r.program(in, &call{at: c.at, args: c.args[i+1:], more: c.more, stdin: c.stdin, exec: c.exec})
			return unknown, in.status
		}
	}
	return unknown, status{}
}

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
