package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// options say which project to generate.
type options struct {
	Modules int // in all applications together
	Apps    int
	Seed    uint64
}

// minPerApp is how many modules an application needs to hold one of each kind.
const minPerApp = 6

// project is a generated project: its files by path, and what can be edited.
type project struct {
	files map[string]string
	// leaves are the modules to edit: no other mentions them, and no application
	// depends on theirs. The latter matters as Mix (1.18) remembers what a sibling
	// exports only after that sibling's first change, and until then recompiles
	// every module that matches on one of its structs.
	leaves []string
}

// kind is what a module is for, which decides what may depend on it.
type kind int

const (
	contract    kind = iota // the macros that records use: one, in the first application
	record                  // a struct; others match on it, so they depend on it at compile time
	worker                  // functions; others call them, so they depend on it at run time
	leaf                    // functions; nothing depends on it
	application             // starts the last application
	server                  // its one process
)

// module is one module before it is written.
type module struct {
	App  string // "orders"
	Name string // "Orders.LedgerParser"
	Kind kind
}

// alias is the module's name without its application's.
func (m module) alias() string { return m.Name[strings.LastIndexByte(m.Name, '.')+1:] }

// path is the module's file.
func (m module) path() string {
	return path.Join("apps", m.App, "lib", m.App, snake(m.alias())+".ex")
}

// generate makes the project that o describes.
func generate(o options) (*project, error) {
	if o.Apps < 1 || o.Modules < o.Apps*minPerApp {
		return nil, fmt.Errorf("%d modules are too few for %d applications: each needs at least %d",
			o.Modules, o.Apps, minPerApp)
	}
	if o.Modules > 100_000 {
		return nil, fmt.Errorf("%d modules are too many: at most 100000", o.Modules)
	}
	w := &writer{rand: rand.New(rand.NewPCG(o.Seed, uint64(o.Modules)))} //nolint:gosec // reproducible on purpose
	p := &project{files: map[string]string{}}
	apps := appNames(w.rand, o.Apps)
	for i, app := range apps {
		for _, m := range w.modules(app, i, o) {
			p.files[m.path()] = w.source(m)
			if m.Kind == leaf && i == o.Apps-1 {
				p.leaves = append(p.leaves, m.path())
			}
			w.add(m)
		}
		p.files[path.Join("apps", app, "mix.exs")] = appMix(apps[:i], app, i == o.Apps-1)
	}
	p.files["mix.exs"] = umbrellaMix(apps[len(apps)-1])
	p.files["config/config.exs"] = "import Config\n\nconfig :logger, level: :info\n"
	p.files[".formatter.exs"] = "[\n  inputs: [\"mix.exs\", \"config/*.exs\", \"apps/*/mix.exs\", \"apps/*/lib/**/*.ex\"]\n]\n"
	return p, nil
}

// modules lays out one application: what each kind's share is. Every module
// only mentions those that come before it, so nothing depends on itself.
func (w *writer) modules(app string, index int, o options) []module {
	count := o.Modules / o.Apps
	if index < o.Modules%o.Apps {
		count++
	}
	var kinds []kind
	if index == 0 {
		kinds = append(kinds, contract)
	}
	tail := []kind{}
	if index == o.Apps-1 {
		tail = append(tail, server, application)
	}
	left := count - len(kinds) - len(tail)
	records, leaves := max(1, left/5), max(1, left/10)
	kinds = slices.Concat(kinds,
		slices.Repeat([]kind{record}, records),
		slices.Repeat([]kind{worker}, left-records-leaves),
		slices.Repeat([]kind{leaf}, leaves),
		tail)
	return w.named(app, kinds)
}

// write writes the project to dir, which must be empty or absent.
func (p *project) write(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking into %q: %w", dir, err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("directory %q is not empty", dir)
	}
	for name, text := range p.files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // source code, for all to read
			return fmt.Errorf("making the directory of %q: %w", name, err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil { //nolint:gosec // source code, for all to read
			return fmt.Errorf("writing %q: %w", name, err)
		}
	}
	return nil
}

// revision starts the one line of a leaf that an edit changes.
const revision = "  @revision "

// edit applies the k-th edit to a project that write has written to dir: one
// line of one leaf. Edits go round the leaves, each with its own number.
func (p *project) edit(dir string, k int) error {
	if k < 1 {
		return fmt.Errorf("edit %d does not exist: they are counted from 1", k)
	}
	name := p.leaves[(k-1)%len(p.leaves)]
	file := filepath.Join(dir, filepath.FromSlash(name))
	text, err := os.ReadFile(file) //nolint:gosec // below the directory that the caller named
	if err != nil {
		return fmt.Errorf("reading %q, which these flags would have generated: %w", name, err)
	}
	lines := bytes.Split(text, []byte("\n"))
	at := slices.IndexFunc(lines, func(l []byte) bool { return bytes.HasPrefix(l, []byte(revision)) })
	if at < 0 {
		return fmt.Errorf("file %q has no line that starts with %q", name, revision)
	}
	lines[at] = fmt.Appendf(nil, "%s%d", revision, k)
	if err := os.WriteFile(file, bytes.Join(lines, []byte("\n")), 0o644); err != nil { //nolint:gosec // as above
		return fmt.Errorf("writing %q: %w", name, err)
	}
	return nil
}
