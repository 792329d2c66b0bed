package shell

import (
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

func (r *runner) export(st *state, c *call) flow {
	if c.name() == "local" && st.locals == nil {
		return r.refuse(st, c, "not in a function", st.strict())
	}
	for i, a := range c.args[1:] {
		if name, v, ok := strings.Cut(a.Shape, "="); a.Unknown && ok && syntax.ValidName(name) { // of which the value is not known
			if c.name() == "local" {
				st.local(name)
			}
			if !r.fixed(st, c.at, name) {
				st.set(name, Value{Unknown: true, Shape: v})
			}
			st.mark(c.name(), name)
		}
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
	command := d.Variant.Value
	if b := r.builtin(st.dialect, command); b == nil {
		r.refused(st, &call{at: r.at(st, d), args: []Value{known(command)}}, NotFound)
		return goes
	}
	if command == "local" && st.locals == nil {
		return r.refuse(st, &call{at: r.at(st, d), args: []Value{known("local")}}, "not in a function", st.strict())
	}
	words, options := r.declared(st, d)
	if strings.ContainsAny(options, "pfF") {
		for _, a := range d.Args {
			if a.Name != nil && a.Naked {
				words = append(words, known(a.Name.Value))
			}
		}
		st.status = st.areThere(words, strings.ContainsAny(options, "fF") || command == "export" && strings.Contains(options, "f"))
		return r.ended(st)
	}
	within := command == "local" || (command == "declare" || command == "typeset") && st.locals != nil && !strings.Contains(options, "g")
	st.status = status{}
	for _, a := range d.Args {
		if a.Name == nil {
			continue
		}
		if within {
			st.local(a.Name.Value)
		}
		switch {
		case !a.Naked:
			r.assign(st, a)
		case within:
			delete(st.vars, a.Name.Value) // of bash alone, which keeps no value
		}
		st.became(command, options, a.Name.Value)
	}
	c := &call{at: r.at(st, d), args: append([]Value{known(command)}, words...)}
	st.status = status{} // whatever its values came to
	if len(words) > 0 && r.export(st, c) == ends {
		return ends
	}
	for _, w := range words {
		name, _, _ := strings.Cut(w.Text, "=")
		st.became(command, options, name)
	}
	return r.ended(st)
}

// declared are the words of a declaration that are put together, and its options.
func (r *runner) declared(st *state, d *syntax.DeclClause) (words []Value, options string) {
	for _, a := range d.Args {
		if a.Name != nil || a.Value == nil {
			continue
		}
		fields, _ := r.fields(st, a.Value)
		for _, f := range fields {
			switch {
			case f.Unknown:
			case strings.HasPrefix(f.Text, "-") && len(words) == 0:
				options += f.Text[1:]
			default:
				words = append(words, f)
			}
		}
	}
	return words, options
}

// became has a variable be what a declaration makes of it.
func (st *state) became(command, options, name string) {
	v, set := st.vars[name]
	switch {
	case strings.Contains(options, "A") && !v.array:
		st.setArray(name, nil)
	case strings.Contains(options, "a") && !set:
		st.setArray(name, []Value{})
	case strings.Contains(options, "i") && set && !wholeNumber.MatchString(v.Text):
		st.set(name, unknown)
	}
	if st.mark(command, name); strings.Contains(options, "x") {
		st.mark("export", name)
	}
	if strings.Contains(options, "r") {
		st.mark("readonly", name)
	}
}

var wholeNumber = regexp.MustCompile(`^-?([1-9][0-9]*|0)$`)

// areThere says whether there are variables, or functions, of some names.
func (st *state) areThere(words []Value, functions bool) status {
	for _, w := range words {
		_, ok := st.vars[w.Text]
		if functions {
			_, ok = st.funcs[w.Text]
		}
		if !ok && !w.Unknown {
			return status{code: 1}
		}
	}
	return status{}
}

func (r *runner) unset(st *state, c *call) flow {
	functions := len(c.args) > 1 && c.args[1].Text == "-f"
	for _, a := range c.args[1:] {
		if !functions && !a.Unknown && !strings.HasPrefix(a.Text, "-") && !syntax.ValidName(a.Text) && st.strict() {
			return r.refuse(st, c, a.Text+": bad variable name", true)
		}
		if name, _, element := strings.Cut(a.Text, "["); element && st.vars[name].array {
			st.setArray(name, nil)
		} else if functions {
			delete(st.funcs, a.Text)
		} else {
			delete(st.vars, a.Text)
		}
	}
	return goes
}
