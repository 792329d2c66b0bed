package rebar3

import (
	"fmt"
	"path"
	"regexp"
	"slices"

	"dram/internal/beam"
	"dram/internal/distro"
	"dram/internal/project"
	"dram/internal/tool"
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

// hooks are the commands that rebar3 runs before and after its own.
func (c config) hooks() []string {
	var out []string
	for _, key := range []string{"pre_hooks", "post_hooks"} {
		for _, t := range c.get(key) {
			if tuple, ok := t.(beam.Tuple); ok && len(tuple) > 1 {
				if text, ok := beam.Text(tuple[len(tuple)-1]); ok {
					out = append(out, text)
				}
			}
		}
	}
	return out
}

// compiler finds what compiles native code in a hook's command.
var compiler = regexp.MustCompile(`(?:^|[\s;&|(/])(make|gmake|cmake|cargo|zig|cc|gcc|g\+\+|clang)(?:\s|$)`)

// compiles is what such a command needs of a toolchain.
func compiles(program string) distro.Need {
	switch program {
	case "cmake":
		return distro.CMake
	case "cargo":
		return distro.Cargo
	case "zig":
		return distro.Zig
	}
	return distro.C
}

// native notes what in an application needs a compiler: hooks that call one, the
// plugins for ports and for Rust, and C code.
func (p *Project) native(d *project.Dir, dir string, c config) {
	need := func(why string, what ...distro.Need) {
		p.facts.NativeCode = append(p.facts.NativeCode, why)
		for _, n := range what {
			p.calls = append(p.calls, tool.Need{What: n, Why: why})
		}
	}
	for _, command := range c.hooks() {
		for _, m := range compiler.FindAllStringSubmatch(command, -1) {
			need(fmt.Sprintf("%s: hook %q", c.file, command), compiles(m[1]))
		}
	}
	for _, plugin := range c.plugins() {
		switch plugin.Name {
		case "pc":
			need(c.file+": plugin pc", distro.C)
		case "rebar3_cargo":
			need(c.file+": plugin rebar3_cargo", distro.Cargo)
		}
	}
	if src := path.Join(dir, "c_src"); len(d.Files(src))+len(d.Folders(src)) > 0 {
		need(src+"/", distro.C)
	}
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
