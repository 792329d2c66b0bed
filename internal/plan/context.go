package plan

import (
	"cmp"
	"context"
	"path"
	"path/filepath"
	"strings"

	"dram/internal/engine"
	"dram/internal/tool"
)

// A project may take code from beside it, as in a monorepo. Then the build sees the
// directory that holds both, at engine.SourceDir, and of it no more than was named; the
// project's tool runs in the project's directory there. Tools know nothing of it: paths
// that they say are relative to the project, or begin with engine.SourceDir.

// context says what the build sees beside the project.
func (m *maker) context(context.Context) error {
	c := m.facts.Context
	if m.plan.Context = c; c.Dir == "" {
		return nil
	}
	why := "a dependency or a file that is read lies outside of the project, in the same repository"
	if m.in.Config.Origin("source.context") != "" {
		why = m.set("source.context")
	}
	dir, err := filepath.Rel(m.plan.Dir, c.Dir)
	if err != nil || strings.Count(dir, "..") > strings.Count(c.At, "/")+1 { // the project is reached by a link
		dir = c.Dir
	}
	m.decide("context", filepath.ToSlash(dir)+": "+c.At+" with "+cmp.Or(tool.Some(c.Beside, 12), "nothing beside it"), why)
	return nil
}

// contextLine is where in the context the project lies as a part of what names a result;
// "" for the project alone.
func (p *Plan) contextLine() string {
	if p.Context.Dir == "" {
		return ""
	}
	return "context " + p.Context.At + "\n"
}

// inContext is a tool's part of a job where the project lies in a directory of the
// source.
func inContext(at string, part tool.Job) tool.Job {
	if at == "" || at == "." {
		return part
	}
	inside := func(name string) string {
		if rest, ok := strings.CutPrefix(name, engine.SourceDir+"/"); ok {
			return path.Join(engine.SourceDir, at, rest)
		}
		return name
	}
	part.Export, part.Assembled = inside(part.Export), inside(part.Assembled)
	part.CacheDirs = each(part.CacheDirs, inside)
	part.Fixed = each(part.Fixed, func(kv string) string {
		name, value, _ := strings.Cut(kv, "=")
		return name + "=" + inside(value)
	})
	part.Steps = append([]engine.Step(nil), part.Steps...)
	for i := range part.Steps {
		s := &part.Steps[i]
		s.Dir, s.Argv, s.Packing = at, each(s.Argv, inside), each(s.Packing, inside)
		s.Needs = each(s.Needs, func(name string) string { return path.Join(at, name) })
		if s.Lock != "" {
			s.Lock = path.Join(at, s.Lock)
		}
	}
	return part
}

// each is a list with all of it changed; nil stays nil, which means something else than
// nothing.
func each(list []string, change func(string) string) []string {
	if list == nil {
		return nil
	}
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = change(s)
	}
	return out
}
