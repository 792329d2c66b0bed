package beam

import (
	"errors"
	"fmt"
	"slices"
)

// Rel is what a .rel file says (rel(4)): {release, {Name, Vsn}, {erts, Vsn},
// [{App, Vsn}, {App, Vsn, Type}, …]}.
type Rel struct {
	Name, Version string // "" if they are no texts
	ERTS          string
	Apps          map[string]RelApp // by name
}

// RelApp is how a release has an application.
type RelApp struct {
	Version string
	Type    string // "permanent", "load", "none" and the like; permanent where none is said
}

var errNoRel = errors.New("it is no {release, {Name, Version}, {erts, Version}, Applications}")

// ParseRel reads a .rel file. With an error comes what was read before.
func ParseRel(text []byte) (out Rel, err error) {
	term, err := ConsultOne(text)
	if err != nil {
		return out, err
	}
	rel, ok := AsTuple(term, "release", 4)
	if !ok {
		return out, errNoRel
	}
	if id, ok := rel[1].(Tuple); ok && len(id) == 2 {
		out.Name, _ = Text(id[0])
		out.Version, _ = Text(id[1])
	}
	vm, _ := AsTuple(rel[2], "erts", 2)
	list, isList := rel[3].(List)
	if vm == nil || !isList {
		return out, errNoRel
	}
	out.ERTS, _ = Text(vm[1])
	apps := map[string]RelApp{}
	for _, e := range list {
		app, ok := e.(Tuple)
		if !ok || len(app) < 2 {
			return out, errNoRel
		}
		name, isAtom := app[0].(Atom)
		version, isText := Text(app[1])
		if !isAtom || !isText {
			return out, errNoRel
		}
		apps[string(name)] = RelApp{Version: version, Type: relType(app)}
	}
	out.Apps = apps
	return out, nil
}

func relType(app Tuple) string {
	if len(app) > 2 {
		if a, ok := app[2].(Atom); ok {
			return string(a)
		}
	}
	return "permanent"
}

// App is what of a .app file (app(4)) is read: {application, Name, [{vsn, Vsn},
// …]}.
type App struct {
	Version string
	// Uses are the applications that it is started after, and those that it includes.
	Uses []string
}

// ParseApp reads the .app file of an application.
func ParseApp(text []byte, name string) (App, error) {
	term, err := ConsultOne(text)
	if err != nil {
		return App{}, err
	}
	spec, ok := AsTuple(term, "application", 3)
	if !ok || spec[1] != Atom(name) {
		return App{}, fmt.Errorf("it is no {application, %s, Properties}", name)
	}
	vsn, _ := Property(spec[2], "vsn")
	version, ok := Text(vsn)
	if !ok {
		return App{}, errors.New("it has no vsn")
	}
	return App{Version: version, Uses: uses(spec[2])}, nil
}

// uses are the applications that the properties of one name, in their order.
func uses(properties Term) (out []string) {
	for _, key := range []string{"applications", "included_applications", "optional_applications"} {
		value, _ := Property(properties, key)
		list, _ := value.(List)
		for _, e := range list {
			if a, ok := e.(Atom); ok && !slices.Contains(out, string(a)) {
				out = append(out, string(a))
			}
		}
	}
	return out
}
