package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The host engine in a builder's container: the toolchain's own system, no
// namespaces of its own, /app free. It gives the native engine's bytes, and
// leaves nothing behind.
func TestHostEngineGivesTheSameBytes(t *testing.T) {
	real(t)
	dir := project(t, "examples/hello")
	want := dram{args: []string{"image", dir, "--toolchain", "distro:debian/13", "-o", filepath.Join(t.TempDir(), "x.tar")}}.ok(t).digest(t)
	tarball, err := os.ReadFile(filepath.Join(dir, "releases/hello/releases/0.1.0/hello.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "releases")); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	inside := func(script string) string {
		return dram{args: []string{
			"toolchain", "exec", "distro:debian/13", "--bind", binary + ":/usr/bin/dram", "--bind", dir + ":/project", "--bind", home + ":/home", "--",
			"sh", "-c", "export DRAM_CACHE_DIR=/home/cache; " + script,
		}}.ok(t).stdout
	}
	build := `dram image /project --engine host -o /home/x.tar || exit; test ! -e /app || echo left /app`
	if got := strings.TrimSpace(inside(build)); got != want {
		t.Errorf("the host engine gives %q, the native engine %q", got, want)
	}
	again, err := os.ReadFile(filepath.Join(dir, "releases/hello/releases/0.1.0/hello.tar.gz"))
	if err != nil || string(again) != string(tarball) {
		t.Errorf("the tarballs differ (%d bytes and %d): %v", len(again), len(tarball), err)
	}
	write(t, dir, "lib/hello/more.ex", "defmodule Hello.More do\n  def more, do: 1\nend\n")
	changed := strings.TrimSpace(inside(build))
	fresh := dram{args: []string{"image", dir, "--toolchain", "distro:debian/13", "-o", filepath.Join(t.TempDir(), "x.tar")}}.ok(t).digest(t)
	if changed == want || changed != fresh {
		t.Errorf("after an edit the host engine gives %q, the native engine %q", changed, fresh)
	}
}

func TestHostEngineHasItsOwnToolchain(t *testing.T) {
	dir := project(t, "examples/hello")
	dram{args: []string{"build", dir, "--engine", "host", "--toolchain", "distro:debian/13"}}.
		fails(t, 2, "engine host cannot build with toolchain distro:debian/13", "hint: leave the toolchain out")
	dram{args: []string{"build", dir, "--engine", "native", "--toolchain", "host:"}}.fails(t, 2, "engine native cannot build")
}
