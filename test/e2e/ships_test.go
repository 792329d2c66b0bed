package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What ships was checked: nothing is written while a rule fails that was not
// allowed by name, whether the build is new or comes from the cache.
func TestWhatShipsWasChecked(t *testing.T) {
	real(t)
	dir := project(t, "examples/hello")
	out := t.TempDir()
	toOld := []string{"build", dir, "--toolchain", "distro:debian/13", "--target", "distro:debian/11", "--output-dir", out}
	dram{args: toOld}.fails(t, 3, "FAIL", "GLIBC_2.38 of libc.so.6", "[symbol-version]", "--toolchain distro:debian/11", "hint: ")
	nothingIn(t, out)

	allowing := append(toOld, "--allow", "symbol-version", "--allow", "soname")
	path := strings.TrimSpace(dram{args: allowing}.ok(t).stdout)
	if _, err := os.Stat(path); err != nil {
		t.Errorf("what was allowed was not written: %v", err)
	}
	if err := os.RemoveAll(out); err != nil {
		t.Fatal(err)
	}
	// The result is in the cache now; that does not make it fit.
	dram{args: toOld}.fails(t, 3, "[symbol-version]")
	nothingIn(t, out)
	// The toolchain's own system suits it.
	dram{args: []string{"build", dir, "--toolchain", "distro:debian/13", "--output-dir", out}}.ok(t)
}

// An image is checked against itself, and what comes from the cache keeps its
// verdict.
func TestImageOfAForeignLibraryIsRefused(t *testing.T) {
	real(t)
	dir := project(t, "examples/hello")
	macho := "\xcf\xfa\xed\xfe\x0c\x00\x00\x01\x00\x00\x00\x00\x06\x00\x00\x00" + strings.Repeat("\x00", 64)
	write(t, dir, ".dockerignore", "releases\n", "priv/fast.so", macho) // the built-in .dockerignore leaves *.so out
	image := filepath.Join(t.TempDir(), "hello.tar")
	args := []string{"image", dir, "-o", image}
	for range 2 {
		dram{args: args}.fails(t, 3, "lib/hello-0.1.0/priv/fast.so", "[format]", "--allow format")
		if _, err := os.Stat(image); err == nil {
			t.Fatal("an image that fails the check was written")
		}
	}
	dram{args: append(args, "--allow", "format")}.ok(t)
	if err := os.Remove(image); err != nil {
		t.Fatal(err)
	}
	dram{args: args}.fails(t, 3, "[format]")
	if _, err := os.Stat(image); err == nil {
		t.Fatal("an image that was allowed once is written without being allowed")
	}
	dram{args: append(args, "--allow", "no-such-rule")}.fails(t, 2, "no-such-rule")
}

func nothingIn(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("there is %s after a refusal", e.Name())
	}
}
