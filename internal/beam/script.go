package beam

import "slices"

// BootScript is what a .boot file (external term) or a .script file (text)
// says: which modules are loaded, from where.
type BootScript struct {
	Name, Version string
	Loads         []BootLoad // in the order in which they run
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
