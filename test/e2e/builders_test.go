package e2e

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"dram/internal/engine/buildkit/buildkitdtest"
)

// sixReleases is a project with releases r1 to r6, whose compiling takes a
// moment and says when it begins.
func sixReleases(t *testing.T) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "six"), "mix.exs", `defmodule Six.MixProject do
  use Mix.Project

  def project do
    [
      app: :six,
      version: "0.1.0",
      elixir: "~> 1.10",
      releases: [r1: [], r2: [], r3: [], r4: [], r5: [], r6: []]
    ]
  end

  def application, do: [extra_applications: [:logger]]
end
`, "lib/six.ex", `IO.puts("six compiles")
Process.sleep(3000)

defmodule Six do
  def number, do: 6
end
`)
}

// unlikeBefore makes the project another one than any that the cache has results
// of; what is built of it is the same.
func unlikeBefore(t *testing.T, dir string) {
	t.Helper()
	write(t, dir, "NOTES.md", rand.Text())
}

// builderToml is a [[builder]] of dram.toml for a daemon.
func builderToml(name string, d *buildkitdtest.Daemon) string {
	at := d.Address
	return fmt.Sprintf("[[builder]]\nname = %q\naddress = %q\nca = %q\ncert = %q\nkey = %q\n\n", name, at.URL, at.TLS.CA, at.TLS.Cert, at.TLS.Key)
}

// absentToml is a [[builder]] where nobody is.
func absentToml(t *testing.T, name string) string {
	t.Helper()
	return fmt.Sprintf("[[builder]]\nname = %q\naddress = \"tcp://127.0.0.1:%s\"\n\n", name, freePort(t))
}

var imageLine = regexp.MustCompile(`^(sha256:[0-9a-f]{64})  (r[1-6]) 0\.1\.0 (linux/[a-z0-9]+)$`)

// images reads what dram image prints of several: release to digest.
func images(t *testing.T, stdout string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for line := range strings.Lines(stdout) {
		m := imageLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			t.Fatalf("stdout has the line %q", line)
		}
		if got[m[2]] != "" {
			t.Errorf("%s came twice", m[2])
		}
		got[m[2]] = m[1]
	}
	return got
}

// Two builders with certificates for both sides share builds; one of them is
// killed in the middle of a step. All arrive, once each, and are what this
// machine makes of them.
func TestMatrixOutlivesABuilder(t *testing.T) {
	real(t)
	one, two := buildkitdtest.Start(t, buildkitdtest.Options{}), buildkitdtest.Start(t, buildkitdtest.Options{})
	dir := sixReleases(t)
	write(t, dir, "dram.toml", "[toolchain]\nref = \"distro:debian/13\"\n\n"+builderToml("one", one)+builderToml("two", two))
	unlikeBefore(t, dir)
	releases := []string{"r1", "r2", "r3", "r4", "r5", "r6"}[:campaign(t, 4, 6)]
	cmd := dram{args: []string{"image", dir, "--release", strings.Join(releases, ","), "-v"}}.command(context.WithoutCancel(t.Context()))
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stdout strings.Builder
	cmd.Stdout = &stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log := killDuringStep(t, stderr, "@one", one.Kill)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("dram image: %v\n%s", err, log)
	}
	got := images(t, stdout.String())
	if len(got) != len(releases) {
		t.Errorf("%d images arrived: %v\n%s", len(got), got, log)
	}
	done := regexp.MustCompile(`(?m)^  build      (r[1-6]) linux/[a-z0-9]+@(one|two)  mix release r[1-6] `).FindAllStringSubmatch(log, -1)
	by := map[string][]string{}
	for _, m := range done {
		by[m[2]] = append(by[m[2]], m[1])
	}
	if len(done) != len(releases) || len(by["one"]) == 0 || len(by["two"]) < 2 {
		t.Errorf("builds done: %v; want all, by both builders\n%s", by, log)
	}
	if strings.Count(log, "warning: builder one is left out") != 1 || strings.Contains(log, "builder two is left out") {
		t.Errorf("the builder that was killed, and no other, is to be left out:\n%s", log)
	}
	for _, r := range releases {
		path := filepath.Join(dir, "releases", r, r+"-0.1.0-linux-"+runtime.GOARCH+".tar")
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "releases", "*", "*.tmp*")); err != nil || len(left) > 0 {
		t.Errorf("partial files: %v, %v", left, err)
	}
	unlikeBefore(t, dir)
	native := dram{args: []string{"image", dir, "--engine", "native", "--release", "r1", "-o", filepath.Join(t.TempDir(), "x.tar")}}
	if want := native.ok(t).digest(t); got["r1"] != want {
		t.Errorf("the builders give %s, the native engine %s", got["r1"], want)
	}
}

// killDuringStep reads dram's progress until a builder has finished one build and
// is in a step of the next, has it killed, and gives all of the progress.
func killDuringStep(t *testing.T, progress io.Reader, at string, kill func()) string {
	t.Helper()
	var log strings.Builder
	finished, killed := false, false
	for lines := bufio.NewScanner(progress); lines.Scan(); {
		line := lines.Text()
		log.WriteString(line + "\n")
		switch {
		case strings.HasPrefix(line, "  build ") && strings.Contains(line, at+"  mix release"):
			finished = true
		case finished && !killed && strings.Contains(line, at+": six compiles"):
			killed = true
			kill()
		}
	}
	if !killed {
		t.Errorf("the builder was never in the middle of a second build:\n%s", log.String())
	}
	return log.String()
}

// A builder that is not there, or not who it should be, is left out; the others
// do the work. When none is left, the error says why of each.
func TestBuildersThatCannotBeUsed(t *testing.T) {
	real(t)
	good, other := buildkitdtest.Start(t, buildkitdtest.Options{}), buildkitdtest.Start(t, buildkitdtest.Options{})
	wrong := *good
	wrong.Address.TLS.CA = other.Address.TLS.CA // signed by another authority
	stranger := *good
	stranger.Address.TLS.Cert, stranger.Address.TLS.Key = other.Address.TLS.Cert, other.Address.TLS.Key
	const head = "[toolchain]\nref = \"distro:debian/13\"\n\n"
	dir := sixReleases(t)
	image := dram{args: []string{"image", dir, "--release", "r1,r2"}}

	t.Run("some", func(t *testing.T) {
		write(t, dir, "dram.toml", head+absentToml(t, "absent")+builderToml("wrong", &wrong)+builderToml("stranger", &stranger)+builderToml("good", good))
		unlikeBefore(t, dir)
		r := image.ok(t)
		if got := images(t, r.stdout); len(got) != 2 {
			t.Errorf("stdout: %s", r.stdout)
		}
		for _, says := range []string{
			"builder absent is left out", "connection refused",
			"builder wrong is left out", "certificate signed by unknown authority",
			"builder stranger is left out", "r2 linux/" + runtime.GOARCH + "@good  mix release r2",
		} {
			if !strings.Contains(r.stderr, says) {
				t.Errorf("does not say %q:\n%s", says, r.stderr)
			}
		}
		doctor := dram{args: []string{"doctor"}, dir: dir}.ok(t)
		for _, says := range []string{"NO   builder absent", "NO   builder wrong", "yes  builder good", "auto chooses buildkit"} {
			if !strings.Contains(doctor.stdout, says) {
				t.Errorf("doctor does not say %q:\n%s", says, doctor.stdout)
			}
		}
	})
	t.Run("all", func(t *testing.T) {
		write(t, dir, "dram.toml", head+absentToml(t, "absent")+builderToml("wrong", &wrong)+builderToml("stranger", &stranger))
		unlikeBefore(t, dir)
		image.fails(t, 5, "2 of 2 builds failed", "no builder is left for linux/"+runtime.GOARCH,
			"absent: ", "wrong: ", "stranger: ", "hint: `dram doctor` tries each builder", "--engine native")
		r := dram{args: []string{"doctor"}, dir: dir}.run(t)
		if r.code != 5 || !strings.Contains(r.stderr, "none of the builders in dram.toml answers") {
			t.Errorf("doctor: exit %d: %s", r.code, r.stderr)
		}
	})
	t.Run("none for the platform", func(t *testing.T) {
		write(t, dir, "dram.toml", head+builderToml("good", good)+"platforms = [\"linux/s390x\"]\n")
		unlikeBefore(t, dir)
		image.fails(t, 5, "no builder is left for linux/"+runtime.GOARCH, "good builds for linux/s390x")
	})
	t.Run("a build that fails by itself", func(t *testing.T) {
		write(t, dir, "dram.toml", head+builderToml("good", good))
		replace(t, filepath.Join(dir, "mix.exs"), "r2: []", "r2: [steps: [:assemble, fn _ -> Mix.raise(\"r2 is wrong\") end]]")
		unlikeBefore(t, dir)
		r := image.run(t)
		got := images(t, r.stdout)
		if r.code != 4 || len(got) != 1 || got["r1"] == "" || strings.Contains(r.stderr, "is left out") {
			t.Errorf("exit %d, stdout %q; want 4 and r1 alone\n%s", r.code, r.stdout, r.stderr)
		}
		for _, says := range []string{"1 of 2 builds failed", "r2 linux/" + runtime.GOARCH + ": step \"release\"", "r2 is wrong"} {
			if !strings.Contains(r.stderr, says) {
				t.Errorf("does not say %q:\n%s", says, r.stderr)
			}
		}
	})
}

// Without builders, several releases are built one after another; in a layout
// each has its entry.
func TestMatrixOnThisMachine(t *testing.T) {
	real(t)
	dir := sixReleases(t)
	unlikeBefore(t, dir)
	layout := filepath.Join(t.TempDir(), "layout")
	r := dram{args: []string{"image", dir, "--toolchain", "distro:debian/13", "--engine", "native", "--release", "r1", "--release", "r3", "-o", "oci:" + layout}}.ok(t)
	got := images(t, r.stdout)
	index, err := os.ReadFile(filepath.Join(layout, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, release := range []string{"r1", "r3"} {
		if !strings.Contains(string(index), got[release]) || !strings.Contains(string(index), release+":0.1.0") {
			t.Errorf("%s (%s) is not in %s", release, got[release], index)
		}
	}
	if len(got) != 2 {
		t.Errorf("stdout: %s", r.stdout)
	}
	dram{args: []string{"image", dir, "--all-releases", "-o", filepath.Join(t.TempDir(), "x.tar")}}.fails(t, 2, "is one file", "hint: leave -o out")
	dram{args: []string{"build", dir, "--release", "r1,r2"}}.fails(t, 2, "takes one of the releases r1, r2", "hint: choose one with --release")
	dram{args: []string{"image", dir, "--platform", "linux/vax"}}.fails(t, 2, `"linux/vax" is not linux/amd64 or linux/arm64`)
}
