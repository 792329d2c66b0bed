package rebar3

import (
	"slices"

	"dram/internal/beam"
	"dram/internal/project"
	"dram/internal/tool/relx"
)

// Bounds of what is read of a project.
const (
	maxFile = 1 << 20 // bytes of a rebar.lock
	maxApps = 500     // applications of a project
)

// config is what a rebar.config says; terms are {Key, Value}.
type config struct {
	file  string
	terms []beam.Term
}

// consult reads a file of terms; ok is false if there is none.
func consult(d *project.Dir, name string) (c config, ok bool, err error) {
	terms, ok, err := relx.Consult(d, name, "rebar3")
	return config{name, terms}, ok, err
}

// get is the value of a key, an empty list if there is none.
func (c config) get(key string) beam.List {
	for _, t := range c.terms {
		if pair, ok := beam.AsTuple(t, key, 2); ok {
			list, _ := pair[1].(beam.List)
			return list
		}
	}
	return nil
}

// text is the value of a key that is a text, "" if it is none.
func (c config) text(key string) string {
	for _, t := range c.terms {
		if pair, ok := beam.AsTuple(t, key, 2); ok {
			text, _ := beam.Text(pair[1])
			return text
		}
	}
	return ""
}

// profiles are the names under {profiles, …}.
func (c config) profiles() []string {
	var names []string
	for _, t := range c.get("profiles") {
		if pair, ok := t.(beam.Tuple); ok && len(pair) == 2 {
			if a, ok := pair[0].(beam.Atom); ok {
				names = append(names, string(a))
			}
		}
	}
	return names
}

// profile is what a profile adds.
func (c config) profile(name string) config {
	v, _ := beam.Property(c.get("profiles"), name)
	terms, _ := v.(beam.List)
	return config{c.file, terms}
}

// dep is a dependency or plugin: a name, {Name, Version}, {Name, Source} or
// {Name, Version, Source}.
func dep(t beam.Term) (project.Dep, bool) {
	d := project.Dep{Source: project.Hex}
	if a, ok := t.(beam.Atom); ok {
		d.Name = string(a)
		return d, true
	}
	tuple, ok := t.(beam.Tuple)
	if !ok || len(tuple) < 2 {
		return d, false
	}
	name, ok := tuple[0].(beam.Atom)
	d.Name = string(name)
	for _, part := range tuple[1:] {
		if text, ok := beam.Text(part); ok {
			d.Requirement = text
		}
		if from, ok := part.(beam.Tuple); ok && len(from) > 1 {
			located(&d, from)
		}
	}
	return d, ok
}

// located is where a dependency comes from: {git, Url, …}, {git_subdir, Url, …},
// {hg, Url}, {pkg, Name}, and what plugins add to these.
func located(d *project.Dep, from beam.Tuple) {
	kind, _ := from[0].(beam.Atom)
	switch kind {
	case "git", "git_subdir":
		d.Source = project.Git
	case "pkg":
		return
	default:
		d.Source = project.Computed
	}
	d.Where, _ = beam.Text(from[1])
	for _, part := range from[2:] {
		if tag, ok := beam.AsTuple(part, "tag", 2); ok {
			d.Tag, _ = beam.Text(tag[1])
		}
	}
}

// locked are the names in rebar.lock, which is a list, after a version of its form or
// not; ok is false if there is none. One that cannot be read is rebar3's to refuse.
func locked(d *project.Dir) (names []string, ok bool) {
	text, ok, _ := d.Text(Lock, maxFile)
	terms, err := beam.Consult([]byte(text))
	if err != nil || len(terms) == 0 {
		return nil, ok
	}
	list := terms[0]
	if versioned, is := list.(beam.Tuple); is && len(versioned) == 2 {
		list = versioned[1]
	}
	entries, _ := list.(beam.List)
	for _, e := range entries {
		if entry, is := e.(beam.Tuple); is && len(entry) > 1 {
			if name, is := beam.Text(entry[0]); is {
				names = append(names, name)
			}
		}
	}
	return names, ok
}

// deps are the dependencies under a key.
func (c config) deps(key string) []project.Dep {
	var out []project.Dep
	for _, t := range c.get(key) {
		if d, ok := dep(t); ok {
			out = append(out, d)
		}
	}
	return out
}

// plugins are those that run while the project is compiled.
func (c config) plugins() []project.Dep {
	return slices.Concat(c.deps("plugins"), c.deps("project_plugins"))
}

// relxOf is relx's configuration in a profile: relx.config, where rebar.config has
// none of it.
func (p *Project) relxOf(profile string) relx.Config {
	base, more := p.config.get("relx"), p.config.profile(profile).get("relx")
	if len(base) == 0 && len(more) == 0 {
		return relx.Read(p.apart)
	}
	return relx.Read(base, more)
}
