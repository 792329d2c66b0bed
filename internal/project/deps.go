package project

import (
	"path"
	"slices"

	"dram/internal/project/elixir"
)

// maxDeps bounds the dependencies kept of all mix.exs files together.
const maxDeps = 10_000

// deps notes the dependencies that the mix.exs in dir names.
func (r *reader) deps(dir string, config elixir.Value) {
	list, ok := config.Get("deps")
	if ok && list.Type != elixir.List || config.Type == elixir.Unknown {
		r.p.DepsOpen = true
	}
	if list.Type != elixir.List {
		return
	}
	for _, it := range list.Items {
		d, ok := dep(dir, it)
		if !ok {
			r.p.DepsOpen = true
			continue
		}
		known := slices.ContainsFunc(r.p.Deps, func(o Dep) bool { return o.Name == d.Name && o.Source == d.Source && o.Where == d.Where })
		if !known && len(r.p.Deps) < maxDeps {
			r.p.Deps = append(r.p.Deps, d)
		}
	}
}

// dep is one of {:name, "req"}, {:name, options}, {:name, "req", options} and
// name: "req".
func dep(dir string, it elixir.Item) (Dep, bool) {
	if it.Keyed {
		d := Dep{Name: it.Key, Source: Hex}
		if it.Value.Type == elixir.String {
			d.Requirement = it.Value.Text
			return d, true
		}
		d.options(dir, it.Value)
		return d, true
	}
	parts := it.Value.Items
	if it.Value.Type != elixir.Tuple || len(parts) == 0 || parts[0].Value.Type != elixir.Atom || len(parts) > 3 {
		return Dep{}, false
	}
	d := Dep{Name: parts[0].Value.Text, Source: Hex}
	for _, part := range parts[1:] {
		switch v := part.Value; v.Type {
		case elixir.String:
			d.Requirement = v.Text
		case elixir.List:
			d.options(dir, v)
		case elixir.Unknown, elixir.Atom, elixir.Charlist, elixir.Int, elixir.Tuple, elixir.Map, elixir.Alias:
			if len(parts) == 2 {
				d.Source = Computed // a requirement or options
			}
		}
	}
	return d, true
}

func (d *Dep) options(dir string, options elixir.Value) {
	if options.Type != elixir.List {
		d.Source = Computed
		return
	}
	if only, ok := options.Get("only"); ok {
		d.Only = only.Atoms()
	}
	noApp, _ := options.Get("app")
	d.NoApp = noApp.IsAtom("false")
	umbrella, _ := options.Get("in_umbrella")
	at, isPath := options.Get("path")
	switch {
	case umbrella.IsAtom("true"):
		d.Source = Sibling
	case isPath:
		d.Source, d.Where = Path, ""
		if at.Type == elixir.String {
			d.Where = at.Text
			if !path.IsAbs(at.Text) {
				d.Where = path.Join(dir, at.Text)
			}
		}
	default:
		d.git(options)
		if d.Source == Hex && options.Open() {
			d.Source = Computed
		}
	}
}

func (d *Dep) git(options elixir.Value) {
	for _, key := range []string{"git", "github"} {
		if at, ok := options.Get(key); ok && at.Type != elixir.Unknown {
			d.Source, d.Where, d.Tag = Git, at.Text, textOf(options, "tag")
		}
	}
}

// Remote says whether fetching the dependency needs the network.
func (d Dep) Remote() bool { return d.Source == Hex || d.Source == Git || d.Source == Computed }

// Outside says whether the dependency is a directory outside the project, and outside
// of its context.
func (d Dep) Outside() bool {
	return d.Source == Path && d.Where != "" && !d.Near && !insideProject(d.Where)
}
