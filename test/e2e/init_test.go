package e2e

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// next are the commands that dram init names, in order.
func next(t *testing.T, r result) []string {
	t.Helper()
	_, list, ok := strings.Cut(r.stderr, "next, in the project's directory:\n")
	if !ok {
		t.Fatalf("no commands are named:\n%s", r.stderr)
	}
	var out []string
	for line := range strings.Lines(list) {
		if command, ok := strings.CutPrefix(line, "    "); ok {
			out = append(out, strings.TrimSpace(command))
		}
	}
	return out
}

// shell runs a command as a person types it.
func shell(t *testing.T, dir, command string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// forgotten removes the images of a test at its end.
func forgotten(t *testing.T, names ...string) {
	t.Helper()
	t.Cleanup(func() {
		for _, n := range names {
			_ = exec.Command("docker", "rmi", "-f", n).Run()
		}
	})
}

// members are a tarball's files: mode and digest, or a link's target, by name.
func members(t *testing.T, file string) map[string]string {
	t.Helper()
	out := map[string]string{}
	eachMember(t, file, func(h *tar.Header, r io.Reader) error {
		if h.Typeflag == tar.TypeDir {
			return nil
		}
		sum := sha256.New()
		_, err := io.Copy(sum, r)
		out[strings.TrimPrefix(h.Name, "./")] = fmt.Sprintf("%o %s%s", h.Mode&0o777, hex.EncodeToString(sum.Sum(nil)), h.Linkname)
		return err
	})
	return out
}

// What dram init names can be typed, in a directory with spaces and letters of
// all kinds: Docker leaves the tarball that dram build makes, but for the cookie,
// and the image answers, as an ordinary user and without a cookie in it.
func TestInitForDocker(t *testing.T) {
	withDocker(t)
	dir := filepath.Join(t.TempDir(), "Größe und Maß")
	copyTree(t, filepath.Join("..", "..", "examples", "hello"), dir)
	forgotten(t, "hello:latest", "build-elixir:latest")
	r := dram{args: []string{"init"}, dir: dir}.ok(t)
	if r.stdout != ".dockerignore\ndocker/Dockerfile.build.elixir\ndocker/Dockerfile.run\ndocker/build.sh\ndocker/bottle.sh\n" {
		t.Errorf("written: %q", r.stdout)
	}
	commands := next(t, r)
	if len(commands) != 3 || commands[0] != "docker build --tag=build-elixir -f docker/Dockerfile.build.elixir ." {
		t.Fatalf("commands: %q", commands)
	}
	for _, c := range commands {
		shell(t, dir, c)
	}
	if again := (dram{args: []string{"init", "--diff"}, dir: dir}).ok(t); again.stdout != "" {
		t.Errorf("after a build, init would change\n%s", again.stdout)
	}

	byDocker := members(t, filepath.Join(dir, "releases/hello/releases/0.1.0/hello.tar.gz"))
	byDram := members(t, strings.TrimSpace(dram{args: []string{"build", "--output-dir", t.TempDir()}, dir: dir}.ok(t).stdout))
	if byDocker["releases/COOKIE"] == "" || byDram["releases/COOKIE"] != "" || byDocker["releases/0.1.0/env.sh"] == byDram["releases/0.1.0/env.sh"] {
		t.Error("one of the tarballs is not as the page says")
	}
	for _, m := range []map[string]string{byDocker, byDram} {
		delete(m, "releases/COOKIE")
		delete(m, "releases/0.1.0/env.sh")
	}
	if d := cmp.Diff(byDram, byDocker); d != "" || len(byDram) < 500 {
		t.Errorf("of %d files some differ (-dram build +docker):\n%s", len(byDram), d)
	}

	port := freePort(t)
	id := container(t, "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "-p", "127.0.0.1:"+port+":4000", "hello")
	f := page(t, port)
	f.check(t)
	if f.UID != 65532 {
		t.Errorf("runs as user %d", f.UID)
	}
	if got := docker(t, "exec", id, "/app/bin/hello", "rpc", `IO.puts("from " <> to_string(Application.spec(:hello, :vsn)))`); got != "from 0.1.0" {
		t.Errorf("rpc says %q", got)
	}
	if out, err := exec.Command("docker", "exec", id, "/bin/cat", "/app/releases/COOKIE").CombinedOutput(); err == nil {
		t.Errorf("the image holds a cookie: %s", out)
	}
}

// The guide's two commands, to the letter, for an umbrella of which one release
// was chosen, in a daemon that has no image of the toolchain.
func TestInitForAnUmbrella(t *testing.T) {
	withDocker(t)
	inSample(t, false) // a minute
	dir := umbrella(t, `house: [applications: [hall: :permanent]], porch: [version: "0.5.0", applications: [door: :permanent]]`)
	forgotten(t, "porch:latest", "house:latest", "build-elixir:latest")
	dram{args: []string{"init"}, dir: dir}.fails(t, 2, "several releases: house, porch")
	dram{args: []string{"init", "--release", "house"}, dir: dir}.ok(t)
	shell(t, dir, "docker build --tag=build-elixir -f docker/Dockerfile.build.elixir .")
	shell(t, dir, "mkdir releases && chown 12345:54321 releases")
	out := shell(t, dir, "docker run -v $PWD/releases:/app/releases build-elixir mix release house --overwrite")
	tarball := "releases/house/releases/2.1.0/house.tar.gz"
	if len(members(t, filepath.Join(dir, tarball))) < 500 || !strings.Contains(out, tarball) {
		t.Errorf("no tarball:\n%s", out)
	}
	if owner := strings.TrimSpace(shell(t, dir, "stat -c %u:%g "+tarball)); owner != "12345:54321" {
		t.Errorf("the tarball belongs to %s", owner)
	}
	shell(t, dir, "docker build --tag=house -f docker/Dockerfile.run .")
	if got := docker(t, "run", "--rm", "house", "eval", "IO.puts(Hall.says())"); got != "a hall with a green door" {
		t.Errorf("the release says %q", got)
	}
	if got := shell(t, dir, "cat dram.toml"); got != "release = 'house'\n" {
		t.Errorf("dram.toml is %q", got)
	}
	dram{args: []string{"build"}, dir: dir}.ok(t)
	bottleFailsWhereALibraryIsMissing(t, dir)
}

// bottleFailsWhereALibraryIsMissing: a library that a file of the release needs
// and the toolchain lacks makes no image. build-elixir is dir's.
func bottleFailsWhereALibraryIsMissing(t *testing.T, dir string) {
	t.Helper()
	// As a precompiled NIF would come: linked to what is nowhere.
	write(t, dir, "Broken", `FROM build-elixir
RUN cd /tmp && echo 'int nowhere(void) { return 1; }' > n.c && cc -shared -fPIC -o libnowhere.so n.c && \
    echo 'int nowhere(void); int here(void) { return nowhere(); }' > h.c && \
    mkdir -p /app/apps/door/priv && cc -shared -fPIC -o /app/apps/door/priv/here.so h.c -L. -lnowhere && rm libnowhere.so
`)
	shell(t, dir, "docker build --tag=build-elixir -f Broken .")
	out, err := exec.CommandContext(t.Context(), "docker", "build", "--tag=house", "-f", filepath.Join(dir, "docker/Dockerfile.run"), dir).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "libnowhere.so => not found") || !strings.Contains(string(out), "these libraries are not here") {
		t.Errorf("%v:\n%s", err, out)
	}
}

// Distillery: init adds the directory that the guide mounts, and the commands
// that it names leave Distillery's own tarball there, beside what lay there, and
// the image.
func TestInitForDistillery(t *testing.T) {
	withDocker(t)
	dir := jar(t)
	config := filepath.Join(dir, "rel", "config.exs")
	replace(t, config, "  set output_dir: './releases/jar'\n", "")
	before, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	forgotten(t, "jar:latest", "build-elixir:latest")
	r := dram{args: []string{"init"}, dir: dir}.ok(t)
	if after, err := os.ReadFile(config); err != nil || strings.Replace(string(after), "  set output_dir: \"./releases/jar\"\n", "", 1) != string(before) || string(after) == string(before) {
		t.Errorf("rel/config.exs is (%v)\n%s", err, after)
	}
	old := "releases/jar/releases/0.1.0/jar.tar.gz"
	write(t, dir, old, "an earlier version", "releases/jar/lib/jar-0.1.0/ebin/old.beam", "of an earlier version")
	shell(t, dir, "chown -R 12345:54321 releases")
	commands := next(t, r)
	if len(commands) != 3 || !strings.HasSuffix(commands[1], " mix distillery.release --name=jar --env=prod") {
		t.Fatalf("commands: %q", commands)
	}
	for _, c := range commands {
		shell(t, dir, c)
	}
	tarball := "releases/jar/releases/0.2.0/jar.tar.gz"
	m := members(t, filepath.Join(dir, tarball))
	if m["bin/jar"] == "" || m["releases/RELEASES"] == "" || m["lib/jar-0.1.0/ebin/old.beam"] != "" {
		t.Errorf("the tarball has %d files, and RELEASES: %t", len(m), m["releases/RELEASES"] != "")
	}
	if got := shell(t, dir, "cat "+old+" releases/jar/lib/jar-0.1.0/ebin/old.beam; stat -c ' %u:%g' "+tarball); got != "an earlier versionof an earlier version 12345:54321\n" {
		t.Errorf("in releases: %s", got)
	}
	port := freePort(t)
	id := container(t, "-p", "127.0.0.1:"+port+":4000", "-e", "PORT=4000", "-e", "GREETING=hello", "jar")
	if got := get(t, port, "/"); !strings.HasPrefix(got, "hello from jar@") {
		t.Errorf("the release says %q", got)
	}
	if out, err := exec.Command("docker", "exec", id, "/bin/grep", "-r", "cookie-of-the-file", "/app/releases").CombinedOutput(); err == nil {
		t.Errorf("the image holds the cookie: %s", out)
	}
	if again := (dram{args: []string{"init"}, dir: dir}).ok(t); again.stdout != "" {
		t.Errorf("a second init wrote %s", again.stdout)
	}
}

// The guide's two commands, to the letter, wherever a project of Distillery has
// its releases and whichever Erlang writes RELEASES; a command that makes none
// leaves none.
func TestDistilleryPacksInDocker(t *testing.T) {
	withDocker(t)
	for _, c := range []struct{ name, toolchain, output string }{
		{"Erlang 23", "distro:debian/11", "./releases/jar"},
		{"Erlang 25, elsewhere", "distro:debian/12", "_out/of jar"},
		{"Erlang 27", "distro:debian/13", "./releases/jar"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := jar(t)
			replace(t, filepath.Join(dir, "rel", "config.exs"), "'./releases/jar'", `"`+c.output+`"`)
			forgotten(t, "build-elixir:latest")
			dram{args: []string{"init", "--toolchain", c.toolchain}, dir: dir}.ok(t)
			shell(t, dir, "docker build --tag=build-elixir -f docker/Dockerfile.build.elixir .")
			out := shell(t, dir, "docker run -v $PWD/releases:/app/releases build-elixir mix distillery.release --env=prod")
			tarball := "releases/jar/releases/0.2.0/jar.tar.gz"
			if !strings.HasSuffix(out, "\n"+tarball+"\n") {
				t.Errorf("it says\n%s", out)
			}
			m := members(t, filepath.Join(dir, tarball))
			if m["bin/jar"] == "" || m["releases/RELEASES"] == "" || m[tarball] != "" || len(m) < 500 {
				t.Errorf("the tarball has %d files", len(m))
			}
			if out := shell(t, dir, "docker run -v $PWD/releases:/app/releases build-elixir mix compile"); strings.Contains(out, tarball) {
				t.Errorf("compiling leaves a tarball:\n%s", out)
			}
		})
	}
}

// With Docker's classic builder, which keeps nothing but layers, dependencies are
// fetched and compiled once, from a mirror that is named; an edit compiles the
// project alone, and once for the tarball and the image together.
func TestInitAfterAnEdit(t *testing.T) {
	withDocker(t)
	m := hexMirror(t)
	dir := shop(t, "")
	m.lock(t, dir)
	forgotten(t, "shop:latest", "build-elixir:latest")
	commands := next(t, dram{args: []string{"init"}, dir: dir}.ok(t))
	build := "DOCKER_BUILDKIT=0 " + commands[0] + " --network host"
	for _, kv := range m.env() {
		build += " --build-arg " + kv
	}
	both := func() string {
		return shell(t, dir, build) + shell(t, dir, "DOCKER_BUILDKIT=0 "+commands[2])
	}
	m.requests()
	if out := both(); strings.Count(out, "Generated hx_top app") != 1 || strings.Count(out, "Generated shop app") != 1 {
		t.Errorf("at first:\n%s", out)
	}
	if got := tarballs(m.requests()); len(got) != 3 {
		t.Errorf("the mirror was asked for %q", got)
	}
	replace(t, filepath.Join(dir, "lib/shop.ex"), `", "`, `"; "`)
	out := both()
	if strings.Contains(out, "Generated hx_") || strings.Count(out, "Generated shop app") != 1 || len(m.requests()) > 0 {
		t.Errorf("after an edit:\n%s", out)
	}
	if got := docker(t, "run", "--rm", "shop", "eval", "IO.write(Shop.says())"); got != "top on base and rebar3; shelf" {
		t.Errorf("the release says %q", got)
	}
}

// The toolchain is loaded once, under a name that stays.
func TestToolchainLoad(t *testing.T) {
	withDocker(t)
	dir := write(t, t.TempDir(), "mix.exs", "defmodule P.MixProject do\n  use Mix.Project\n  def project, do: [app: :p, version: \"1.0.0\"]\nend\n")
	for range 2 {
		if got := (dram{args: []string{"toolchain", "load"}, dir: dir}).ok(t).stdout; got != "dram-toolchain:debian-13\n" {
			t.Errorf("stdout is %q", got)
		}
	}
	if got := docker(t, "run", "--rm", "dram-toolchain:debian-13", "elixir", "--short-version"); !strings.HasPrefix(got, "1.18.") {
		t.Errorf("its Elixir is %q", got)
	}
	if r := (dram{args: []string{"init", "--no-load"}, dir: dir}).ok(t); !slices.Contains(next(t, r), "dram toolchain load") {
		t.Errorf("commands: %q", next(t, r))
	}
}
