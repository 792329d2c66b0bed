package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dram/internal/binary/binarytest"
	"dram/internal/output"
	"dram/internal/problem"
	"dram/internal/release"
)

// A portable release is checked as such: against a target of another C library, which
// the tarball is refused for.
func TestPortable(t *testing.T) {
	w := newWorld(t)
	w.cfg.CheckTarget = "profile:alpine/3.22/amd64"
	if _, err := w.Build(t.Context(), w.planned(t), output.Outputs{output.Tarball{}}); err == nil {
		t.Fatal("the plain tarball runs on musl")
	}
	outs := output.Outputs{output.Portable{Form: output.TarForm}}
	r, err := w.Build(t.Context(), w.planned(t), outs)
	if err != nil {
		t.Fatal(err)
	}
	written := w.write(t, r, outs...)
	want := filepath.Join(w.dir, "releases/hello/releases/0.1.0/hello-portable.tar.gz")
	if written[0].Place != want || written[0].Size != r.Portable.Size {
		t.Errorf("written %+v", written[0])
	}
	f, err := os.Open(want)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rel, err := release.ReadTarball(t.Context(), f, t.TempDir(), release.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"erts-13.1.5/bin/.beam.smp.real", "portable/lib/libc.so.6", "portable/cacerts.pem"} {
		if !rel.Has(name) {
			t.Errorf("%q is not in the tarball", name)
		}
	}
	closeFS(rel)

	again, err := w.Build(t.Context(), w.planned(t), outs)
	if err != nil || again.Portable != r.Portable || w.engine.ran() != 2 {
		t.Errorf("built again: %+v, %v, after %d runs", again, err, w.engine.ran())
	}
	plain, err := w.Build(t.Context(), w.planned(t), output.Outputs{output.Tarball{}})
	if err == nil {
		t.Errorf("the tarball passes for what the portable release was: %+v", plain)
	}
}

// A library that nobody has is said of a portable release, too.
func TestPortableLacks(t *testing.T) {
	w := newWorld(t)
	rel := hello()
	rel["lib/hello-0.1.0/priv/nif.so"] = string(binarytest.Library{Needed: []string{"libgone.so.1"}}.Bytes())
	w.engine.release = rel
	_, err := w.Build(t.Context(), w.planned(t), output.Outputs{output.Portable{Form: output.TarForm}})
	var p *problem.Error
	if !errors.As(err, &p) || p.Kind != problem.Check || !strings.Contains(err.Error(), "libgone.so.1") {
		t.Errorf("%v", err)
	}
}
