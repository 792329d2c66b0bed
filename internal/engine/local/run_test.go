package local

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/engine"
	"dram/internal/problem"
	"dram/internal/source"
	"dram/internal/store"
)

// bench is an engine whose steps are functions of the test's, and what it told.
type bench struct {
	t       *testing.T
	st      *store.Store
	project string
	does    map[string]func(p *fakePlace) error // by the step's name
	told    []string
	job     engine.Job
}

// fakePlace is a place where nothing is mounted: all of it lies in home.
type fakePlace struct {
	*bench
	home string
}

func (p *fakePlace) Source() string { return filepath.Join(p.home, "source") }

func (p *fakePlace) Kept(inside string) string {
	if rest, ok := strings.CutPrefix(inside, engine.SourceDir+"/"); ok {
		return filepath.Join(p.Source(), rest)
	}
	return KeptIn(p.home, inside)
}

func (p *fakePlace) Step(ctx context.Context, s engine.Step, _ engine.Events) error {
	if do := p.does[s.Name]; do != nil {
		return do(p)
	}
	return ctx.Err()
}

func (p *fakePlace) Close() error { return nil }

func (p *fakePlace) write(name, text string) error {
	at := filepath.Join(p.Source(), name)
	return errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o644)) //nolint:gosec // as a compiler does
}

func (p *fakePlace) has(name string) bool {
	_, err := os.Lstat(filepath.Join(p.Source(), name))
	return err == nil
}

// failed is a command that ended with a status other than 0, or by a signal.
func failed(signal bool) error { return &Exit{Err: errors.New("exit status 3"), Signal: signal} }

// newBench is a project with a step that fetches by a lock, and one that makes the
// release of what is in lib.
func newBench(t *testing.T) *bench {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, st: st, project: t.TempDir(), does: map[string]func(*fakePlace) error{}}
	b.edit("mix.exs", "project")
	b.edit("mix.lock", "locked")
	b.edit("lib/a.ex", "a 1")
	b.does["fetch"] = func(p *fakePlace) error { return p.write("deps/jason/mix.exs", "jason") }
	b.does["release"] = func(p *fakePlace) error {
		text, err := os.ReadFile(filepath.Join(p.Source(), "lib/a.ex"))
		return errors.Join(err, p.write("_build/rel/a", string(text)))
	}
	b.job = engine.Job{
		Key: "key", Name: "a", Root: "/", CacheDirs: []string{"/app/_build", "/app/deps", "/cache/hex"}, Export: "/app/_build/rel",
		Steps: []engine.Step{
			{Name: "fetch", Network: true, Needs: []string{"mix.exs", "mix.lock"}, InputDigest: "1", Lock: "mix.lock"},
			{Name: "release"},
		},
	}
	return b
}

func (b *bench) edit(name, text string) {
	b.t.Helper()
	at := filepath.Join(b.project, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o750), os.WriteFile(at, []byte(text), 0o600)); err != nil {
		b.t.Fatal(err)
	}
}

// run runs the job and gives what the result holds.
func (b *bench) run() (map[string]string, error) {
	b.t.Helper()
	return b.runUntil(b.t.Context())
}

func (b *bench) runUntil(ctx context.Context) (map[string]string, error) {
	b.t.Helper()
	tree, err := source.Read(context.WithoutCancel(ctx), b.project, source.Options{Built: []string{"_build", "deps"}})
	if err != nil {
		b.t.Fatal(err)
	}
	job := b.job
	job.Source = tree
	b.told = nil
	e := New(b.st, func(_ context.Context, home string, _ engine.Job, _ engine.Events) (Place, error) {
		return &fakePlace{bench: b, home: home}, nil
	})
	result, err := e.Run(ctx, job, engine.Events{
		Step: func(s engine.Step, skipped bool) {
			b.told = append(b.told, map[bool]string{true: "skip ", false: "run "}[skipped]+s.Name)
		},
		Wait:     func() { b.told = append(b.told, "wait") },
		Unlocked: func(s engine.Step) { b.told = append(b.told, "unlocked by "+s.Name) },
		Doubtful: func(why error) { b.told = append(b.told, "doubtful") },
		Failed:   func(s engine.Step, _ error) { b.told = append(b.told, "failed "+s.Name) },
		Output:   &bytes.Buffer{},
	})
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	err = filepath.WalkDir(result.Dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(name)
		rel, _ := filepath.Rel(result.Dir, name)
		files[rel] = string(raw)
		return err
	})
	if err := errors.Join(err, result.Close()); err != nil {
		b.t.Fatal(err)
	}
	return files, nil
}

// must runs the job, which succeeds, and compares what it made and told.
func (b *bench) must(want string, told ...string) {
	b.t.Helper()
	got, err := b.run()
	if err != nil {
		b.t.Fatal(err)
	}
	if got["a"] != want {
		b.t.Errorf("the release holds %q, want %q", got["a"], want)
	}
	if diff := cmp.Diff(told, b.told); diff != "" {
		b.t.Errorf("told (-want +got): %s", diff)
	}
}

// What was fetched for the same files is not fetched again, whatever else changed; for
// other files it is.
func TestFetchedByWhatItNeeds(t *testing.T) {
	b := newBench(t)
	b.must("a 1", "run fetch", "run release")
	b.edit("lib/a.ex", "a 2")
	b.must("a 2", "skip fetch", "run release")
	b.edit("mix.lock", "locked anew")
	b.must("a 2", "run fetch", "run release")
	b.edit("mix.lock", "locked")
	b.must("a 2", "skip fetch", "run release")
	b.job.Env = []string{"MIX_ENV=test"}
	b.must("a 2", "run fetch", "run release")
}

// The steps that fetch see the files that they need, and no others.
func TestFetchingSeesWhatItNeeds(t *testing.T) {
	b := newBench(t)
	b.does["fetch"] = func(p *fakePlace) error {
		if !p.has("mix.exs") || !p.has("mix.lock") || p.has("lib") {
			t.Error("it sees other files than it needs")
		}
		return nil
	}
	b.must("a 1", "run fetch", "run release")
}

// Without a lock there is no saying what comes: it is fetched each time.
func TestFetchedAgainWithoutALock(t *testing.T) {
	b := newBench(t)
	b.job.Steps[0].InputDigest = ""
	b.must("a 1", "run fetch", "run release")
	b.must("a 1", "run fetch", "run release")
}

// A lock that fetching changed is told, what it became counts for the build, and the
// next build fetches again: its source has the old one.
func TestLockThatIsNotUpToDate(t *testing.T) {
	b := newBench(t)
	b.does["fetch"] = func(p *fakePlace) error { return p.write("mix.lock", "locked by fetching") }
	b.does["release"] = func(p *fakePlace) error {
		text, err := os.ReadFile(filepath.Join(p.Source(), "mix.lock"))
		return errors.Join(err, p.write("_build/rel/a", string(text)))
	}
	for range 2 {
		b.must("locked by fetching", "run fetch", "unlocked by fetch", "run release")
	}
	if raw, err := os.ReadFile(filepath.Join(b.project, "mix.lock")); err != nil || string(raw) != "locked" {
		t.Errorf("the project's own lock is %q, %v", raw, err)
	}
}

// A lock that fetching replaced by something that is no file is the build's fault.
func TestLockThatIsNoFile(t *testing.T) {
	for name, spoil := range map[string]func(at string) error{
		"a directory": func(at string) error { return os.Mkdir(at, 0o755) }, //nolint:gosec // as a step does
		"a link":      func(at string) error { return os.Symlink("/etc/passwd", at) },
	} {
		b := newBench(t)
		b.does["fetch"] = func(p *fakePlace) error {
			at := filepath.Join(p.Source(), "mix.lock")
			return errors.Join(os.Remove(at), spoil(at))
		}
		if _, err := b.run(); err == nil || slices.Contains(b.told, "run release") {
			t.Errorf("%s: %v, told %q", name, err, b.told)
		}
	}
}

// An optional step that fails is told and undone, and the job goes on; one that is
// killed ends it.
func TestOptionalStep(t *testing.T) {
	b := newBench(t)
	b.job.Steps = slices.Insert(b.job.Steps, 1, engine.Step{Name: "dependencies", Needs: []string{"mix.exs"}, InputDigest: "1", Optional: true})
	b.does["dependencies"] = func(p *fakePlace) error { return errors.Join(p.write("_build/half", "half"), failed(false)) }
	b.does["release"] = func(p *fakePlace) error {
		if p.has("_build/half") {
			t.Error("what the step left half made is there")
		}
		if !p.has("deps/jason/mix.exs") {
			t.Error("what was fetched before it is gone")
		}
		return p.write("_build/rel/a", "whole")
	}
	b.must("whole", "run fetch", "run dependencies", "failed dependencies", "run release")

	b = newBench(t)
	b.job.Steps = slices.Insert(b.job.Steps, 1, engine.Step{Name: "dependencies", Needs: []string{"mix.exs"}, InputDigest: "1", Optional: true})
	b.does["dependencies"] = func(*fakePlace) error { return failed(true) }
	_, err := b.run()
	if step, ok := errors.AsType[*engine.StepError](err); !ok || step.Step.Name != "dependencies" {
		t.Errorf("killed: %v", err)
	}
}

// A step with an input is left out while that is the same, and run when it is not, or
// when it failed the last time.
func TestStepByItsInput(t *testing.T) {
	b := newBench(t)
	b.job.Steps = slices.Insert(b.job.Steps, 1, engine.Step{Name: "setup", InputDigest: "1"})
	b.must("a 1", "run fetch", "run setup", "run release")
	b.must("a 1", "skip fetch", "skip setup", "run release")
	b.job.Steps[1].InputDigest = "2"
	b.does["setup"] = func(*fakePlace) error { return failed(false) }
	if _, err := b.run(); err == nil {
		t.Error("it did not fail")
	}
	b.does["setup"] = nil
	b.must("a 1", "skip fetch", "run setup", "run release")
	b.must("a 1", "skip fetch", "skip setup", "run release")
}

// What a step kept that failed by itself is there the next time; what one left that was
// killed is not, and it is all begun anew.
func TestWhatAFailedStepKept(t *testing.T) {
	for _, killed := range []bool{false, true} {
		b := newBench(t)
		b.must("a 1", "run fetch", "run release")
		b.does["release"] = func(p *fakePlace) error {
			return errors.Join(p.write("_build/compiled", "half"), failed(killed))
		}
		_, err := b.run()
		if _, ok := errors.AsType[*engine.StepError](err); !ok {
			t.Fatalf("killed %v: %v", killed, err)
		}
		b.does["release"] = func(p *fakePlace) error {
			if p.has("_build/compiled") == killed {
				t.Errorf("killed %v, and what it wrote is there: %v", killed, p.has("_build/compiled"))
			}
			return p.write("_build/rel/a", "whole")
		}
		b.must("whole", "skip fetch", "run release")
	}
}

// What others change in what is kept is found, said, and made anew.
func TestKeptThatWasChanged(t *testing.T) {
	for name, spoil := range map[string]func(source string) error{
		"another content": func(source string) error {
			return os.WriteFile(filepath.Join(source, "_build/kept"), []byte("spoilt"), 0o600)
		},
		"gone":         func(source string) error { return os.Remove(filepath.Join(source, "_build/kept")) },
		"more":         func(source string) error { return os.WriteFile(filepath.Join(source, "deps/evil"), nil, 0o600) },
		"another mode": func(source string) error { return os.Chmod(filepath.Join(source, "_build/kept"), 0o755) }, //nolint:gosec // the fault
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			release := b.does["release"]
			var at string
			fresh := 0
			b.does["release"] = func(p *fakePlace) error {
				at = p.Source()
				if !p.has("_build/kept") {
					fresh++
				}
				return errors.Join(p.write("_build/kept", "sound"), release(p))
			}
			b.must("a 1", "run fetch", "run release")
			b.must("a 1", "skip fetch", "run release")
			if err := spoil(at); err != nil {
				t.Fatal(err)
			}
			b.must("a 1", "skip fetch", "doubtful", "run release")
			if fresh != 2 {
				t.Errorf("it was begun anew %d times, want twice", fresh)
			}
			b.must("a 1", "skip fetch", "run release")
		})
	}
}

// Verify reads what is kept, drops what is not as it was left, and leaves the rest.
func TestVerify(t *testing.T) {
	b := newBench(t)
	release := b.does["release"]
	var at string
	b.does["release"] = func(p *fakePlace) error {
		at = p.Source()
		return errors.Join(p.write("_build/kept", "sound"), release(p))
	}
	if n, mended, err := Verify(t.Context(), b.st); n != 0 || len(mended) > 0 || err != nil {
		t.Errorf("of nothing: %d, %v, %v", n, mended, err)
	}
	b.must("a 1", "run fetch", "run release")
	if n, mended, err := Verify(t.Context(), b.st); n != 1 || len(mended) > 0 || err != nil {
		t.Errorf("of what is sound: %d, %v, %v", n, mended, err)
	}
	if err := os.WriteFile(filepath.Join(at, "_build/kept"), []byte("spoil"), 0o600); err != nil {
		t.Fatal(err)
	}
	n, mended, err := Verify(t.Context(), b.st)
	if err != nil || n != 1 || len(mended) != 1 || !strings.Contains(mended[0].Why, "/app/_build/kept has another content") {
		t.Errorf("of what is not: %d, %v, %v", n, mended, err)
	}
	if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	b.must("a 1", "skip fetch", "run release")
}

// A release is made over the one before, unless more than code changed: what is no
// longer in it must not stay.
func TestNothingOfAnEarlierReleaseStays(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func(b *bench)
		gone bool
	}{
		"nothing":          {func(*bench) {}, false},
		"code":             {func(b *bench) { b.edit("lib/a.ex", "a 2") }, false},
		"new code":         {func(b *bench) { b.edit("lib/b.ex", "b 1") }, false},
		"configuration":    {func(b *bench) { b.edit("config/config.exs", "x") }, true},
		"an overlay":       {func(b *bench) { b.edit("rel/overlays/x", "x") }, true},
		"another version":  {func(b *bench) { b.edit("mix.exs", "other") }, true},
		"a file went":      {func(b *bench) { _ = os.Remove(filepath.Join(b.project, "lib/old.ex")) }, true},
		"a step downloads": {func(b *bench) { b.job.Steps[1].Network = true }, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.edit("lib/old.ex", "old")
			release := b.does["release"]
			b.does["release"] = func(p *fakePlace) error { return errors.Join(p.write("_build/rel/old", "old"), release(p)) }
			if _, err := b.run(); err != nil {
				t.Fatal(err)
			}
			b.does["release"] = release
			tt.edit(b)
			got, err := b.run()
			if err != nil {
				t.Fatal(err)
			}
			if _, there := got["old"]; there == tt.gone {
				t.Errorf("what the release no longer has is there: %v", there)
			}
		})
	}
}

// Steps that end well and leave nothing where the release is to lie, or something else
// than a directory, are the project's fault; an export in no kept directory is the
// job's.
func TestNoRelease(t *testing.T) {
	for name, tt := range map[string]struct {
		release func(p *fakePlace) error
		export  string
		code    problem.Kind
		says    string
	}{
		"nothing":        {func(*fakePlace) error { return nil }, "/app/_build/rel", problem.Build, "left no release at /app/_build/rel"},
		"a file":         {func(p *fakePlace) error { return p.write("_build/rel", "x") }, "/app/_build/rel", problem.Build, "a file that is not a directory"},
		"a link out":     {func(p *fakePlace) error { return os.Symlink("/etc", filepath.Join(p.Source(), "_build/rel")) }, "/app/_build/rel", problem.Build, "a symbolic link"},
		"nowhere kept":   {func(*fakePlace) error { return nil }, "/elsewhere/rel", problem.Failure, "it lies in no kept directory"},
		"out of what is": {func(*fakePlace) error { return nil }, "/app/_build/../../etc", problem.Failure, "it lies in no kept directory"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.does["release"], b.job.Export = tt.release, tt.export
			if _, err := b.run(); problem.Code(err) != int(tt.code) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v (%d)", err, problem.Code(err))
			}
		})
	}
}

// What is kept for one lineage or project, another does not see.
func TestLineagesAreApart(t *testing.T) {
	b := newBench(t)
	b.does["release"] = func(p *fakePlace) error {
		if p.has("_build/mine") {
			t.Errorf("%s of %s sees what another left", b.job.Lineage, b.job.Key)
		}
		return errors.Join(p.write("_build/mine", b.job.Lineage), p.write("_build/rel/a", b.job.Lineage))
	}
	for _, lineage := range []string{"one", "two"} {
		b.job.Lineage = lineage
		if _, err := b.run(); err != nil {
			t.Fatal(err)
		}
	}
	b.job.Key = "other"
	if _, err := b.run(); err != nil {
		t.Fatal(err)
	}
}

// A build that is cancelled gives the cause, and the next one begins with nothing of it.
func TestCancelledWhileAStepRuns(t *testing.T) {
	b := newBench(t)
	release := b.does["release"]
	ctx, cancel := context.WithCancel(t.Context())
	b.does["release"] = func(p *fakePlace) error {
		cancel()
		return errors.Join(p.write("_build/half", "half"), ctx.Err())
	}
	if _, err := b.runUntil(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	b.does["release"] = func(p *fakePlace) error {
		if p.has("_build/half") {
			t.Error("what the cancelled build left is there")
		}
		return release(p)
	}
	b.must("a 1", "skip fetch", "run release")
}
