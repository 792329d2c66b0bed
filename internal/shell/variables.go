package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

func (r *runner) export(st *state, c *call) flow {
	if c.name() == "local" && st.locals == nil {
		return r.refuse(st, c, "not in a function", st.strict())
	}
	for i, a := range c.args[1:] {
		if a.Unknown {
			continue
		}
		name, v, ok := strings.Cut(a.Text, "=")
		if strings.HasPrefix(name, "-") && i == 0 {
			if bad := badOption(c, "p"); st.strict() && bad != "" {
				return r.refuse(st, c, "Illegal option "+bad, true)
			}
			continue
		}
		if !syntax.ValidName(name) {
			return r.refuse(st, c, name+": bad variable name", st.strict())
		}
		if c.name() == "local" {
			st.local(name)
		}
		if ok && !r.fixed(st, c.at, name) {
			st.set(name, Value{Text: v, Unset: a.Unset})
		}
		st.mark(c.name(), name)
	}
	return goes
}

// mark has a variable be what export or readonly makes of it.
func (st *state) mark(command, name string) {
	v, set := st.vars[name]
	if !set {
		return
	}
	v.exported = v.exported || command == "export"
	v.fixed = v.fixed || command == "readonly"
	st.vars[name] = v
}

// declare is export, local and the like, which the parser knows.
func (r *runner) declare(st *state, d *syntax.DeclClause) flow {
	if b := builtin(st.dialect, d.Variant.Value); b == nil {
		r.refused(st, &call{at: r.at(st, d), args: []Value{known(d.Variant.Value)}}, NotFound)
		return goes
	}
	if d.Variant.Value == "local" && st.locals == nil {
		return r.refuse(st, &call{at: r.at(st, d), args: []Value{known("local")}}, "not in a function", st.strict())
	}
	st.status = status{}
	for _, a := range d.Args {
		if a.Name == nil {
			continue
		}
		if d.Variant.Value == "local" {
			st.local(a.Name.Value)
		}
		switch {
		case !a.Naked:
			r.assign(st, a)
		case d.Variant.Value == "local" && st.locals != nil:
			delete(st.vars, a.Name.Value) // of bash alone, which keeps no value
		}
		st.mark(d.Variant.Value, a.Name.Value)
	}
	st.status = status{} // whatever its values came to
	return r.ended(st)
}

func (r *runner) unset(st *state, c *call) flow {
	functions := len(c.args) > 1 && c.args[1].Text == "-f"
	for _, a := range c.args[1:] {
		if !functions && !a.Unknown && !strings.HasPrefix(a.Text, "-") && !syntax.ValidName(a.Text) && st.strict() {
			return r.refuse(st, c, a.Text+": bad variable name", true)
		}
		if functions {
			delete(st.funcs, a.Text)
		} else {
			delete(st.vars, a.Text)
		}
	}
	return goes
}
