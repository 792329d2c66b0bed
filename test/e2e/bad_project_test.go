package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// mixExs is a project's mix.exs with more lines in `def project`.
func mixExs(app string, more ...string) string {
	return `defmodule ` + strings.ToUpper(app[:1]) + app[1:] + `.MixProject do
  use Mix.Project

  def project do
    [app: :` + app + `, version: "1.0.0"` + strings.Join(append([]string{""}, more...), ", ") + `]
  end
end
`
}

// failed checks what a project whose build failed must look like: nothing
// written, and the whole log where the message says.
func failed(t *testing.T, dir string, r result, logged string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "releases")); err == nil {
		t.Error("a failed build wrote to releases/")
	}
	_, after, ok := strings.Cut(r.stderr, "the whole log: ")
	log, err := os.ReadFile(strings.TrimSpace(after))
	if !ok || err != nil || !strings.Contains(string(log), logged) {
		t.Errorf("the log is not where the message says or lacks %q: %v\n%s", logged, err, r.stderr)
	}
}

func TestProjectThatDoesNotCompile(t *testing.T) {
	t.Parallel()
	real(t)
	dir := write(t, t.TempDir(), "mix.exs", mixExs("wrong"), "lib/wrong.ex",
		"defmodule Wrong do\n  def f(x) do\n    x + undefined_thing\n  end\nend\n")
	for _, command := range []string{"build", "image", "run"} {
		r := dram{args: []string{command, dir}, cache: cold(t)}.fails(t, 4,
			"undefined variable", "undefined_thing", "lib/wrong.ex:3", `step "release" (mix release --overwrite) failed: exit status 1`)
		failed(t, dir, r, "undefined_thing")
		if n := strings.Count(r.stderr, "\nerror: step"); n != 1 {
			t.Errorf("%d errors, want one:\n%s", n, r.stderr)
		}
	}
	// Two at once: each shows what it was, whatever the other does to the log.
	d := dram{args: []string{"build", dir}, cache: cold(t)}
	for _, r := range concurrently(t, d, d) {
		if r.code != 4 || !strings.Contains(r.stderr, "lib/wrong.ex:3") {
			t.Errorf("exit %d\n%s", r.code, r.stderr)
		}
	}
	// Mended, it builds.
	write(t, dir, "lib/wrong.ex", "defmodule Wrong do\n  def f(x), do: x\nend\n")
	dram{args: []string{"build", dir}, cache: cold(t)}.ok(t)
}

func TestNativeCodeThatDoesNotCompile(t *testing.T) {
	t.Parallel()
	cache, dir, want := warm(t)
	file := filepath.Join(dir, "c_src/hello_nif.c")
	replace(t, file, "#include", "this is no C;\n#include")
	d := dram{args: []string{"image", dir}, cache: cache}
	r := d.fails(t, 4, "c_src/hello_nif.c:", "error:", `step "release"`)
	failed(t, dir, r, "hello_nif.c")
	// It fails again, rather than taking what the first attempt left.
	d.fails(t, 4, "c_src/hello_nif.c:")
	replace(t, file, "this is no C;\n", "")
	if got := d.ok(t).digest(t); got != want {
		t.Errorf("mended, it gives %s, want %s", got, want)
	}
}

func TestDependencyThatCannotBeFetched(t *testing.T) {
	t.Parallel()
	real(t)
	dir := write(t, t.TempDir(), "mix.exs",
		mixExs("needy", `deps: [{:gone, git: "http://127.0.0.1:`+freePort(t)+`/gone.git"}]`), "lib/needy.ex", "defmodule Needy do\nend\n")
	r := dram{args: []string{"image", dir}, cache: cold(t)}.fails(t, 4,
		`step "fetch" (mix deps.get --only prod) failed`, "gone.git", "hint: see that the network can be reached")
	failed(t, dir, r, "gone.git")
}

// Where mix.exs has a release assembled elsewhere, it is assembled where it is looked
// for; a step that moves it away leaves none.
func TestReleaseSomewhereElse(t *testing.T) {
	t.Parallel()
	real(t)
	cache, elsewhere := cold(t), `releases: [astray: [path: "/tmp/astray"`
	dir := write(t, t.TempDir(), "mix.exs", mixExs("astray", elsewhere+"]]"), "lib/astray.ex", "defmodule Astray do\nend\n")
	dram{args: []string{"build", dir}, cache: cache}.ok(t)
	write(t, dir, "mix.exs", mixExs("astray", elsewhere+`, steps: [:assemble, fn r -> File.rename!(r.path, "/app/_build/moved"); r end]]]`))
	dram{args: []string{"build", dir}, cache: cache}.fails(t, 4, "left no release", "hint: see that `mix release` assembles under _build")
}

// Two builds of one project at once: one waits, both give the same.
func TestTwoBuildsAtOnce(t *testing.T) {
	t.Parallel()
	cache, dir, want := warm(t)
	d := dram{args: []string{"image", dir}, cache: cache}
	e := d
	e.args = []string{"image", "-o", "oci:" + filepath.Join(t.TempDir(), "layout"), dir}
	if err := os.RemoveAll(filepath.Join(cache, "records", "result")); err != nil {
		t.Fatal(err)
	}
	waits := 0
	for _, r := range concurrently(t, d, e, d) {
		if r.code != 0 || strings.TrimSpace(r.stdout) != want {
			t.Errorf("exit %d, %q, want %s\n%s", r.code, r.stdout, want, r.stderr)
		}
		waits += strings.Count(r.stderr, "waiting for another build of this project")
	}
	if waits == 0 {
		t.Error("no build said that it waits")
	}
	nothingUnderWay(t, cache, dir)
}

// A release built before is bottled from its tarball and from its directory,
// and gives the layers of the project's own image.
func TestReleaseDirectoryAndTarball(t *testing.T) {
	t.Parallel()
	cache, dir, want := warm(t)
	run := func(args ...string) result { return dram{args: args, cache: cache}.ok(t) }
	out := t.TempDir()
	if got := run("image", "-o", "oci:"+filepath.Join(out, "project"), dir).digest(t); got != want {
		t.Errorf("the project gives %s, want %s", got, want)
	}
	tarball := strings.TrimSpace(run("build", dir).stdout)
	released := filepath.Join(out, "hello")
	unpack(t, tarball, released)
	byTarball := run("image", "-o", "oci:"+filepath.Join(out, "tarball"), tarball).digest(t)
	byDir := run("image", "-o", "oci:"+filepath.Join(out, "dir"), released).digest(t)
	if byTarball != byDir {
		t.Errorf("the tarball gives %s, the directory %s", byTarball, byDir)
	}
	of := layers(t, filepath.Join(out, "project"))
	shared := 0
	for digest := range layers(t, filepath.Join(out, "dir")) {
		if of[digest] > 0 {
			shared++
		}
	}
	if shared < 2 { // system and runtime; whose the applications are, a release does not say
		t.Errorf("%d layers are the project's, want 2 or more", shared)
	}
	run("image", released)
	image := filepath.Join(out, "hello-0.1.0-linux-"+arch+".tar")
	r := dram{args: []string{"run", "-q", image, "--", "eval", "IO.puts(6 * 7)"}, cache: cache}.ok(t)
	if r.stdout != "42\n" {
		t.Errorf("the image of the directory says %q", r.stdout)
	}
}
