package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"dram/internal/binary/binarytest"
	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/engine"
	"dram/internal/output"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/rootfs"
)

// build builds tarball and image.
func (w *world) build(t *testing.T) (*output.Result, error) {
	t.Helper()
	return w.Build(t.Context(), w.planned(t), output.Usual())
}

// built is build, where it has to succeed.
func (w *world) built(t *testing.T) *output.Result {
	t.Helper()
	r, err := w.build(t)
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said)
	}
	return r
}

// write writes outputs of a build.
func (w *world) write(t *testing.T, r *output.Result, outs ...output.Output) []output.Written {
	t.Helper()
	written, err := w.Write(t.Context(), w.planned(t), r, outs)
	if err != nil {
		t.Fatal(err)
	}
	return written
}

// What did not change is found in the cache, whoever asks; what did is built.
func TestBuildIsCached(t *testing.T) {
	w := newWorld(t)
	first := w.built(t)
	for _, tt := range []struct {
		name   string
		change func(t *testing.T)
		ran    int // how often the engine, in all
		same   bool
	}{
		{"nothing", func(*testing.T) {}, 1, true},
		{"another run of dram", func(t *testing.T) { w.restart(t, w.Store.Dir()) }, 1, true},
		{"a file that is ignored", func(t *testing.T) { writeTree(t, w.dir, tree{"_build/x": "x"}) }, 1, true},
		{"an edit", func(t *testing.T) {
			writeTree(t, w.dir, tree{"lib/hello.ex": "defmodule Hello do\n  def a, do: 1\nend\n"})
		}, 2, true},
		{"a variable of the build", func(*testing.T) { w.cfg.BuildEnv = []string{"A=1"} }, 3, true},
		{"a label", func(*testing.T) { w.cfg.Labels = []string{"team=a"} }, 4, false},
		{"back", func(*testing.T) { w.cfg.Labels, w.cfg.BuildEnv = nil, nil }, 4, true},
		{"an empty cache", func(t *testing.T) { w.restart(t, t.TempDir()) }, 5, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.change(t)
			r := w.built(t)
			if w.engine.ran() != tt.ran {
				t.Errorf("the engine ran %d times, want %d", w.engine.ran(), tt.ran)
			}
			if (r.Image == first.Image) != tt.same || r.Tarball != first.Tarball {
				t.Errorf("image %s and tarball %v, first %s and %v", r.Image, r.Tarball, first.Image, first.Tarball)
			}
		})
	}
	if !strings.Contains(w.said.String(), "nothing changed: the result is in the cache") {
		t.Errorf("said %s", w.said)
	}
}

// What was built over an earlier build is believed where that was, and nowhere else.
func TestReusedPlaceIsItsOwn(t *testing.T) {
	w := newWorld(t)
	w.engine.reuses = true
	w.built(t)
	if w.built(t); w.engine.ran() != 1 {
		t.Errorf("in the same directory the engine ran %d times", w.engine.ran())
	}
	other := t.TempDir()
	writeTree(t, other, tree{"mix.exs": mixExs, "lib/hello.ex": "defmodule Hello do\nend\n"})
	w.dir = other
	if w.built(t); w.engine.ran() != 2 {
		t.Errorf("in another directory the engine ran %d times", w.engine.ran())
	}
}

// The image is what it says: the release in /app, and what that needs.
func TestImageOfABuild(t *testing.T) {
	w := newWorld(t)
	w.cfg.Programs, w.cfg.User, w.cfg.Expose = []string{"curl"}, "7:8", []int{4000}
	w.cfg.ImageEnv, w.cfg.Labels = []string{"A=b=c"}, []string{"team=a=b"}
	r := w.built(t)
	img, err := w.finished(w.planned(t), r).OpenImage()
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(img); err != nil {
		t.Error(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := file.Config
	if _, ok := c.ExposedPorts["4000/tcp"]; !ok || c.User != "7:8" || c.Labels["team"] != "a=b" || !strings.Contains(strings.Join(c.Env, " "), "A=b=c") {
		t.Errorf("configuration %+v", c)
	}
	dir := filepath.Join(t.TempDir(), "layout")
	w.write(t, r, output.Layout{Dir: dir})
	at, err := unpacker{Pipeline: w.Pipeline, use: ReleaseUse()}.Unpack(t.Context(), ref.Ref{Kind: ref.Layout, Value: dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"app/bin/hello", "usr/bin/curl", "usr/bin/sh", "etc/passwd", "etc/hosts"} {
		if _, err := os.Lstat(filepath.Join(at, name)); err != nil {
			t.Error(err)
		}
	}
}

// A release that fails the check comes to nothing, again and again, until the rule
// is allowed by name; that is not kept for those who do not allow it.
func TestRefused(t *testing.T) {
	w := newWorld(t)
	w.engine.release = hello().with("lib/hello-0.1.0/priv/port", needs("GLIBC_2.99"))
	refused := func(ran int) {
		t.Helper()
		_, err := w.build(t)
		why, ok := errors.AsType[*Refused](err)
		if !ok || problem.Code(err) != 3 || !strings.Contains(problem.Hint(err), "--allow symbol-version") || w.engine.ran() != ran {
			t.Fatalf("got %v after %d runs", err, w.engine.ran())
		}
		if f := why.Report.Findings[0]; f.Subject.File != "lib/hello-0.1.0/priv/port" || f.Rule != "symbol-version" {
			t.Errorf("the first finding is %+v", f)
		}
		if _, err := os.Lstat(filepath.Join(w.dir, "releases")); err == nil {
			t.Error("a refused build wrote its results")
		}
	}
	refused(1)
	refused(2)
	w.cfg.Allow = []string{"symbol-version"}
	if r := w.built(t); len(r.Failed) == 0 || r.Failed[0] != "symbol-version" || w.engine.ran() != 3 {
		t.Errorf("allowed: failed %q after %d runs", r.Failed, w.engine.ran())
	}
	if !strings.Contains(w.said.String(), "(allowed: symbol-version)") {
		t.Errorf("said %s", w.said)
	}
	if w.built(t); w.engine.ran() != 3 {
		t.Errorf("allowed again: the engine ran %d times", w.engine.ran())
	}
	w.cfg.Allow = nil
	refused(4)
}

// A mirror or registry that moved on since it was asked is asked again, once.
func TestMirrorMovedOn(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	ref := strings.TrimPrefix(server.URL, "http://") + "/elixir:1"
	w := newWorld(t)
	w.cfg.Toolchain = "image:" + ref
	upload(t, ref, imageOf(t, bookworm()))
	w.built(t)
	moved := bookworm().with("usr/lib/elixir/lib/elixir/ebin/elixir.app", "644 {application,elixir,[{vsn,\"1.14.5\"}]}.")
	upload(t, ref, imageOf(t, moved))
	if w.built(t); w.engine.ran() != 1 {
		t.Fatal("a tag that was just asked for is asked for again")
	}

	writeTree(t, w.dir, tree{"lib/other.ex": "defmodule Other do\nend\n"})
	gone := func(context.Context, engine.Job, engine.Events) error {
		return fmt.Errorf("fetching x: %w", distro.ErrGone)
	}
	w.engine.during = func(ctx context.Context, job engine.Job, ev engine.Events) error {
		w.engine.during = nil
		return gone(ctx, job, ev)
	}
	w.built(t)
	jobs := w.engine.jobs
	if len(jobs) != 3 || jobs[1].Toolchain.ID != jobs[0].Toolchain.ID || jobs[2].Toolchain.ID == jobs[0].Toolchain.ID {
		t.Errorf("%d runs; the last is not with what the registry has now", len(jobs))
	}

	writeTree(t, w.dir, tree{"lib/third.ex": "defmodule Third do\nend\n"})
	w.engine.during = gone
	if _, err := w.build(t); !errors.Is(err, distro.ErrGone) || w.engine.ran() != 5 {
		t.Errorf("gone for good: %v after %d runs", err, w.engine.ran())
	}
}

func upload(t *testing.T, ref string, img v1.Image) {
	t.Helper()
	to, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(to, img); err != nil {
		t.Fatal(err)
	}
}

// The tarball alone is less work than the image, and neither is taken for both.
func TestTwoOutputs(t *testing.T) {
	w := newWorld(t)
	alone, err := w.Build(t.Context(), w.planned(t), output.Outputs{output.Tarball{}})
	if err != nil {
		t.Fatal(err)
	}
	if alone.Image != "" || alone.Layers != nil {
		t.Errorf("nobody asked for an image: %+v", alone)
	}
	both := w.built(t)
	if both.Image == "" || both.Tarball != alone.Tarball || w.engine.ran() != 2 {
		t.Errorf("after %d runs: %+v, alone %+v", w.engine.ran(), both, alone)
	}
	if _, err := w.Build(t.Context(), w.planned(t), output.Outputs{output.Tarball{}}); err != nil || w.engine.ran() != 2 {
		t.Errorf("the tarball is there: %v after %d runs", err, w.engine.ran())
	}
}

// Cancelling ends the build at once, and what was under way counts for nothing.
func TestCancelled(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.engine.during = func(ctx context.Context, _ engine.Job, _ engine.Events) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}
	if _, err := w.Build(ctx, w.planned(t), output.Usual()); !errors.Is(err, context.Canceled) || w.engine.ran() != 1 {
		t.Errorf("got %v", err)
	}
	w.engine.during = nil
	if w.built(t); w.engine.ran() != 2 {
		t.Errorf("the engine ran %d times", w.engine.ran())
	}
}

// A toolchain that compiles nothing is refused before a step runs.
func TestToolchainWithoutElixir(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	writeLayout(t, dir, imageOf(t, bookworm().without("usr/lib/elixir/lib/elixir/ebin/elixir.app")))
	w.cfg.Toolchain = "oci:" + dir
	if _, err := w.build(t); problem.Code(err) != 2 || w.engine.ran() != 0 {
		t.Errorf("got %v after %d runs", err, w.engine.ran())
	}
}

// A setting that cannot be is refused by the plan; a program that the toolchain lacks
// once its root is there, and before a step runs.
func TestSettingsThatCannotBe(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone")
	for _, tt := range []struct {
		name    string
		set     config.Config
		says    string
		inBuild bool
	}{
		{"a profile", config.Config{Check: config.Check{CheckTarget: "profile:nope"}}, `there is no profile "nope"`, false},
		{"a profile's processor", config.Config{Check: config.Check{CheckTarget: "profile:alpine/3.20/riscv64"}}, "profile", false},
		{"no reference", config.Config{Check: config.Check{CheckTarget: "prod"}}, `target "prod"`, false},
		{"a directory", config.Config{Check: config.Check{CheckTarget: "dir:" + gone}}, "no such file", false},
		{"a layout", config.Config{Check: config.Check{CheckTarget: "oci:" + gone}}, "no such file", false},
		{"a capture", config.Config{Check: config.Check{CheckTarget: "file:" + gone}}, "no such file", false},
		{"a rule", config.Config{Check: config.Check{Allow: []string{"sonames"}}}, `"sonames"`, false},
		{"a program", config.Config{Image: config.Image{Programs: []string{"curl", "crul"}}}, `program "crul" (asked for) is not in the toolchain`, true},
		{"a program's path", config.Config{Image: config.Image{Programs: []string{"/usr/bin/curl"}}}, `program "/usr/bin/curl"`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.set.Toolchain = w.cfg.Toolchain
			pl, err := w.Plan(t.Context(), w.dir, tt.set)
			if tt.inBuild {
				if err != nil {
					t.Fatal(err)
				}
				_, err = w.Build(t.Context(), pl, output.Usual())
			}
			if problem.Code(err) != 2 || !strings.Contains(fmt.Sprint(err), tt.says) || problem.Hint(err) == "" || w.engine.ran() != 0 {
				t.Errorf("got %v (%d), hint %q after %d runs", err, problem.Code(err), problem.Hint(err), w.engine.ran())
			}
			if _, err := w.Bottle(t.Context(), plan.ForRelease(tt.set, "amd64"), packed(t, hello()), output.Needs{}); problem.Code(err) != 2 {
				t.Errorf("a release that was built elsewhere: %v (%d)", err, problem.Code(err))
			}
		})
	}
}

// A target that was set is looked at in each build, since what it names may have
// changed, though the result is in the cache.
func TestTargetOfACachedBuild(t *testing.T) {
	w := newWorld(t)
	place := t.TempDir()
	writeTree(t, place, bookworm())
	w.cfg.CheckTarget = "dir:" + place
	w.built(t)
	if w.built(t); w.engine.ran() != 1 {
		t.Errorf("the engine ran %d times", w.engine.ran())
	}
	if err := os.Remove(filepath.Join(place, "usr/bin/sed")); err != nil {
		t.Fatal(err)
	}
	_, err := w.build(t)
	if refused, ok := errors.AsType[*Refused](err); !ok || refused.Report.Target.Name != "dir:"+place || w.engine.ran() != 1 {
		t.Errorf("got %v after %d runs", err, w.engine.ran())
	}
}

// What engines tell of a job reaches the user.
func TestEvents(t *testing.T) {
	w := newWorld(t)
	w.engine.during = func(_ context.Context, job engine.Job, ev engine.Events) error {
		ev.Wait()
		ev.At("builder-1")
		ev.Step(job.Steps[0], true)
		ev.Networked("Docker 20.10")
		ev.Doubtful(errors.New("a file differs"))
		ev.Failed(job.Steps[0], errors.New("exit status 1"))
		ev.Unlocked(engine.Step{Lock: "mix.lock"})
		return nil
	}
	w.built(t)
	for _, want := range []string{
		"waiting for another build", "Docker 20.10 cannot switch the network off", "a file differs: it is made anew",
		"failed by itself", "mix.lock is not up to date",
	} {
		if !strings.Contains(w.said.String(), want) {
			t.Errorf("%q is not said: %s", want, w.said)
		}
	}
}

// The source's secrets stay out, and whoever plans is told.
func TestNoteSource(t *testing.T) {
	w := newWorld(t)
	writeTree(t, w.dir, tree{"priv/key.pem": "644 " + privateKey})
	plans, err := w.NoteSource(t.Context(), nil)
	if err != nil || plans != nil {
		t.Errorf("no plans: %v, %v", plans, err)
	}
	pl := w.planned(t)
	if plans, err = w.NoteSource(t.Context(), append(plans, pl)); err != nil || len(plans[0].Notes) != len(pl.Notes)+1 || !strings.Contains(plans[0].Notes[len(pl.Notes)], "priv/key.pem") {
		t.Errorf("%v, %v", plans, err)
	}
	w.built(t)
	if w.engine.jobs[0].Source.Withheld[0].Path != "priv/key.pem" {
		t.Errorf("withheld %v", w.engine.jobs[0].Source.Withheld)
	}
}

// A library that is nowhere keeps the image from being made, unless that is allowed
// by name.
func TestMissingLibrary(t *testing.T) {
	w := newWorld(t)
	w.engine.release = hello().with("lib/hello-0.1.0/priv/port", string(binarytest.Library{
		Interp: loader, Needed: []string{"libgone.so.1"},
	}.Bytes()))
	if _, err := w.build(t); problem.Code(err) != 3 || !strings.Contains(fmt.Sprint(err), "libgone.so.1") && !strings.Contains(fmt.Sprint(err), "soname") {
		t.Errorf("got %v (%d)", err, problem.Code(err))
	}
	if w.cfg.Allow = []string{"soname"}; w.built(t).Image == "" {
		t.Error("allowed, and there is no image")
	}
	tc, err := w.OpenToolchain(t.Context(), w.cfg.Toolchain, plan.Additions{})
	if err != nil {
		t.Fatal(err)
	}
	err = missing([]rootfs.Missing{{File: "app/lib/x.so", Soname: "libgone.so.1"}}, tc)
	if problem.Code(err) != 3 || !strings.Contains(err.Error(), "app/lib/x.so needs libgone.so.1") {
		t.Errorf("got %v", err)
	}
}

const privateKey = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHx2ZkqC4mXyTn0uPb1RrQw9sLhVgE5aJd7oK3fGiYt8\n-----END PRIVATE KEY-----\n"

// A key is found wherever it would get out: in the image, in its configuration, and in
// what the tarball alone has.
func TestSecretsInWhatIsWritten(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		env        []string
		outs       output.Outputs
		code       int
	}{
		{"in the image", "lib/hello-0.1.0/priv/key.pem", nil, output.Usual(), 3},
		{"in the tarball alone", "lib/hello-0.1.0/src/key.pem", nil, output.Usual(), 3},
		{"where there is no image", "lib/hello-0.1.0/src/key.pem", nil, output.Outputs{output.Tarball{}}, 3},
		{"of Erlang/OTP, in the tarball alone", "lib/kernel-8.5.3/src/key.pem", nil, output.Usual(), 0},
		{"in a variable of the image", "", []string{"KEY=" + privateKey}, output.Usual(), 3},
		{"in a variable of an image that is not made", "", []string{"KEY=" + privateKey}, output.Outputs{output.Tarball{}}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.cfg.ImageEnv = tt.env
			if tt.file != "" {
				w.engine.release = hello().with(tt.file, "644 "+privateKey)
			}
			_, err := w.Build(t.Context(), w.planned(t), tt.outs)
			if problem.Code(err) != tt.code || err != nil && !strings.Contains(fmt.Sprint(err), "secret") {
				t.Errorf("got %v (%d)", err, problem.Code(err))
			}
			w.cfg.Allow = []string{"secret"}
			if _, err := w.Build(t.Context(), w.planned(t), tt.outs); err != nil {
				t.Errorf("allowed: %v", err)
			}
		})
	}
}
