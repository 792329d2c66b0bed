package toolchain_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"dram/internal/ref"
	"dram/internal/rootfs"
	"dram/internal/toolchain"
)

// A toolchain that compiles for another architecture has the file that tells CMake, is
// another one than that which does not, and packs itself for engines elsewhere.
func TestCrossingToolchain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "layout")
	lay, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := lay.AppendImage(elixirImage(t)); err != nil {
		t.Fatal(err)
	}
	p, r := provider(t), ref.Ref{Kind: ref.Layout, Value: dir}
	plain, err := p.Open(t.Context(), r, toolchain.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tc, err := p.Open(t.Context(), r, toolchain.Options{Crossing: toolchain.Crossing{Cross: []string{"arm64"}}})
	if err != nil {
		t.Fatal(err)
	}
	root, err := tc.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(root, "usr/share/dram/aarch64-linux-gnu.cmake"))
	if err != nil || !strings.Contains(string(raw), "aarch64-linux-gnu-gcc") {
		t.Errorf("%q, %v", raw, err)
	}
	if tc.ID == plain.ID || tc.Pull() != "" {
		t.Errorf("%s and %s, to be pulled from %q", tc.ID, plain.ID, tc.Pull())
	}
	if _, err := tc.Image(t.Context()); err != nil {
		t.Error(err)
	}
	before, err := plain.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if after, err := tc.Facts(t.Context()); err != nil || after != before {
		t.Errorf("%+v, %v", after, err)
	}
}

// A release's files give way to those of the toolchain's Erlang by application and name;
// what it lacks is told, and nothing else changes.
func TestGraftOfToolchain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "layout")
	lay, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := lay.AppendImage(elixirImage(t)); err != nil {
		t.Fatal(err)
	}
	tc, err := provider(t).Open(t.Context(), ref.Ref{Kind: ref.Layout, Value: dir}, toolchain.Options{})
	if err != nil {
		t.Fatal(err)
	}
	root, err := tc.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	release := t.TempDir()
	for _, name := range []string{"releases/27/OTP_VERSION", "erts-15.2/bin/none"} {
		at := filepath.Join(release, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte("ours"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rel, err := rootfs.Dir(release)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rel.Close() }()
	got, lacking, err := tc.Graft(t.Context(), rel, root, []string{"releases/27/OTP_VERSION", "erts-15.2/bin/none"})
	if err != nil || len(lacking) != 1 || lacking[0] != "erts-15.2/bin/none" {
		t.Fatalf("%q, %v", lacking, err)
	}
	for name, want := range map[string]string{"releases/27/OTP_VERSION": "27.3.4\n", "erts-15.2/bin/none": "ours"} {
		f, err := got.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(f)
		if _ = f.Close(); err != nil || string(raw) != want {
			t.Errorf("%s: %q, %v", name, raw, err)
		}
	}
}
