package native_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dram/internal/engine/local"
	"dram/internal/store"
)

// Verify reads what builds keep: what is damaged is found and dropped, and the
// next build begins anew.
func TestVerifyReadsPlaces(t *testing.T) {
	b := newBench(t, "a.ex", "1")
	assemble := step("release", "mkdir:_build/rel", "append:_build/rel/a:1", "append:/cache/hex/pkg:h")
	if _, err := b.run(t.Context(), assemble); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(b.cache)
	if err != nil {
		t.Fatal(err)
	}
	if n, mended, err := local.Verify(t.Context(), st); n != 1 || len(mended) != 0 || err != nil {
		t.Fatalf("%d places, %v, %v", n, mended, err)
	}
	found, err := filepath.Glob(filepath.Join(b.cache, "projects/build/*/keep/cache-hex/pkg"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	info, err := os.Stat(found[0])
	if err := errors.Join(err, os.WriteFile(found[0], []byte("H"), 0o600), os.Chtimes(found[0], time.Time{}, info.ModTime())); err != nil {
		t.Fatal(err)
	}
	n, mended, err := local.Verify(t.Context(), st)
	if n != 1 || len(mended) != 1 || mended[0].Why != "/cache/hex/pkg has another content" || err != nil {
		t.Fatalf("%d places, %v, %v", n, mended, err)
	}
	if n, mended, err = local.Verify(t.Context(), st); n != 0 || len(mended) != 0 || err != nil {
		t.Errorf("once more: %d places, %v, %v", n, mended, err)
	}
	got, err := b.run(t.Context(), assemble)
	if err != nil || got["a"] != "1" {
		t.Errorf("the build after it: %v, %v", got, err)
	}
}
