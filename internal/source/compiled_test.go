package source

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Of a directory of compiled code that code is the source, which is left out elsewhere.
func TestCompiledCodeIsSource(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"shop/ebin/shop.beam", "shop/priv/nif.so", "doc/ebin/doc.beam", ".env", "erl_crash.dump"} {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for compiled, want := range map[bool][]string{false: nil, true: {"doc/ebin/doc.beam", "shop/ebin/shop.beam", "shop/priv/nif.so"}} {
		tree, err := Read(t.Context(), dir, Options{Compiled: compiled})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range tree.Files {
			got = append(got, f.Path)
		}
		if !slices.Equal(got, want) {
			t.Errorf("compiled %t: %q", compiled, got)
		}
	}
}
