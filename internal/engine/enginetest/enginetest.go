// Package enginetest is what every engine must do, as tests: one suite, run
// against each engine with a real toolchain.
package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/distro/distros"
	"dram/internal/engine"
	"dram/internal/ref"
	"dram/internal/source"
	"dram/internal/store"
	"dram/internal/toolchain"
)

// Suite is an engine to test.
type Suite struct {
	// New makes the engine, keeping in st what it keeps.
	New func(t *testing.T, st *store.Store) engine.Engine
	// Toolchain is what the engine is given.
	Toolchain engine.Toolchain
	Root      string
	// Shared says that the engine has no place of its own for what it keeps, as
	// one that builds on the host: what needs one is left out.
	Shared bool
	// Networked says that steps without the network have it nevertheless.
	Networked bool
	// AtOnce says that cases may run beside one another.
	AtOnce bool
}

// Toolchain gives the default distribution's newest stable suite with Erlang and
// Elixir. It comes from the mirror that this machine's package sources name;
// DRAM_TEST_CACHE names a cache to keep it in.
func Toolchain(t *testing.T) (engine.Toolchain, string) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a toolchain")
	}
	st := openStore(t, os.Getenv("DRAM_TEST_CACHE"))
	p := &toolchain.Provider{Store: st, HTTP: http.DefaultClient, Arch: runtime.GOARCH, Distros: distros.All(), Etc: os.DirFS("/etc")}
	newest := distros.All().Default().Info().Newest()
	tc, err := p.Open(t.Context(), ref.Ref{Kind: ref.Distro, Value: newest.String()}, toolchain.Options{})
	if err != nil {
		t.Fatal(err)
	}
	root, err := tc.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return engine.Toolchain{ID: tc.ID, Name: tc.Ref.String(), Image: tc.Image}, root
}

func openStore(t *testing.T, dir string) *store.Store {
	t.Helper()
	if dir == "" {
		dir = filepath.Join(t.TempDir(), "cache")
	}
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, b *bench)
	}{
		{"steps run in order and see what is kept", inOrder},
		{"incremental is as fresh", incremental},
		{"a step that fails", failing},
		{"no result", noResult},
		{"a cancelled build", cancelled},
		{"two builds at once", atOnce},
		{"what is fetched once", fetchedOnce},
		{"a lock file that is not up to date", unlocked},
		{"secrets", secrets},
		{"the network", network},
		{"the network beside a step that has it", networkBeside},
		{"generated files", generated},
		{"names of files", names},
		{"lineages are apart", lineages},
		{"a step that may fail", optional},
		{"a file that failed to compile is compiled again", failedCompile},
	} {
		t.Run(c.name, func(t *testing.T) {
			if s.AtOnce {
				t.Parallel()
			}
			c.test(t, s.bench(t))
		})
	}
}

// bench is an engine, a project, and what the engine told of it.
type bench struct {
	t      *testing.T
	s      Suite
	engine engine.Engine
	dir    string // the project's
	key    string

	mu   sync.Mutex
	out  bytes.Buffer
	told []string
	open string // who leaves the network to steps that are to have none
	wait func()
}

func (s Suite) bench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, s: s, engine: s.New(t, openStore(t, "")), dir: filepath.Join(t.TempDir(), "a projéct"), wait: func() {}}
	b.key = store.DigestOf([]byte(b.dir)).Hex()
	b.write("mix.exs", "project")
	return b
}

func (b *bench) write(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) remove(name string) {
	b.t.Helper()
	if err := os.Remove(filepath.Join(b.dir, name)); err != nil {
		b.t.Fatal(err)
	}
}

// sh is a step that the shell runs.
func sh(name, script string) engine.Step {
	return engine.Step{Name: name, Argv: []string{"sh", "-euc", script}}
}

// fetch is a step that fetches once, and reads mix.exs.
func fetch(script string) engine.Step {
	s := sh("fetch", script)
	s.Network, s.InputDigest, s.Needs, s.Lock = true, "1", []string{"mix.exs"}, "mix.lock"
	return s
}

const made = "mkdir -p _build/rel; "

// run runs steps and gives what lies in the result, file by file.
func (b *bench) run(ctx context.Context, steps ...engine.Step) (map[string]string, error) {
	b.t.Helper()
	src, err := source.Read(ctx, b.dir, source.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	b.out.Reset()
	b.told, b.open = nil, ""
	b.mu.Unlock()
	for i := range steps { // what was fetched for another test, or another day, is not taken
		if steps[i].Needs != nil {
			steps[i].Env = append(slices.Clone(steps[i].Env), "BENCH="+b.key)
		}
	}
	r, err := b.engine.Run(ctx, engine.Job{
		Key: b.key, Name: "suite", Root: b.s.Root, Toolchain: b.s.Toolchain, Source: src, Steps: steps,
		Env:       []string{"PATH=/usr/bin:/bin", "HOME=/root", "LANG=C.UTF-8", "A=job", `ODD=a "b" $c \d 'e'`},
		CacheDirs: []string{"/app/_build", "/app/deps", "/cache/hex"}, Export: "/app/_build/rel", Lineage: lineage(src),
	}, b.events())
	if err != nil {
		return nil, err
	}
	list, err := files(r.Dir)
	return list, errors.Join(err, r.Close())
}

// lineage names all of a source but its code.
func lineage(src *source.Tree) string {
	var rest source.Tree
	for _, f := range src.Files {
		if !source.IsCode(f.Path) || f.Path == "mix.exs" {
			rest.Files = append(rest.Files, f)
		}
	}
	return rest.Digest().Hex()
}

func (b *bench) events() engine.Events {
	tell := func(format string, args ...any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.told = append(b.told, fmt.Sprintf(format, args...))
	}
	return engine.Events{
		Step: func(s engine.Step, skipped bool) {
			tell("%s %s", map[bool]string{true: "skip", false: "run"}[skipped], s.Name)
		},
		Unlocked: func(s engine.Step) { tell("unlocked %s", s.Lock) },
		Failed:   func(s engine.Step, _ error) { tell("failed %s", s.Name) },
		Networked: func(who string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.open += who
		},
		Wait:   func() { b.wait() },
		Output: writer(func(p []byte) { b.mu.Lock(); defer b.mu.Unlock(); b.out.Write(p) }),
	}
}

type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

// files reads a directory: names to contents, links to "-> target".
func files(dir string) (map[string]string, error) {
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if d.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(path)
			got[name] = "-> " + target
			return err
		}
		raw, err := os.ReadFile(path) //nolint:gosec // the test's own directory
		got[name] = string(raw)
		return err
	})
	return got, err
}

// must runs steps that have to succeed.
func (b *bench) must(steps ...engine.Step) map[string]string {
	b.t.Helper()
	got, err := b.run(b.t.Context(), steps...)
	if err != nil {
		b.t.Fatalf("%v\n%s", err, b.out.String())
	}
	return got
}

func (b *bench) same(what string, want, got any) {
	b.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("%s: %s", what, diff)
	}
}
