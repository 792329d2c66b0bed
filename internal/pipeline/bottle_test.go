package pipeline

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/check"
	"dram/internal/oci"
	"dram/internal/output"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/store"
)

func packed(t *testing.T, tr tree) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(tr)) {
		mode, body, _ := tr.file(name)
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: int64(mode.Perm()), Size: int64(len(body)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "hello-0.1.0.tar.gz")
	if err := errors.Join(w.Close(), z.Close(), os.WriteFile(path, out.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

func unpackedTree(t *testing.T, tr tree) string {
	t.Helper()
	dir := t.TempDir()
	writeTree(t, dir, tr)
	return dir
}

// A release that was built elsewhere becomes the same image, from its directory and
// from its tarball, and is checked as one that is built here.
func TestBottle(t *testing.T) {
	w := newWorld(t)
	built := w.built(t)
	bad := hello().with("lib/hello-0.1.0/priv/port", needs("GLIBC_2.99"))
	for _, tt := range []struct {
		name  string
		path  string
		allow []string
		code  int
		same  bool
	}{
		{"a directory", unpackedTree(t, hello()), nil, 0, true},
		{"a tarball", packed(t, hello()), nil, 0, true},
		{"refused", packed(t, bad), nil, 3, false},
		{"allowed", packed(t, bad), []string{"symbol-version"}, 0, false},
		{"no release", packed(t, tree{"a": "b"}), nil, 2, false},
		{"no Erlang of its own", packed(t, hello().without("erts-13.1.5/bin/beam.smp").without("erts-13.1.5/bin/erl").
			without("erts-13.1.5/bin/erlexec").without("erts-13.1.5/bin/erl_child_setup").without("erts-13.1.5/bin/inet_gethost")), nil, 2, false},
		{"nothing", filepath.Join(t.TempDir(), "none"), nil, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := w.cfg
			c.Allow = tt.allow
			r, err := w.Bottle(t.Context(), plan.ForRelease(c, "amd64"), tt.path, output.Needs{})
			if problem.Code(err) != tt.code {
				t.Fatalf("got %v (%d)", err, problem.Code(err))
			}
			if err == nil && ((r.Image == built.Image) != tt.same || r.Tarball.Size != 0 || r.Release != "hello" || r.Version != "0.1.0") {
				t.Errorf("%+v, built here it is %s", r, built.Image)
			}
		})
	}
	if n := w.engine.ran(); n != 1 {
		t.Errorf("the engine ran %d times", n)
	}
}

// A toolchain that is damaged while a release is bottled is unpacked anew.
func TestBottleOverDamage(t *testing.T) {
	w := newWorld(t)
	first, err := w.Bottle(t.Context(), plan.ForRelease(w.cfg, "amd64"), packed(t, hello()), output.Needs{})
	if err != nil {
		t.Fatal(err)
	}
	tc, err := w.OpenToolchain(t.Context(), w.cfg.Toolchain, plan.Additions{})
	if err != nil {
		t.Fatal(err)
	}
	flip(t, filepath.Join(w.Store.TreePath("root", tc.ID.Hex()), "usr/bin/sed"))
	again, err := w.Bottle(t.Context(), plan.ForRelease(w.cfg, "amd64"), packed(t, hello()), output.Needs{})
	if err != nil || again.Image != first.Image || !strings.Contains(w.said.String(), "is unpacked anew") {
		t.Errorf("%v, said %s", err, w.said)
	}
}

// named is a reference to what was built.
func named(t *testing.T, s string) ref.Ref {
	t.Helper()
	r, err := ReleaseUse().Find(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// An image that somebody opened is not opened again, be it the target as well: what
// is checked is what was opened, whatever lies there by then.
func TestCheckOpensOnce(t *testing.T) {
	w := newWorld(t)
	r := w.built(t)
	path := filepath.Join(t.TempDir(), "hello.tar")
	w.write(t, r, output.Tar{Path: path})
	from := named(t, "tar:"+path)
	img, _, err := output.OpenWritten(from, oci.Options{Arch: "amd64", TempDir: w.Store.TempDir})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	report, err := w.Check(t.Context(), from, CheckOptions{Image: img})
	if err != nil || report.Worst() != check.OK || report.Target.Name != from.String() {
		t.Errorf("%v, %v", report, err)
	}
	if _, err := w.Check(t.Context(), from, CheckOptions{}); err == nil {
		t.Error("a tar that is not there was checked")
	}
}

// A release is checked wherever it lies; what is found is the same.
func TestCheckWhereverItLies(t *testing.T) {
	w := newWorld(t)
	r := w.built(t)
	layout, image := filepath.Join(t.TempDir(), "layout"), filepath.Join(t.TempDir(), "hello.tar")
	w.write(t, r, output.Layout{Dir: layout}, output.Tar{Path: image})
	place := unpackedTree(t, bookworm().without("usr/bin/sed"))
	bad := hello().with("lib/hello-0.1.0/priv/port", needs("GLIBC_2.99"))
	for _, tt := range []struct {
		name, ref string
		opts      CheckOptions
		code      int
		target    string
		fails     []string
	}{
		{"a directory", unpackedTree(t, hello()), CheckOptions{Default: w.cfg.Toolchain}, 0, w.cfg.Toolchain, nil},
		{"a tarball", packed(t, hello()), CheckOptions{Default: w.cfg.Toolchain}, 0, w.cfg.Toolchain, nil},
		{"a layout", "oci:" + layout, CheckOptions{Default: w.cfg.Toolchain}, 0, "oci:" + layout, nil},
		{"a tar", "tar:" + image, CheckOptions{}, 0, "tar:" + image, nil},
		{"a target", packed(t, hello()), CheckOptions{Target: "dir:" + place}, 0, "dir:" + place, []string{"program"}},
		{"a bad one", packed(t, bad), CheckOptions{Default: w.cfg.Toolchain, Allow: []string{"symbol-version"}}, 0, w.cfg.Toolchain, []string{"symbol-version"}},
		{"an unknown rule", packed(t, hello()), CheckOptions{Default: w.cfg.Toolchain, Allow: []string{"nope"}}, 2, "", nil},
		{"no release", unpackedTree(t, tree{"a": "b"}), CheckOptions{Default: w.cfg.Toolchain}, 2, "", nil},
		{"no release in a layout", w.cfg.Toolchain, CheckOptions{}, 2, "", nil},
		{"nothing", filepath.Join(place, "none"), CheckOptions{Default: w.cfg.Toolchain}, 2, "", nil},
		{"no target", packed(t, hello()), CheckOptions{Target: "profile:nope"}, 2, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			report, err := w.Check(t.Context(), named(t, tt.ref), tt.opts)
			if problem.Code(err) != tt.code {
				t.Fatalf("got %v (%d)", err, problem.Code(err))
			}
			if err != nil {
				return
			}
			var fails []string
			for _, f := range report.Findings {
				if f.Verdict == check.Fail {
					fails = append(fails, f.Rule)
				}
			}
			if d := cmp.Diff(tt.fails, fails); d != "" || report.Target.Name != tt.target || report.Release != "hello 0.1.0" {
				t.Errorf("%s against %s: %s", report.Release, report.Target.Name, d)
			}
		})
	}
}

// What a check comes to is an error only where something fails that may not, or,
// strictly, where anything is not well.
func TestVerdict(t *testing.T) {
	w := newWorld(t)
	sound, err := w.Check(t.Context(), named(t, packed(t, hello())), CheckOptions{Default: w.cfg.Toolchain})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name         string
		finding      check.Finding
		code, strict int
	}{
		{"nothing", check.Finding{}, 0, 0},
		{"a warning", check.Finding{Rule: "locale", Verdict: check.Warn}, 0, 3},
		{"unknown", check.Finding{Rule: "soname", Verdict: check.Unknown}, 0, 3},
		{"a failure", check.Finding{Rule: "soname", Verdict: check.Fail}, 3, 3},
		{"allowed", check.Finding{Rule: "soname", Verdict: check.Fail, Allowed: true}, 0, 0},
	} {
		r := *sound
		r.Findings = []check.Finding{tt.finding}
		if lax, strict := Verdict(&r), StrictVerdict(&r); problem.Code(lax) != tt.code || problem.Code(strict) != tt.strict {
			t.Errorf("%s: %v, strictly %v", tt.name, lax, strict)
		}
	}
}

// All of the cache is read, and what is damaged goes.
func TestVerifyCache(t *testing.T) {
	w := newWorld(t)
	r := w.built(t)
	if v, err := w.VerifyCache(t.Context()); err != nil || len(v.Mended) != 0 {
		t.Errorf("a sound cache: %+v, %v", v, err)
	}
	flip(t, w.Store.BlobPath(r.Tarball.Digest))
	v, err := w.VerifyCache(t.Context())
	if err != nil || len(v.Mended) != 1 {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := os.Lstat(w.Store.BlobPath(r.Tarball.Digest)); err == nil {
		t.Error("a damaged blob stays")
	}
}

// The job that is written down for people is the one that is run, without the
// secrets of who writes it.
func TestJobForPeople(t *testing.T) {
	w := newWorld(t)
	w.Environ = []string{"HEX_API_KEY=0123456789abcdef", "HTTPS_PROXY=http://u:p@proxy.example"}
	w.built(t)
	job, err := w.Job(t.Context(), w.planned(t))
	if err != nil {
		t.Fatal(err)
	}
	ran := w.engine.jobs[0]
	if job.Key != ran.Key || len(job.Steps) != len(ran.Steps) || job.Root != ran.Root {
		t.Errorf("%+v, and run was %+v", job, ran)
	}
	if text := fmt.Sprintf("%+v", job); strings.Contains(text, "0123456789abcdef") || strings.Contains(text, "u:p@") {
		t.Errorf("a secret: %s", text)
	}
}

// Names come of the release; an image of another maker is named by its digest.
func TestNames(t *testing.T) {
	w := newWorld(t)
	if got := (&output.Result{Release: "app", Version: "1.0.0+abc"}).Names(); got[0] != "app:1.0.0_abc" || got[1] != "app:latest" {
		t.Errorf("%q", got)
	}
	r := w.built(t)
	dir := filepath.Join(t.TempDir(), "layout")
	w.write(t, r, output.Layout{Dir: dir})
	for from, want := range map[string]string{"oci:" + dir: "hello:0.1.0", w.cfg.Toolchain: "dram-run:"} {
		img, names, err := output.OpenWritten(named(t, from), oci.Options{Arch: "amd64"})
		if err != nil || !strings.HasPrefix(names[0], want) {
			t.Fatalf("%s: %q, %v", from, names, err)
		}
		if digest, err := img.Digest(); err != nil || from == "oci:"+dir && store.Digest(digest.String()) != r.Image {
			t.Errorf("%s: %s, %v", from, digest, err)
		}
	}
	if _, _, err := output.OpenWritten(named(t, "tar:"+filepath.Join(dir, "none")), oci.Options{Arch: "amd64"}); err == nil {
		t.Error("an image that is not there was opened")
	}
}
