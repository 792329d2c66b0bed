package pipeline

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"dram/internal/binary"
	"dram/internal/binary/binarytest"
	"dram/internal/engine"
	"dram/internal/output"
	"dram/internal/problem"
)

const armLoader = "/lib/ld-linux-aarch64.so.1"

// armNeeds is a program for arm64, as needs is one for amd64.
func armNeeds(version string) string {
	return string(binarytest.Library{
		Machine: elf.EM_AARCH64, Interp: armLoader, Needed: []string{"libc.so.6"},
		Undefined: []binary.Symbol{{Name: "puts", Version: version, Library: "libc.so.6"}},
	}.Bytes())
}

// armBookworm is bookworm for arm64, with the VM that releases take of it.
func armBookworm() tree {
	const lib = "usr/lib/aarch64-linux-gnu/"
	tr := tree{}
	for name, body := range bookworm() {
		switch {
		case strings.Contains(name, "x86"), name == "lib64":
		case strings.HasPrefix(name, "usr/bin/"):
			tr[name] = armNeeds("GLIBC_2.17")
		default:
			tr[name] = body
		}
	}
	tr["usr/lib/ld-linux-aarch64.so.1"] = "-> aarch64-linux-gnu/ld-linux-aarch64.so.1"
	tr[lib+"ld-linux-aarch64.so.1"] = string(binarytest.Library{Machine: elf.EM_AARCH64, Soname: "ld-linux-aarch64.so.1"}.Bytes())
	tr[lib+"libc.so.6"] = string(binarytest.Library{
		Machine: elf.EM_AARCH64, Soname: "libc.so.6", Needed: []string{"ld-linux-aarch64.so.1"}, Offers: []string{"GLIBC_2.36"},
		Defined: []binary.Symbol{{Name: "puts", Version: "GLIBC_2.17"}},
	}.Bytes()) + "\nGNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\n"
	for p := range strings.FieldsSeq("beam.smp erlexec erl_child_setup inet_gethost") {
		tr["usr/lib/erlang/erts-13.1.5/bin/"+p] = armNeeds("GLIBC_2.17")
	}
	return tr
}

// newTwoWorld is a world whose toolchain there is for two platforms, and whose engine
// compiles for the other one where it is told so.
func newTwoWorld(t *testing.T, arm tree) *world {
	t.Helper()
	w := newWorld(t)
	dir := t.TempDir()
	at, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	var index v1.ImageIndex = empty.Index
	for arch, tr := range map[string]tree{"amd64": bookworm(), "arm64": arm} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: imageFor(t, arch, tr), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	if err := at.AppendIndex(index); err != nil {
		t.Fatal(err)
	}
	w.cfg.Toolchain, w.cfg.Platforms = "oci:"+dir, []string{"linux/amd64", "linux/arm64"}
	w.engine.compiles = func(job engine.Job, release tree) tree {
		if slices.Contains(job.Env, "CC=aarch64-linux-gnu-gcc") {
			return release.with("lib/hello-0.1.0/priv/port", armNeeds("GLIBC_2.17"))
		}
		return release
	}
	return w
}

// matrix builds for all platforms and writes; it gives what was written, by name.
func (w *world) matrix(t *testing.T, outs ...output.Output) (map[string]string, []*output.Build, error) {
	t.Helper()
	m, err := w.PlanMatrix(t.Context(), w.dir, w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]string{}
	var all []*output.Build
	err = m.Build(t.Context(), outs, func(builds []*output.Build, written []output.Written) {
		all = append(all, builds...)
		for _, o := range written {
			places[o.Name] += o.Place + "\n"
		}
	})
	return places, all, err
}

// For two platforms there is one index, of images that hold each platform's own files,
// and it is the same wherever it is written.
func TestBuildAcross(t *testing.T) {
	w := newTwoWorld(t, armBookworm())
	dir := filepath.Join(t.TempDir(), "layout")
	places, builds, err := w.matrix(t, output.Tarball{}, output.Tar{}, output.Layout{Dir: dir})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said)
	}
	if len(builds) != 2 {
		t.Fatalf("%d builds", len(builds))
	}
	digest, err := output.IndexDigest(builds)
	if err != nil {
		t.Fatal(err)
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	if top, err := index.IndexManifest(); err != nil || len(top.Manifests) != 1 || top.Manifests[0].Digest.String() != string(digest) {
		t.Errorf("the layout has %+v, want %s", top, digest)
	}
	if got := strings.Count(places["tarball"], "\n"); got != 2 || !strings.Contains(places["image"], "hello-0.1.0.tar\n") {
		t.Errorf("written: %v", places)
	}
	for _, b := range builds {
		img, err := b.OpenImage()
		if err != nil {
			t.Fatal(err)
		}
		_, arch, _ := strings.Cut(b.Plan.Platform, "/")
		if d := cmp.Diff([]string{binary.MachineName(binary.Machine(arch))}, machinesOf(t, img)); d != "" {
			t.Errorf("%s: %s", b.Plan.Platform, d)
		}
	}
	if n := w.engine.ran(); n != 3 {
		t.Errorf("%d jobs: want one for this machine, one that shows native code, one that compiles it", n)
	}
	for _, j := range w.engine.jobs {
		if j.Platform != "linux/amd64" {
			t.Errorf("a job is run on %s", j.Platform)
		}
	}
	w.restart(t, w.Store.Dir())
	if _, again, err := w.matrix(t, output.Tarball{}, output.Tar{}); err != nil || w.engine.ran() != 3 || again[1].Image != builds[1].Image {
		t.Errorf("%v: %d jobs after nothing changed", err, w.engine.ran())
	}
	writeTree(t, w.dir, tree{"lib/hello.ex": "defmodule Hello do\n  def a, do: 1\nend\n"})
	if _, _, err := w.matrix(t, output.Tarball{}, output.Tar{}); err != nil || w.engine.ran() != 5 {
		t.Errorf("%v: %d jobs after an edit, want two more: that there is native code is known", err, w.engine.ran())
	}
}

// machinesOf are the processors of the programs and libraries of an image.
func machinesOf(t *testing.T, img v1.Image) []string {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at+binary.HeaderLen <= len(raw); at += 512 {
			if m, ok := binary.Header(raw[at:]); ok && !slices.Contains(out, binary.MachineName(m)) {
				out = append(out, binary.MachineName(m))
			}
		}
	}
	return out
}

// What compiling fails of is the error, and nothing is written.
func TestBuildAcrossFails(t *testing.T) {
	w := newTwoWorld(t, armBookworm())
	failed := errors.New("it does not compile")
	w.engine.during = func(context.Context, engine.Job, engine.Events) error { return failed }
	if places, builds, err := w.matrix(t, output.Tarball{}, output.Tar{}); !errors.Is(err, failed) || len(places)+len(builds) > 0 {
		t.Errorf("%v, written: %v", err, places)
	}
}

// What cannot be is refused before anything is written, with the file and whose it is.
func TestBuildAcrossRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(t *testing.T, w *world)
		arm    func(tree) tree
		code   problem.Kind
		says   string
		hint   string
	}{
		"a Makefile that ignores CC": {
			change: func(_ *testing.T, w *world) { w.engine.compiles = nil },
			code:   problem.Build, says: "native code was not compiled for linux/arm64: lib/hello-0.1.0/priv/port of application hello is for linux/amd64", hint: "$(CC)",
		},
		"a VM of another version": {
			arm:  func(tr tree) tree { return tr.with("usr/lib/erlang/releases/25/OTP_VERSION", "644 25.3\n") },
			code: problem.Usage, says: "has Erlang/OTP 25.2.3 for linux/amd64 and 25.3 for linux/arm64", hint: "--emulate",
		},
		"a file that the platform's Erlang lacks": {
			arm:  func(tr tree) tree { return tr.without("usr/lib/erlang/erts-13.1.5/bin/inet_gethost") },
			code: problem.Build, says: "has no erts-13.1.5/bin/inet_gethost", hint: "--emulate",
		},
		"packages that would have to be installed there": {
			change: func(_ *testing.T, w *world) { w.cfg.Packages = []string{"libfoo"} },
			code:   problem.Usage, says: "libfoo", hint: "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			arm := armBookworm()
			if tt.arm != nil {
				arm = tt.arm(arm)
			}
			w := newTwoWorld(t, arm)
			if tt.change != nil {
				tt.change(t, w)
			}
			places, _, err := w.matrix(t, output.Tarball{}, output.Tar{})
			if problem.Code(err) != int(tt.code) || !strings.Contains(fmt.Sprint(err), tt.says) || !strings.Contains(problem.Hint(err), tt.hint) {
				t.Errorf("exit %d: %v\nhint: %s", problem.Code(err), err, problem.Hint(err))
			}
			if _, err := os.Stat(filepath.Join(w.dir, "releases")); err == nil || len(places) > 0 {
				t.Errorf("something was written: %v", places)
			}
		})
	}
}

// Native code that the project brings compiled is for the check to judge, and passes where
// the rules are allowed that it fails.
func TestBuildAcrossTakesWhatIsBrought(t *testing.T) {
	w := newTwoWorld(t, armBookworm())
	port := needs("GLIBC_2.2.5")
	writeTree(t, w.dir, tree{"priv/port": port})
	w.engine.compiles = func(_ engine.Job, release tree) tree { return release.with("lib/hello-0.1.0/priv/port", port) }
	_, _, err := w.matrix(t, output.Tarball{}, output.Tar{})
	if problem.Code(err) != int(problem.Check) || !strings.Contains(fmt.Sprint(err), "arch") {
		t.Errorf("exit %d: %v", problem.Code(err), err)
	}
	w.cfg.Allow = []string{"arch", "interpreter", "soname"}
	if _, builds, err := w.matrix(t, output.Tarball{}, output.Tar{}); err != nil || len(builds) != 2 {
		t.Errorf("%v", err)
	}
}

// Outputs that take one platform are refused for several before anything is built.
func TestOutputsForPlatforms(t *testing.T) {
	sound := output.Outputs{output.Tarball{}, output.Tar{}, output.Layout{}, output.Push{}, output.Load{}}
	if err := sound.ForPlatforms(); err != nil {
		t.Error(err)
	}
	for _, bad := range []output.Output{output.SBOM{}, output.Provenance{}, output.Push{Attach: []string{"spdx"}}} {
		err := append(slices.Clone(sound), bad).ForPlatforms()
		if problem.Code(err) != 2 || !strings.Contains(fmt.Sprint(err), "takes one platform") {
			t.Errorf("%T: %v", bad, err)
		}
	}
}
