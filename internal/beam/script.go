package beam

import (
	"errors"
	"slices"
)

// BootScript is what a .boot file (external term) or a .script file (text)
// says: which modules are loaded, from where.
type BootScript struct {
	Name, Version string
	Loads         []BootLoad // in the order in which they run
	Starts        []string   // applications
	Calls         []BootCall // in the order in which they run
	Apps          []BootApp  // whose descriptions are loaded
	Odd           string     // the first instruction that init does not know, "" if none
}

// BootCall is a function that a boot script has called.
type BootCall struct {
	Module, Function string
	Arity            int
	Process          string // of kernel, that it is to give; "" of other calls
}

// BootApp is the description of an application, as a boot script has it.
type BootApp struct {
	Name   string
	Module string // that it is started by, "" if by none
	// Needs are the applications that have to run before, without those that it can do
	// without.
	Needs  []string
	Phased bool   // it has start phases
	Wrong  string // what of it application_controller takes for no description, "" if nothing
}

// BootLoad is one primLoad instruction.
type BootLoad struct {
	// Path is the directories in which the modules are looked for, in order, as
	// the last path instruction before it has them: "$ROOT/lib/kernel-10.2/ebin".
	Path    []string
	Modules []string
	// Always says that the modules are loaded in interactive mode too: the
	// instruction stands before kernel_load_completed.
	Always bool
}

// maxScriptLoads bounds a script's loads; one has about two an application.
const maxScriptLoads = 20_000

// ReadBoot reads a .boot file.
func ReadBoot(b []byte) (*BootScript, error) {
	t, err := DecodeTerm(b)
	if err != nil {
		return nil, err
	}
	return bootScript(t)
}

// bootScript reads {script, {Name, Version}, Instructions} (script(4)).
func bootScript(t Term) (*BootScript, error) {
	script, ok := AsTuple(t, "script", 3)
	if !ok {
		return nil, malformed("boot script: it is no {script, {Name, Version}, Instructions}")
	}
	out := &BootScript{}
	if id, ok := script[1].(Tuple); ok && len(id) == 2 {
		out.Name, _ = Text(id[0])
		out.Version, _ = Text(id[1])
	}
	instructions, ok := script[2].(List)
	if !ok {
		return nil, malformed("boot script: its instructions are no list")
	}
	var dirs []string
	always := true
	for i, in := range instructions {
		if done, ok := AsTuple(in, "kernel_load_completed", 1); ok && len(done) == 1 {
			always = false
		}
		if p, ok := AsTuple(in, "path", 2); ok {
			if dirs, ok = texts(p[1]); !ok {
				return nil, malformed("boot script: instruction %d is a path that is no list of strings", i+1)
			}
		}
		if err := out.other(in); err != nil {
			return nil, malformed("boot script: instruction %d %v", i+1, err)
		}
		if app := startedBy(in); app != "" && len(out.Starts) < maxScriptLoads {
			out.Starts = append(out.Starts, app)
		}
		if l, ok := AsTuple(in, "primLoad", 2); ok {
			modules, ok := atoms(l[1])
			if !ok || len(out.Loads) == maxScriptLoads {
				return nil, malformed("boot script: instruction %d loads what is no list of modules, or is one load too many", i+1)
			}
			out.Loads = append(out.Loads, BootLoad{Path: slices.Clip(dirs), Modules: modules, Always: always})
		}
	}
	return out, nil
}

// startedBy is the application that an instruction starts, "" if it starts none:
// {apply, {application, start_boot, [App | _]}}.
func startedBy(in Term) string {
	apply, ok := AsTuple(in, "apply", 2)
	if !ok {
		return ""
	}
	call, ok := AsTuple(apply[1], "application", 3)
	if !ok || call[1] != Atom("start_boot") {
		return ""
	}
	args, ok := call[2].(List)
	if !ok || len(args) == 0 {
		return ""
	}
	app, _ := args[0].(Atom)
	return string(app)
}

func texts(t Term) (out []string, ok bool) {
	list, ok := t.(List)
	if !ok {
		return nil, false
	}
	for _, e := range list {
		s, ok := Text(e)
		if !ok {
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}

func atoms(t Term) (out []string, ok bool) {
	list, ok := t.(List)
	if !ok {
		return nil, false
	}
	for _, e := range list {
		a, ok := e.(Atom)
		if !ok {
			return nil, false
		}
		out = append(out, string(a))
	}
	return out, true
}

var errMany = errors.New("is one call too many")

// other takes in an instruction that calls, or is none of those that init knows.
func (b *BootScript) other(in Term) error {
	t, ok := in.(Tuple)
	if !ok || len(t) == 0 {
		b.odd(in)
		return nil
	}
	word, _ := t[0].(Atom)
	call := BootCall{}
	switch {
	case word == "apply" && len(t) == 2:
		call, ok = bootCall(t[1])
	case word == "kernelProcess" && len(t) == 3:
		call, ok = bootCall(t[2])
		process, _ := t[1].(Atom)
		call.Process = string(process)
	case len(t) == 2 && slices.Contains([]Atom{"progress", "preLoaded", "path", "primLoad"}, word), word == "kernel_load_completed" && len(t) == 1:
		return nil
	default:
		b.odd(in)
		return nil
	}
	switch {
	case !ok:
		b.odd(in)
	case len(b.Calls) == maxScriptLoads:
		return errMany
	default:
		b.Calls = append(b.Calls, call)
		b.describe(t)
	}
	return nil
}

func (b *BootScript) odd(in Term) {
	if b.Odd != "" {
		return
	}
	b.Odd = "what is no tuple"
	if t, ok := in.(Tuple); ok && len(t) > 0 {
		word, _ := t[0].(Atom)
		b.Odd = "{" + string(word) + ",…}"
	}
}

// bootCall is {Module, Function, Arguments}.
func bootCall(t Term) (c BootCall, ok bool) {
	call, ok := t.(Tuple)
	if !ok || len(call) != 3 {
		return c, false
	}
	module, ok := call[0].(Atom)
	function, ok2 := call[1].(Atom)
	c.Module, c.Function = string(module), string(function)
	switch args := call[2].(type) {
	case List:
		c.Arity = len(args)
	case String: // of small numbers
		c.Arity = len([]rune(string(args)))
	default:
		return c, false
	}
	return c, ok && ok2
}

// describe takes in {apply, {application, load, [{application, Name, Properties}]}}.
func (b *BootScript) describe(apply Tuple) {
	call, ok := AsTuple(apply[len(apply)-1], "application", 3)
	if !ok || call[1] != Atom("load") {
		return
	}
	args, ok := call[2].(List)
	if !ok || len(args) != 1 {
		return
	}
	t, ok := AsTuple(args[0], "application", 3)
	if !ok {
		return
	}
	name, _ := t[1].(Atom)
	app := BootApp{Name: string(name)}
	app.read(t[2])
	b.Apps = append(b.Apps, app)
}

func (a *BootApp) read(properties Term) {
	if mod, ok := Property(properties, "mod"); ok {
		if start, ok := mod.(Tuple); ok && len(start) == 2 {
			module, _ := start[0].(Atom)
			a.Module = string(module)
		}
	}
	if needs, ok := Property(properties, "applications"); ok {
		if a.Needs, ok = atoms(needs); !ok && !emptyText(needs) {
			a.Wrong = "its applications are no list of names"
		}
	}
	if optional, ok := Property(properties, "optional_applications"); ok {
		names, _ := atoms(optional)
		a.Needs = slices.DeleteFunc(a.Needs, func(n string) bool { return slices.Contains(names, n) })
	}
	if phases, ok := Property(properties, "start_phases"); ok && phases != Atom("undefined") {
		list, isList := phases.(List)
		a.Phased = len(list) > 0
		if !isList && !emptyText(phases) {
			a.Wrong = "its start phases are no list"
		}
	}
	if longest, ok := Property(properties, "maxT"); ok && longest != Atom("infinity") {
		if n, isInt := longest.(Int); !isInt || n < 0 {
			a.Wrong = "its longest time (maxT) is no number"
		}
	}
}

func emptyText(t Term) bool {
	text, ok := t.(String)
	return ok && text == ""
}
