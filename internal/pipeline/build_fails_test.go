package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dram/internal/engine"
	"dram/internal/output"
	"dram/internal/problem"
)

// What was damaged between two builds is made again, the same, and never called the
// project's failure.
func TestDamagedBetweenBuilds(t *testing.T) {
	edit := func(t *testing.T, w *world) { writeTree(t, w.dir, tree{"lib/other.ex": "defmodule Other do\nend\n"}) }
	for _, tt := range []struct {
		name string
		hurt func(t *testing.T, w *world, r *output.Result)
		says string
	}{
		{"the tarball", func(t *testing.T, w *world, r *output.Result) { flip(t, w.Store.BlobPath(r.Tarball.Digest)) }, ""},
		{"the manifest", func(t *testing.T, w *world, r *output.Result) { flip(t, w.Store.BlobPath(r.Image)) }, ""},
		{"a layer", func(t *testing.T, w *world, r *output.Result) { flip(t, w.Store.BlobPath(r.Layers[0].Digest)) }, ""},
		{"a layer is gone", func(t *testing.T, w *world, r *output.Result) {
			if err := os.Remove(w.Store.BlobPath(r.Layers[1].Digest)); err != nil {
				t.Fatal(err)
			}
		}, ""},
		{"the toolchain, and an edit", func(t *testing.T, w *world, _ *output.Result) {
			edit(t, w)
			flip(t, filepath.Join(w.engine.jobs[0].Root, "usr/bin/sed"))
		}, "is unpacked anew"},
		{"the toolchain while the steps run", func(t *testing.T, w *world, _ *output.Result) {
			edit(t, w)
			w.engine.during = func(_ context.Context, job engine.Job, _ engine.Events) error {
				flip(t, filepath.Join(job.Root, "usr/bin/sed"))
				flip(t, filepath.Join(job.Root, "usr/lib/x86_64-linux-gnu/libc.so.6"))
				w.engine.during = nil
				return nil
			}
		}, "is unpacked anew, and what was kept of builds is dropped"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			first := w.built(t)
			tt.hurt(t, w, first)
			again := w.built(t)
			if w.engine.ran() < 2 {
				t.Error("what is damaged was taken for the result")
			}
			if again.Image != first.Image || again.Tarball != first.Tarball {
				t.Errorf("made again it is another: %+v, first %+v", again, first)
			}
			for _, l := range again.Layers {
				if err := w.Store.VerifyBlob(l.Digest); err != nil {
					t.Error(err)
				}
			}
			if !strings.Contains(w.said.String(), tt.says) {
				t.Errorf("said %s, want %q", w.said, tt.says)
			}
		})
	}
}

// flip changes one byte of a file and nothing else that is easily seen.
func flip(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-1] ^= 1
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, raw, 0o600),
		os.Chmod(path, info.Mode()), os.Chtimes(path, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
}

// Damage that comes again and again is this machine's.
func TestDamagedAgainAndAgain(t *testing.T) {
	w := newWorld(t)
	w.engine.during = func(_ context.Context, job engine.Job, _ engine.Events) error {
		flip(t, filepath.Join(job.Root, "usr/bin/sed"))
		return nil
	}
	_, err := w.build(t)
	if problem.Code(err) != 5 || !strings.Contains(fmt.Sprint(err), "was damaged again") || w.engine.ran() != 2 {
		t.Errorf("got %v after %d runs", err, w.engine.ran())
	}
}

// A build that fails over a damaged toolchain is built again; one that fails by
// itself is the project's failure, however often it is tried.
func TestFailedStep(t *testing.T) {
	fails := func(output string, after func(job engine.Job)) func(context.Context, engine.Job, engine.Events) error {
		return func(_ context.Context, job engine.Job, ev engine.Events) error {
			_, _ = io.WriteString(ev.Output, output)
			after(job)
			return &engine.StepError{Step: job.Steps[len(job.Steps)-1], Err: errors.New("exit status 1")}
		}
	}
	nothing := func(engine.Job) {}
	for _, tt := range []struct {
		name, output string
		code         int
		hint         string
	}{
		{"by itself", "** (CompileError) lib/hello.ex:1\n", 4, "the whole log: "},
		{"without the network", "nxdomain\n", 4, "compiling has no network"},
		{"no compiler", "sh: 1: cc: not found\n", 4, "this toolchain has no C compiler"},
		{"the disk is full", "tar: No space left on device\n", 5, "dram cache prune"},
		{"too few files", "emfile\n", 5, "ulimit -n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.engine.during = fails(tt.output, nothing)
			_, err := w.build(t)
			if problem.Code(err) != tt.code || !strings.Contains(problem.Hint(err), tt.hint) || w.engine.ran() != 1 {
				t.Errorf("got %v (%d), hint %q after %d runs", err, problem.Code(err), problem.Hint(err), w.engine.ran())
			}
			if !strings.Contains(w.said.String(), strings.TrimSpace(tt.output)) {
				t.Errorf("its output is not shown: %s", w.said)
			}
			w.engine.during = nil
			w.built(t)
		})
	}
	t.Run("over a damaged toolchain", func(t *testing.T) {
		w := newWorld(t)
		w.engine.during = fails("** (CompileError)\n", func(job engine.Job) {
			flip(t, filepath.Join(job.Root, "usr/lib/elixir/lib/elixir/ebin/elixir.app"))
			w.engine.during = nil
		})
		if w.built(t); w.engine.ran() != 2 {
			t.Errorf("the engine ran %d times", w.engine.ran())
		}
	})
}

// Whatever is written when the disk is full, it is this machine's failure.
func TestFullDisk(t *testing.T) {
	w := newWorld(t)
	w.engine.during = func(context.Context, engine.Job, engine.Events) error {
		return fmt.Errorf("staging the source: %w", &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC})
	}
	_, err := w.build(t)
	if problem.Code(err) != 5 || !strings.Contains(problem.Hint(err), w.Store.Dir()) || !strings.Contains(fmt.Sprint(err), "the disk is full") {
		t.Errorf("got %v (%d), hint %q", err, problem.Code(err), problem.Hint(err))
	}
	w.engine.during = nil
	w.built(t)
}

// What an engine keeps for the next build is written down while the release is
// bottled: if that fails, the build does, and what failed before says why.
func TestWhatIsKeptCannotBeWritten(t *testing.T) {
	t.Run("nor anything else", func(t *testing.T) {
		w := newWorld(t)
		w.engine.closing = syscall.ENOSPC
		_, err := w.build(t)
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(problem.Hint(err), "dram cache") {
			t.Errorf("%v, hint %q", err, problem.Hint(err))
		}
	})
	t.Run("of what is no release", func(t *testing.T) {
		w := newWorld(t)
		w.engine.closing = errors.New("not kept")
		delete(w.engine.release, "releases/start_erl.data")
		if _, err := w.build(t); err == nil || strings.Contains(err.Error(), "not kept") {
			t.Errorf("%v", err)
		}
	})
}

// Where a key is asked for that is not there, nothing begins.
func TestNoKeyNoBuild(t *testing.T) {
	w := newWorld(t)
	toolchains := t.TempDir()
	writeLayout(t, toolchains, imageOf(t, bookworm().with("usr/bin/git", needs("GLIBC_2.2.5")).with("usr/bin/ssh", needs("GLIBC_2.2.5"))))
	w.cfg.Toolchain, w.cfg.Credentials = "oci:"+toolchains, []string{"ssh"}
	w.Environ = []string{"HOME=" + t.TempDir(), "SSH_AUTH_SOCK=/nowhere/agent"}
	writeTree(t, w.dir, tree{"mix.exs": strings.Replace(mixExs, "deps: []", `deps: [{:a, git: "git@forge.example:a.git"}]`, 1)})
	_, err := w.build(t)
	if problem.Code(err) != int(problem.Environment) || !strings.Contains(err.Error(), `no ssh agent answers at SSH_AUTH_SOCK="/nowhere/agent"`) || w.engine.ran() != 0 {
		t.Errorf("got %v (%d) after %d runs", err, problem.Code(err), w.engine.ran())
	}
}
