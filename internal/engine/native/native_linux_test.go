package native_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/engine"
	"dram/internal/engine/native"
	"dram/internal/problem"
	"dram/internal/sandbox"
	"dram/internal/source"
	"dram/internal/store"
)

var root string // a root filesystem with /bin/step, set once by TestMain

func TestMain(m *testing.M) {
	sandbox.Main()
	dir, err := os.MkdirTemp("", "dram-native-")
	if err == nil {
		root = dir
		err = errors.Join(os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "bin"), 0o755))
	}
	if err == nil {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "bin", "step"), "./testdata/step")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		var out []byte
		if out, err = cmd.CombinedOutput(); err != nil {
			err = fmt.Errorf("building the test program: %w\n%s", err, out)
		}
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// bench is an engine, a project, and what the engine told of it.
type bench struct {
	t      *testing.T
	engine engine.Engine
	dir    string // the project's
	out    bytes.Buffer
	told   []string
	onWait func()

	cache    string
	lineage  string
	doubts   []error
	isolated bool
}

func newBench(t *testing.T, sources ...string) *bench {
	t.Helper()
	cache := filepath.Join(t.TempDir(), "cache")
	st, err := store.Open(cache)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, engine: native.New(st), dir: t.TempDir(), cache: cache}
	b.write("file", "1")
	for i := 0; i+1 < len(sources); i += 2 {
		b.write(sources[i], sources[i+1])
	}
	return b
}

func (b *bench) write(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) remove(name string) {
	b.t.Helper()
	if err := os.Remove(filepath.Join(b.dir, name)); err != nil {
		b.t.Fatal(err)
	}
}

func step(name string, ops ...string) engine.Step {
	return engine.Step{Name: name, Argv: append([]string{"/bin/step"}, ops...)}
}

// run runs steps and gives what lies in the result, file by file.
func (b *bench) run(ctx context.Context, steps ...engine.Step) (map[string]string, error) {
	b.t.Helper()
	src, err := source.Read(ctx, b.dir, source.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	b.out.Reset()
	b.told = nil
	r, err := b.engine.Run(ctx, engine.Job{
		Key: "key", Root: root, Source: src, Env: []string{"A=job"}, Steps: steps,
		CacheDirs: []string{"/app/_build", "/app/deps", "/cache/hex"}, Export: "/app/_build/rel", Lineage: b.lineage,
		Isolated: b.isolated,
	}, engine.Events{
		Doubtful: func(why error) { b.doubts = append(b.doubts, why) },
		Step: func(s engine.Step, skipped bool) {
			b.told = append(b.told, map[bool]string{true: "skip ", false: "run "}[skipped]+s.Name)
		},
		Unlocked: func(s engine.Step) { b.told = append(b.told, "unlocked "+s.Lock) },
		Wait:     func() { b.onWait() },
		Output:   &b.out,
	})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	got := map[string]string{}
	entries, err := os.ReadDir(r.Dir)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(r.Dir, e.Name()))
		if err != nil {
			b.t.Fatal(err)
		}
		got[e.Name()] = string(raw)
	}
	return got, nil
}

// release is a last step, which leaves no result.
func release(ops ...string) engine.Step { return step("release", ops...) }

func TestStepsRunInOrderAndAreKept(t *testing.T) {
	b := newBench(t)
	first := step("make", "print:made", "env:A", "append:deps/got:d", "append:/cache/hex/pkg:h")
	first.Env = []string{"A=step"}
	first.InputDigest = "first"
	_, err := b.run(t.Context(), first, release("need:file", "need:deps/got"))
	var p *problem.Error
	if !errors.As(err, &p) || p.Kind != problem.Build || !strings.Contains(err.Error(), "left no release at /app/_build/rel") {
		t.Errorf("a build without a result: %v", err)
	}
	if got := b.out.String(); got != "made\nstep\n" {
		t.Errorf("the steps printed %q", got)
	}
	if diff := cmp.Diff([]string{"run make", "run release"}, b.told); diff != "" {
		t.Error(diff)
	}
	_, _ = b.run(t.Context(), first, release("need:deps/got", "need:/cache/hex/pkg"))
	if diff := cmp.Diff([]string{"skip make", "run release"}, b.told); diff != "" {
		t.Errorf("the same again: %s", diff)
	}
	first.InputDigest = "second"
	_, _ = b.run(t.Context(), first, release())
	if diff := cmp.Diff([]string{"run make", "run release"}, b.told); diff != "" {
		t.Errorf("with another digest of what it depends on: %s", diff)
	}
}

// An earlier result is removed before the steps unless nothing could be left of
// it: "a" holds one character for each build since.
func TestResultIsAssembledAnew(t *testing.T) {
	assemble := step("release", "mkdir:_build/rel", "append:_build/rel/a:1", "append:_build/other:1")
	unlocked := step("fetch")
	unlocked.Network = true
	for _, tt := range []struct {
		name   string
		change func(b *bench)
		steps  []engine.Step
		want   string
	}{
		{"nothing changed", func(*bench) {}, []engine.Step{assemble}, "11"},
		{"code edited", func(b *bench) { b.write("a.ex", "2") }, []engine.Step{assemble}, "11"},
		{"code added", func(b *bench) { b.write("new.erl", "2") }, []engine.Step{assemble}, "11"},
		{"code removed", func(b *bench) { b.remove("a.ex") }, []engine.Step{assemble}, "1"},
		{"mix.exs edited", func(b *bench) { b.write("mix.exs", "2") }, []engine.Step{assemble}, "1"},
		{"another file edited", func(b *bench) { b.write("file", "2") }, []engine.Step{assemble}, "1"},
		{"fetched without a lock", func(*bench) {}, []engine.Step{unlocked, assemble}, "1"},
		{"after a failure", func(b *bench) {
			if _, err := b.run(t.Context(), step("broken", "exit:1")); err == nil {
				t.Fatal("the step that fails did not")
			}
		}, []engine.Step{assemble}, "1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, "a.ex", "1", "mix.exs", "1")
			if _, err := b.run(t.Context(), assemble); err != nil {
				t.Fatal(err)
			}
			tt.change(b)
			got, err := b.run(t.Context(), tt.steps...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]string{"a": tt.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFailedStep(t *testing.T) {
	b := newBench(t)
	_, err := b.run(t.Context(), step("compile", "append:_build/half:1", "print:no good", "exit:3"), release())
	var failed *engine.StepError
	var exit *sandbox.ExitError
	if !errors.As(err, &failed) || failed.Step.Name != "compile" || !errors.As(err, &exit) || exit.Code != 3 {
		t.Fatalf("err = %v", err)
	}
	if want := `step "compile" (/bin/step append:_build/half:1 print:no good exit:3) failed: exit status 3`; err.Error() != want {
		t.Errorf("says %q, want %q", err, want)
	}
	if diff := cmp.Diff([]string{"run compile"}, b.told); diff != "" {
		t.Error(diff)
	}
	// A compiler that fails cleans up after itself: what it kept, stays.
	if _, err := b.run(t.Context(), step("again", "need:_build/half", "exit:4")); !strings.Contains(fmt.Sprint(err), "exit status 4") {
		t.Errorf("what a failed step kept is gone: %v", err)
	}
}

func TestMissingCommandOfAStep(t *testing.T) {
	b := newBench(t)
	_, err := b.run(t.Context(), engine.Step{Name: "compile", Argv: []string{"nonesuch"}})
	var failed *engine.StepError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "nonesuch") {
		t.Errorf("err = %v", err)
	}
}

// A killed compiler may leave a file that is new and half written: the place is
// made anew, of what was fetched.
func TestKilledStepLeavesNothingDoubtful(t *testing.T) {
	b := newBench(t)
	fetch := step("fetch", "append:/cache/hex/pkg:h", "append:deps/dep:d", "append:beside:b")
	fetch.InputDigest, fetch.Needs = "once", []string{"file"}
	_, _ = b.run(t.Context(), fetch)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := b.run(ctx, fetch, step("killed", "append:_build/half:1", "append:deps/dep:x", "append:made:1", "hang"))
	var failed *engine.StepError
	if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &failed) {
		t.Fatalf("err = %v, want it cancelled", err)
	}
	for _, gone := range []string{"_build/half", "made"} {
		_, err := b.run(t.Context(), fetch, step("look", "need:file", "need:"+gone))
		if !strings.Contains(b.out.String(), gone+": no such file") {
			t.Errorf("%s is still there: %v %s", gone, err, b.out.String())
		}
	}
	_, err = b.run(t.Context(), fetch, step("look", "need:/cache/hex/pkg", "need:beside", "exit:9"))
	if !strings.Contains(fmt.Sprint(err), "exit status 9") || b.told[0] != "skip fetch" {
		t.Errorf("what was fetched: %v %s, %v", err, b.out.String(), b.told)
	}
	got, err := b.run(t.Context(), fetch, step("release", "mkdir:_build/rel", "append:deps/dep:", "copy:deps/dep:_build/rel/dep"))
	if diff := cmp.Diff(map[string]string{"dep": "d"}, got); err != nil || diff != "" {
		t.Errorf("what was fetched is not what it was: %v %s", err, diff)
	}
}

// A fetch that is killed leaves nothing, and one that fails neither.
func TestBrokenFetchLeavesNothing(t *testing.T) {
	b := newBench(t)
	half := step("fetch", "append:deps/dep:h", "hang")
	half.InputDigest, half.Needs = "once", []string{"file"}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := b.run(ctx, half); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("err = %v, want it cancelled", err)
	}
	broken := step("fetch", "append:deps/dep:h", "exit:3")
	broken.InputDigest, broken.Needs = "once", []string{"file"}
	if _, err := b.run(t.Context(), broken); err == nil {
		t.Fatal("it did not fail")
	}
	whole := step("fetch", "append:deps/dep:w")
	whole.InputDigest, whole.Needs = "once", []string{"file"}
	got, err := b.run(t.Context(), whole, step("release", "mkdir:_build/rel", "copy:deps/dep:_build/rel/dep"))
	if diff := cmp.Diff(map[string]string{"dep": "w"}, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

// What was changed in a place since its steps ended is found, and made anew.
func TestDamagedPlace(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"flipped": func(path string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			return errors.Join(os.WriteFile(path, []byte("2"), 0o600), os.Chtimes(path, info.ModTime(), info.ModTime()))
		},
		"truncated": func(path string) error { return os.Truncate(path, 0) },
		"deleted":   os.Remove,
		"a link": func(path string) error {
			return errors.Join(os.Rename(path, path+".moved"), os.Symlink(path+".moved", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			steps := []engine.Step{step("once", "append:_build/lib:1", "append:made:1"), step("release", "mkdir:_build/rel", "copy:_build/lib:_build/rel/lib", "copy:made:_build/rel/made")}
			steps[0].InputDigest = "once"
			want := map[string]string{"lib": "1", "made": "1"}
			if got, err := b.run(t.Context(), steps...); err != nil || !cmp.Equal(want, got) {
				t.Fatalf("%v, %v", got, err)
			}
			for _, kept := range []string{"keep/app-_build/lib", "source/made"} {
				found, err := filepath.Glob(filepath.Join(b.cache, "projects/build/*", kept))
				if err != nil || len(found) != 1 {
					t.Fatalf("%s: %v, %v", kept, found, err)
				}
				if err := damage(found[0]); err != nil {
					t.Fatal(err)
				}
				b.doubts = nil
				if got, err := b.run(t.Context(), steps...); err != nil || !cmp.Equal(want, got) || len(b.doubts) != 1 {
					t.Errorf("%s: %v, %v, told %v", kept, got, err, b.doubts)
				}
			}
		})
	}
}

// What lies in the way of the result is not followed.
func TestLinkInTheWayOfTheResult(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "precious"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, ops := range map[string][]string{
		"the result":     {"link:" + outside + ":_build/rel"},
		"a link inside":  {"mkdir:_build/other", "link:other:_build/rel"},
		"a file":         {"append:_build/rel:1"},
		"the place kept": {"link:" + outside + ":_build/sub"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			for range 2 { // the second finds what the first left
				_, err := b.run(t.Context(), step("release", ops...))
				if p, ok := errors.AsType[*problem.Error](err); !ok || p.Kind != problem.Build || !strings.Contains(err.Error(), "/app/_build/rel") {
					t.Errorf("err = %v", err)
				}
			}
			b.write("a.exs", "what an earlier build left is cleared now")
			_, _ = b.run(t.Context(), step("release", "mkdir:_build/rel"))
			if raw, err := os.ReadFile(filepath.Join(outside, "precious")); err != nil || string(raw) != "1" {
				t.Errorf("outside: %q, %v", raw, err)
			}
		})
	}
}

func TestLockThatIsNotUpToDate(t *testing.T) {
	b := newBench(t, "mix.lock", "old")
	fetch := step("fetch", "append:mix.lock:+new")
	fetch.InputDigest, fetch.Lock, fetch.Needs = "once", "mix.lock", []string{"mix.lock"}
	want := map[string]string{"lock": "old+new"}
	for range 2 {
		got, err := b.run(t.Context(), fetch, step("release", "mkdir:_build/rel", "copy:mix.lock:_build/rel/lock"))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
		if diff := cmp.Diff([]string{"run fetch", "unlocked mix.lock", "run release"}, b.told); diff != "" {
			t.Error(diff)
		}
	}
}

// A step that may fail does, and leaves nothing half done.
func TestOptionalStep(t *testing.T) {
	b := newBench(t)
	may := step("may", "append:_build/half:1", "append:deps/dep:d", "exit:3")
	may.InputDigest, may.Needs, may.Optional = "once", []string{"file"}, true
	for i, told := range []string{"run may", "skip may"} {
		_, err := b.run(t.Context(), may, step("look", "need:deps/dep", "need:_build/half"))
		if !strings.Contains(b.out.String(), "_build/half: no such file") || b.told[0] != told {
			t.Errorf("run %d: %v %s %v", i, err, b.out.String(), b.told)
		}
	}
}

// What ran for another lineage is not seen.
func TestLineagesAreApart(t *testing.T) {
	b := newBench(t)
	b.lineage = "evil"
	fetch := step("fetch", "append:deps/dep:d")
	fetch.InputDigest, fetch.Needs = "once", []string{"file"}
	_, _ = b.run(t.Context(), fetch, step("release", "append:_build/lib:evil", "append:deps/dep:evil", "append:/cache/hex/pkg:evil", "append:left:evil"))
	b.lineage = "good"
	release := step("release", "mkdir:_build/rel", "append:_build/lib:", "append:/cache/hex/pkg:", "append:left:",
		"copy:_build/lib:_build/rel/lib", "copy:deps/dep:_build/rel/dep", "copy:/cache/hex/pkg:_build/rel/pkg", "copy:left:_build/rel/left")
	got, err := b.run(t.Context(), fetch, release)
	if diff := cmp.Diff(map[string]string{"lib": "", "dep": "d", "pkg": "", "left": ""}, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

// Two builds of one key follow each other, and the second says that it waits.
func TestBuildsOfOneKeyFollowEachOther(t *testing.T) {
	b := newBench(t)
	other := *b
	waits := make(chan bool, 1)
	other.onWait = func() { waits <- true }
	other.out, other.told = bytes.Buffer{}, nil
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		_, _ = b.run(ctx, step("long", "append:_build/by:1", "hang"))
	})
	time.Sleep(300 * time.Millisecond) // until it has the lock
	group.Go(func() {
		if _, err := other.run(t.Context(), step("short", "exit:5")); !strings.Contains(fmt.Sprint(err), "exit status 5") {
			t.Errorf("the second: %v", err)
		}
	})
	select {
	case <-waits:
	case <-time.After(10 * time.Second):
		t.Error("the second did not say that it waits")
	}
	cancel()
	group.Wait()
}

// Without what an isolated network needs, nothing begins, and nothing that was
// kept goes.
func TestIsolatedNetworkWithoutItsProgram(t *testing.T) {
	b := newBench(t)
	t.Setenv("PATH", t.TempDir())
	b.isolated = true
	_, err := b.run(t.Context(), step("compile", "write", "/app/_build/rel/a", "1"))
	if problem.Code(err) != int(problem.Environment) || !strings.Contains(problem.Hint(err), "install slirp4netns") || len(b.told) > 0 {
		t.Errorf("%v (hint %q), having told %q", err, problem.Hint(err), b.told)
	}
}
