package host_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dram/internal/engine"
	"dram/internal/engine/host"
	"dram/internal/source"
	"dram/internal/store"
)

// bench is a project, a store and an engine that works at a directory.
type bench struct {
	t    *testing.T
	st   *store.Store
	dir  string
	opts host.Options
	out  bytes.Buffer
}

func newBench(t *testing.T, at string) *bench {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, st: st, dir: t.TempDir(), opts: host.Options{At: at}}
	b.write("file", "1")
	return b
}

func (b *bench) write(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// run runs a shell script as the only step; "_build/out" is the result.
func (b *bench) run(ctx context.Context, script string) (string, error) {
	b.t.Helper()
	src, err := source.Read(ctx, b.dir, source.Options{Store: b.st})
	if err != nil {
		b.t.Fatal(err)
	}
	b.out.Reset()
	r, err := host.New(b.st, b.opts).Run(ctx, engine.Job{
		Key: strings.Repeat("a", 64), Root: "/", Source: src,
		CacheDirs: []string{"/app/_build", "/cache/hex"}, Export: "/app/_build/out",
		Env:   []string{"PATH=" + os.Getenv("PATH"), "HEX_HOME=/cache/hex"},
		Steps: []engine.Step{{Name: "step", Argv: []string{"sh", "-c", script}}},
	}, engine.Events{Step: func(engine.Step, bool) {}, Wait: func() {}, Unlocked: func(engine.Step) {}, Output: &b.out})
	if err != nil {
		return "", err
	}
	defer r.Close()
	raw, err := os.ReadFile(filepath.Join(r.Dir, "result"))
	return string(raw), err
}

const record = `mkdir -p _build/out && echo x >> _build/count && echo "$PWD $(cat file) $(wc -l < _build/count) $(ls "$HEX_HOME" | wc -l)" | tr -s ' ' > _build/out/result && touch "$HEX_HOME/f$$"`

func TestStepsRunAtTheirPlaceAndKeepWhatIsKept(t *testing.T) {
	for name, elsewhere := range map[string]bool{"same file system": false, "another file system": true} {
		t.Run(name, func(t *testing.T) {
			base := t.TempDir()
			if elsewhere {
				base = sharedMemory(t)
			}
			at := filepath.Join(base, "app")
			b := newBench(t, at)
			for i, want := range []string{at + " 1 1 0\n", at + " 2 2 1\n"} {
				got, err := b.run(t.Context(), record)
				if err != nil || got != want {
					t.Fatalf("run %d: %q, %v; want %q", i, got, err, want)
				}
				if _, err := os.Stat(at); err == nil {
					t.Fatalf("run %d left %s", i, at)
				}
				b.write("file", "2")
			}
		})
	}
}

// sharedMemory is a directory on a file system of its own.
func sharedMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "dram-host-") //nolint:usetesting // another file system is the point
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// A directory that is not ours is left alone, and the build goes on elsewhere.
func TestAnotherOnesDirectoryIsLeftAlone(t *testing.T) {
	at := t.TempDir()
	if err := os.WriteFile(filepath.Join(at, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, at)
	var noted string
	b.opts.Note = func(dir string, _ error) { noted = dir }
	got, err := b.run(t.Context(), record)
	if err != nil || noted == "" || got != noted+" 1 1 0\n" {
		t.Errorf("got %q, %v; the note names %q", got, err, noted)
	}
	entries, err := os.ReadDir(at)
	if err != nil || len(entries) != 1 || entries[0].Name() != "precious" {
		t.Errorf("there is %v, %v", entries, err)
	}
}

// dram was killed while a step ran: what lies at the place is known as its own,
// and what the step may have left half written goes.
func TestAfterAKill(t *testing.T) {
	at := filepath.Join(t.TempDir(), "app")
	b := newBench(t, at)
	if _, err := b.run(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	homes, err := filepath.Glob(filepath.Join(b.st.Dir(), "projects", "build", "*"))
	if err != nil || len(homes) != 1 {
		t.Fatal(homes, err)
	}
	home := homes[0]
	for _, do := range []func() error{
		func() error { return b.st.Put("host", at, map[string]string{"at": at, "home": home}) },
		func() error { return b.st.Remove("place", filepath.Base(home)) },
		func() error { return os.Rename(filepath.Join(home, "source"), at) },
		func() error { return os.WriteFile(filepath.Join(at, "_build", "half"), nil, 0o600) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := b.run(t.Context(), "test ! -e _build/half && "+record)
	if want := at + " 1 1 0\n"; err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

// dram was killed while it fetched: what lies at the place belongs to nothing
// that is there.
func TestAfterAKillWhileFetching(t *testing.T) {
	at := filepath.Join(t.TempDir(), "app")
	b := newBench(t, at)
	if err := errors.Join(os.Mkdir(at, 0o750), b.st.Put("host", at, map[string]string{"at": at, "home": filepath.Join(t.TempDir(), "gone")})); err != nil {
		t.Fatal(err)
	}
	got, err := b.run(t.Context(), record)
	if want := at + " 1 1 0\n"; err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

func TestAFailingStepIsTheProjects(t *testing.T) {
	at := filepath.Join(t.TempDir(), "app")
	b := newBench(t, at)
	_, err := b.run(t.Context(), "echo no such thing; exit 7")
	failed, ok := errors.AsType[*engine.StepError](err)
	if !ok || failed.Step.Name != "step" || !strings.Contains(err.Error(), "7") || b.out.String() != "no such thing\n" {
		t.Errorf("%v; output %q", err, b.out.String())
	}
	if _, err := os.Stat(at); err == nil {
		t.Errorf("left %s behind", at)
	}
}

// A cancelled step goes with all that it started.
func TestCancelling(t *testing.T) {
	at := filepath.Join(t.TempDir(), "app")
	b := newBench(t, at)
	pid := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(pid); err == nil {
				cancel()
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	start := time.Now()
	_, err := b.run(ctx, "sleep 60 & echo $! > '"+pid+".new'; mv '"+pid+".new' '"+pid+"'; wait")
	if err == nil || time.Since(start) > 20*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	if _, ok := errors.AsType[*engine.StepError](err); ok {
		t.Errorf("%v is laid at the project's door", err)
	}
	raw, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	var state []byte
	for range 100 { // a killed process ends when it is next run
		if state, err = os.ReadFile("/proc/" + strings.TrimSpace(string(raw)) + "/stat"); err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("the child lives on: %s", state)
}
