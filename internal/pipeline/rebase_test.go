package pipeline

import (
	"slices"
	"strings"
	"testing"

	"dram/internal/binary"
	"dram/internal/binary/binarytest"
	"dram/internal/output"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/store"
)

const libcOfBookworm = "usr/lib/x86_64-linux-gnu/libc.so.6"

// rebased rebases an image onto a toolchain.
func (w *world) rebased(t *testing.T, from string, onto tree) (*output.Result, error) {
	t.Helper()
	w.on(t, onto)
	return w.Rebase(t.Context(), plan.ForRelease(w.cfg, "amd64"), ref.Ref{Kind: ref.Layout, Value: from}, w.cfg.Toolchain)
}

func layerDigests(r *output.Result) (out []store.Digest) {
	for _, l := range r.Layers {
		out = append(out, l.Digest)
	}
	return out
}

// The system below a release is another one, and all else stays as it was.
func TestRebase(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir() + "/layout"
	built := w.built(t)
	w.write(t, built, output.Layout{Dir: dir})
	jobs := len(w.engine.jobs)
	t.Run("onto the same", func(t *testing.T) {
		r, err := w.rebased(t, dir, bookworm())
		if err != nil || r.Image != built.Image || r.Release != "hello" || r.Version != "0.1.0" {
			t.Fatalf("%v, %+v; the image was %s", err, r, built.Image)
		}
		for i, l := range r.Layers {
			if was := built.Layers[i]; l.Files != was.Files || l.Size != was.Size || l.Name != was.Name {
				t.Errorf("layer %+v, was %+v", l, was)
			}
		}
	})
	t.Run("onto a patched one", func(t *testing.T) {
		r, err := w.rebased(t, dir, bookworm().with(libcOfBookworm, bookworm()[libcOfBookworm]+"patched"))
		if err != nil {
			t.Fatal(err)
		}
		was, is := layerDigests(built), layerDigests(r)
		if r.Image == built.Image || was[0] == is[0] || !slices.Equal(was[1:], is[1:]) {
			t.Errorf("layers %q became %q", was, is)
		}
		to := t.TempDir() + "/layout"
		w.write(t, r, output.Layout{Dir: to})
		if again, err := w.rebased(t, to, bookworm()); err != nil || again.Image != built.Image {
			t.Errorf("back again: %v, %+v; the image was %s", err, again, built.Image)
		}
	})
	if len(w.engine.jobs) != jobs {
		t.Errorf("something was compiled: %d jobs, %d before", len(w.engine.jobs), jobs)
	}
}

// What the release would not run on is no system for it.
func TestRebaseRefuses(t *testing.T) {
	w := newWorld(t)
	dir, other := t.TempDir()+"/layout", t.TempDir()
	w.write(t, w.built(t), output.Layout{Dir: dir})
	writeLayout(t, other, imageOf(t, bookworm()))
	older := string(binarytest.Library{
		Soname: "libc.so.6", Needed: []string{"ld-linux-x86-64.so.2"}, Offers: []string{"GLIBC_2.2"}, Defined: []binary.Symbol{{Name: "puts", Version: "GLIBC_2.2"}},
	}.Bytes()) + "\nGNU C Library (Debian GLIBC 2.2-1) stable release version 2.2.\n"
	for _, tt := range []struct {
		name, from string
		onto       tree
		code       int
		says       string
	}{
		{"a system with an older C library", dir, bookworm().with(libcOfBookworm, older), 3, "symbol-version"},
		{"a system without the C library", dir, bookworm().without(libcOfBookworm), 3, "FAIL"},
		{"an image that dram did not make", other, bookworm(), 2, "was not made by dram"},
		{"an image that is not there", dir + "/gone", bookworm(), 2, "gone"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := w.rebased(t, tt.from, tt.onto)
			if r != nil || problem.Code(err) != tt.code || !strings.Contains(err.Error()+problem.Hint(err)+w.said.String(), tt.says) {
				t.Errorf("%v (%d), %+v", err, problem.Code(err), r)
			}
		})
	}
}
