// Package launchertest helps the tests of the small programs that dram brings, which are
// compiled once and kept beside their sources.
package launchertest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// compilers are those that the programs are made by, by processor as Go names it.
func compilers() map[string]string {
	return map[string]string{"amd64": "x86_64-linux-gnu-gcc-12", "arm64": "aarch64-linux-gnu-gcc-12"}
}

// OfSource fails where a program that is kept beside its source, dir/NAME.c, is not what
// that compiles to. script is compile.sh.
func OfSource(t *testing.T, script, dir, name string) {
	t.Helper()
	for arch, compiler := range compilers() {
		if version, err := exec.CommandContext(t.Context(), compiler, "-dumpfullversion").Output(); err != nil || strings.TrimSpace(string(version)) != "12.2.0" {
			t.Logf("%s is not compared: it needs %s of version 12.2.0 (%s, %v)", arch, compiler, version, err)
			continue
		}
		got := Compiled(t, compiler, script, filepath.Join(dir, name+".c"))
		want, err := os.ReadFile(filepath.Join(dir, name+"-"+arch)) //nolint:gosec // named by a test
		if err != nil {
			t.Fatal(err)
		}
		made, err := os.ReadFile(got) //nolint:gosec // made here
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(made, want) {
			t.Errorf("%s-%s is not what %s.c compiles to: make launcher", name, arch, name)
		}
	}
}

// Compiled is the path of a program made of a source, with the flags in FLAGS… before it.
func Compiled(t *testing.T, compiler, script, source string, flags ...string) string {
	t.Helper()
	source, err := filepath.Abs(source)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "program")
	argv := append([]string{script, compiler, source, out}, flags...)
	if text, err := exec.CommandContext(t.Context(), "sh", argv...).CombinedOutput(); err != nil { //nolint:gosec // a test's own
		t.Fatalf("compiling %s: %v: %s", source, err, text)
	}
	return out
}
