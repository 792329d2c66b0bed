package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

func (r *runner) export(st *state, c *call) flow {
	for _, a := range c.args[1:] {
		if a.Unknown {
			continue
		}
		name, v, ok := strings.Cut(a.Text, "=")
		if c.name() == "local" {
			st.local(name)
		}
		if ok && syntax.ValidName(name) {
			st.set(name, known(v))
		}
		if c.name() == "export" {
			st.export(name)
		}
	}
	return goes
}

// declare is export, local and the like, which the parser knows.
func (r *runner) declare(st *state, d *syntax.DeclClause) flow {
	if b := builtin(st.dialect, d.Variant.Value); b == nil {
		r.refused(st, &call{at: r.at(st, d), args: []Value{known(d.Variant.Value)}}, NotFound)
		return goes
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
		if d.Variant.Value == "export" {
			if _, ok := st.vars[a.Name.Value]; ok {
				st.export(a.Name.Value)
			}
		}
	}
	st.status = status{} // whatever its values came to
	return r.ended(st)
}

func (r *runner) unset(st *state, c *call) flow {
	functions := len(c.args) > 1 && c.args[1].Text == "-f"
	for _, a := range c.args[1:] {
		if functions {
			delete(st.funcs, a.Text)
		} else {
			delete(st.vars, a.Text)
		}
	}
	return goes
}
