package beam

import "errors"

// Relup is what a relup says (relup(4)): {Version, [{From, Description, Instructions}],
// [{To, Description, Instructions}]}.
type Relup struct {
	Version  string
	Up, Down []Upgrade // from other releases, and back to them
}

// Upgrade is how a running release becomes another one.
type Upgrade struct {
	Other    string // the version of the other release
	Restarts bool   // the VM is restarted
	Loads    []RelupLoad
}

// RelupLoad is an application of which modules are loaded.
type RelupLoad struct {
	App, Version string
	Modules      []string
}

var errNoRelup = errors.New("it is no {Version, [{From, Description, Instructions}], [{To, Description, Instructions}]}")

// ParseRelup reads a relup.
func ParseRelup(text []byte) (out Relup, err error) {
	term, err := ConsultOne(text)
	if err != nil {
		return out, err
	}
	tuple, _ := term.(Tuple)
	if len(tuple) != 3 {
		return out, errNoRelup
	}
	var named, up, down bool
	out.Version, named = Text(tuple[0])
	out.Up, up = upgrades(tuple[1])
	out.Down, down = upgrades(tuple[2])
	if !named || !up || !down {
		return out, errNoRelup
	}
	return out, nil
}

func upgrades(t Term) (out []Upgrade, ok bool) {
	list, ok := t.(List)
	if !ok {
		return nil, false
	}
	for _, e := range list {
		entry, _ := e.(Tuple)
		if len(entry) != 3 {
			return nil, false
		}
		instructions, isList := entry[2].(List)
		other, isText := Text(entry[0])
		if !isText || !isList {
			return nil, false
		}
		u := Upgrade{Other: other}
		for _, in := range instructions {
			u.instruction(in)
		}
		out = append(out, u)
	}
	return out, true
}

// instruction is one of those that say what is needed; all others are release_handler's.
func (u *Upgrade) instruction(in Term) {
	if in == Atom("restart_new_emulator") || in == Atom("restart_emulator") {
		u.Restarts = true
	}
	load, ok := AsTuple(in, "load_object_code", 2)
	if !ok {
		return
	}
	app, _ := load[1].(Tuple)
	if len(app) != 3 {
		return
	}
	name, _ := app[0].(Atom)
	l := RelupLoad{App: string(name)}
	l.Version, _ = Text(app[1])
	modules, _ := app[2].(List)
	for _, m := range modules {
		if module, ok := m.(Atom); ok {
			l.Modules = append(l.Modules, string(module))
		}
	}
	u.Loads = append(u.Loads, l)
}
