package shell

import (
	"path"
	"slices"

	"mvdan.cc/sh/v3/syntax"
)

// redirected is where a statement reads and writes.
type redirected struct {
	stdin *stream
	out   *output
	files []outputFile
}

// outputFile is a file that a statement's output goes to.
type outputFile struct {
	name    string // as io/fs names it
	out     *output
	appends bool
}

// redirect is what the redirections of a statement come to.
func (r *runner) redirect(st *state, redirs []*syntax.Redirect) (to redirected, ok bool) {
	to = redirected{stdin: st.stdin, out: st.out}
	for _, d := range redirs {
		v := r.word(st, d.Word)
		switch {
		case d.Hdoc != nil:
			to.stdin = streamOf(r.word(st, hereDocument(d)))
		case d.Op == syntax.WordHdoc:
			to.stdin = streamOf(join(v, known("\n")))
		case writes(d.Op) && r.noFolder(st, v):
			if r.faultOf(st, Fault{Position: r.at(st, d), Kind: NoOutput}, v, 1).code != 0 {
				return to, false
			}
		case writes(d.Op) && r.mayLackFolder(st, v):
			r.depends(st, r.at(st, d), "writing "+v.Text)
			fallthrough
		case writes(d.Op):
			r.redirectOut(st, d, v, &to)
		case d.Op == syntax.RdrIn:
			if !r.redirectIn(st, d, v, &to) {
				return to, false
			}
		case d.Op == syntax.DplOut && v.Text == "1":
		case d.N == nil || d.N.Value == "1":
			to.out = &output{}
		}
	}
	return to, true
}

func (r *runner) redirectOut(st *state, d *syntax.Redirect, v Value, to *redirected) {
	r.noteWritten(st, r.at(st, d), v)
	if d.N != nil && d.N.Value != "1" {
		return
	}
	to.out = &output{}
	if name, ok := st.place(v); ok {
		to.files = append(to.files, outputFile{name, to.out, d.Op == syntax.AppOut || d.Op == syntax.AppAll})
	}
}

// mayLackFolder says whether a file is to be written into a folder that is not there now,
// where folders come and go.
func (r *runner) mayLackFolder(st *state, to Value) bool {
	name, ok := st.place(to)
	return ok && r.lacksNow(st, path.Dir(name))
}

// lacksNow says whether a file is not there now that may be when the script runs.
func (r *runner) lacksNow(st *state, name string) bool {
	return volatile(name) && !slices.Contains(st.granted, name) && !r.there(name) && !r.mayBeMade(name) && !r.world.Partial && !r.world.Open
}

// depends notes that all ends if something fails of which that is not known.
func (r *runner) depends(st *state, at Position, what string) {
	if st.errexit && st.calm == 0 && st.sub == 0 {
		r.fault(st, Fault{Position: at, Kind: Depends, Name: what}, false)
	}
}

// redirectIn has a file read; ok is false where there is none.
func (r *runner) redirectIn(st *state, d *syntax.Redirect, v Value, to *redirected) (ok bool) {
	name, sure := st.place(v)
	to.stdin = streamOf(unknown)
	switch {
	case name == "dev/null":
		to.stdin = streamOf(Value{})
	case sure && r.missing(name):
		return r.faultOf(st, Fault{Position: r.at(st, d), Kind: NoInput}, v, 1).code == 0
	case sure && r.lacksNow(st, name):
		r.depends(st, r.at(st, d), "reading "+v.Text)
	case sure && (r.own(name) || r.isKept(name)):
		to.stdin = streamOf(r.content(name))
	}
	return true
}

// written keeps what a statement wrote to files, for what reads them later.
func (r *runner) written(st *state, to redirected) {
	for _, f := range to.files {
		v := f.out.Value
		if f.appends {
			old := r.content(f.name)
			if _, kept := r.kept[f.name]; !kept && !r.there(f.name) && !fickle(f.name) {
				old = Value{}
			}
			v = join(old, v)
		}
		r.keep(st, f.name, v)
	}
}

// keep notes what a file holds that the script makes. Where not each run makes it, or
// what else it has is not known, what it holds is not.
func (r *runner) keep(st *state, name string, v Value) {
	if st.maybe || st.job > 0 {
		v = unknown
	}
	if _, ok := r.kept[name]; !ok && len(r.kept) >= maxKept {
		return
	}
	if name != "dev/null" {
		r.kept[name] = v
	}
}

// maxKept bounds the files whose content is kept.
const maxKept = 256

// isKept says whether the script made a file.
func (r *runner) isKept(name string) bool {
	_, ok := r.kept[name]
	return ok
}

// stream is what is left to be read of a shell's input, which shells around it share.
type stream struct{ Value }

func streamOf(v Value) *stream { return &stream{v} }

// drain takes all of it.
func (s *stream) drain() Value {
	v := s.Value
	if s.Value = (Value{}); v.Unknown {
		s.Value = unknown
	}
	return v
}

// special says whether POSIX has what is assigned for a command alone stay: all
// shells but bash under its own name do so.
func special(name string) bool {
	return slices.Contains([]string{":", ".", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift", "times", "trap", "unset", "break", "continue"}, name)
}

// hangsOn is a variable that was taken for not set, of what a program is given: what it
// prints hangs on that, too.
func (c *call) hangsOn() string {
	for _, a := range c.args {
		if a.Unset != "" {
			return a.Unset
		}
	}
	return c.stdin.Unset
}
