package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// distilleries is a directory with the sources of Distillery 2.1 and of
// artificery, which it needs, in folders of these names: the deps of any
// project that has them. No distribution packages them, so it must be named.
func distilleries(t *testing.T) string {
	t.Helper()
	real(t)
	dir := os.Getenv("DRAM_TEST_DISTILLERY")
	if dir == "" {
		t.Skip("DRAM_TEST_DISTILLERY names no directory with the sources of distillery and artificery")
	}
	return dir
}

const distilleryConfig = `use Distillery.Releases.Config,
    default_release: :default,
    default_environment: Mix.env()

environment :prod do
  set include_erts: true
  set cookie: :"cookie-of-the-file"
end

release :jar do
  set version: current_version(:jar)
  set output_dir: './releases/jar'
end
`

// jar is a project of Distillery that serves a page. Its dependencies lie in it:
// the Debian that it is built on has no Hex.
func jar(t *testing.T) string {
	t.Helper()
	from := distilleries(t)
	dir := filepath.Join(t.TempDir(), "jar")
	for _, name := range []string{"distillery", "artificery"} {
		for _, part := range []string{"lib", "priv"} {
			if _, err := os.Stat(filepath.Join(from, name, part)); err != nil {
				continue
			}
			if err := os.CopyFS(filepath.Join(dir, "vendor", name, part), os.DirFS(filepath.Join(from, name, part))); err != nil {
				t.Fatal(err)
			}
		}
	}
	mix := `defmodule %s.MixProject do
  use Mix.Project
  def project, do: [app: :%s, version: "%s", prune_code_paths: false, deps: [%s]]
  def application, do: [%s]
end
`
	text, err := os.ReadFile(filepath.Join(from, "distillery", "mix.exs"))
	version := regexp.MustCompile(`version: "([^"]+)"`).FindSubmatch(text)
	if err != nil || version == nil {
		t.Fatalf("no version in %s: %v", filepath.Join(from, "distillery", "mix.exs"), err)
	}
	t.Logf("Distillery %s", version[1])
	return write(t, dir, "nonce", nonce(), "rel/config.exs", distilleryConfig,
		"vendor/artificery/mix.exs", fmt.Sprintf(mix, "Artificery", "artificery", "0.4.3", "", ""),
		"vendor/distillery/mix.exs", fmt.Sprintf(mix, "Distillery", "distillery", version[1], `{:artificery, path: "../artificery"}`, "extra_applications: [:runtime_tools]"),
		"mix.exs", fmt.Sprintf(mix, "Jar", "jar", "0.2.0", `{:distillery, path: "vendor/distillery"}, {:artificery, path: "vendor/artificery"}`,
			"mod: {Jar, []}, extra_applications: [:logger, :inets]"),
		"config/config.exs", "use Mix.Config\nconfig :jar, port: \"${PORT}\", greeting: \"${GREETING}\"\n",
		"lib/jar.ex", `defmodule Jar do
  use Application

  def start(_type, _args) do
    port = String.to_integer(Application.get_env(:jar, :port))
    {:ok, socket} = :gen_tcp.listen(port, [:binary, active: false, reuseaddr: true])
    spawn_link(fn -> serve(socket) end)
    Supervisor.start_link([], strategy: :one_for_one)
  end

  def stop(_), do: IO.puts("the jar is closed")

  defp serve(socket) do
    {:ok, client} = :gen_tcp.accept(socket)
    {:ok, _} = :gen_tcp.recv(client, 0)
    body = "#{Application.get_env(:jar, :greeting)} from #{node()}"
    :gen_tcp.send(client, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: #{byte_size(body)}\r\n\r\n" <> body)
    :gen_tcp.close(client)
    serve(socket)
  end
end
`)
}

func TestDistilleryProject(t *testing.T) {
	dir := jar(t)
	r := dram{args: []string{"image", dir}}.ok(t)
	first := r.digest(t)
	tarball := filepath.Join(dir, "releases/jar/releases/0.2.0/jar.tar.gz")
	if _, err := os.Stat(tarball); err != nil {
		t.Errorf("the tarball is not at the guide's path: %v", err)
	}
	before, err := os.ReadFile(tarball)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(r.stderr, "RELEASES") && strings.Contains(r.stderr, "failed") {
		t.Error(r.stderr)
	}
	port := freePort(t)
	s := dram{args: []string{"run", imageOf(dir, "jar", "0.2.0"), "-e", "PORT=" + port, "-e", "GREETING=hello"}}.start(t)
	if got := get(t, port, "/"); got != "hello from jar@127.0.0.1" {
		t.Errorf("the release says %q", got)
	}
	if code, took := s.stop(t, syscall.SIGTERM); code != 0 || took > 10*time.Second || !strings.Contains(s.stderr.String(), "the jar is closed") {
		t.Errorf("stopping: exit %d after %s\n%s", code, took, s.stderr)
	}
	if got := says(t, imageOf(dir, "jar", "0.2.0"), "1 + 1"); got != "2" {
		t.Errorf("eval says %q", got)
	}
	// Built anew, over what the last build left and with another key, it is the
	// same.
	r = dram{args: []string{"image", dir, "--build-env", "AGAIN=1"}}.ok(t)
	after, err := os.ReadFile(tarball)
	if err != nil || string(before) != string(after) || r.digest(t) != first {
		t.Errorf("a second build: image %s, then %s; the tarball is the same: %v, %v", first, r.digest(t), string(before) == string(after), err)
	}
	// Its scripts make a file and read the VM's version in it, which is not followed.
	if r := (dram{args: []string{"check", imageOf(dir, "jar", "0.2.0")}}).ok(t); strings.Contains(r.stdout, "FAIL") || strings.Contains(r.stdout, "WARN") {
		t.Errorf("the check says %s", r.stdout)
	}
}

func TestDistilleryEnvironmentWithoutERTS(t *testing.T) {
	dir := jar(t)
	replace(t, filepath.Join(dir, "rel/config.exs"), "release :jar", "environment :bare do\n  set include_erts: false\nend\n\nrelease :jar")
	dram{args: []string{"build", dir, "--release-env", "bare"}}.ok(t)
	dram{args: []string{"image", dir, "--release-env", "bare"}}.fails(t, 2, "brings no Erlang", "include_erts: true")
}

// A release in Distillery's layout, whoever made it: its scripts, written here,
// call what Distillery's call, and run in the image that is made of it.
func TestDistilleryLayout(t *testing.T) {
	real(t)
	hello := project(t, "examples/hello")
	dram{args: []string{"build", hello}}.ok(t)
	dir := filepath.Join(t.TempDir(), "release")
	unpack(t, filepath.Join(hello, "releases/hello/releases/0.1.0/hello.tar.gz"), dir)
	vsn := filepath.Join(dir, "releases/0.1.0")
	for _, name := range []string{"env.sh", "elixir", "iex", "remote.vm.args"} {
		_ = os.Remove(filepath.Join(vsn, name))
	}
	write(t, dir, "releases/0.1.0/vm.args", "-name hello@127.0.0.1\n-setcookie SECRET\n",
		"releases/0.1.0/libexec/env.sh", "#!/usr/bin/env bash\nset -e\n",
		"releases/0.1.0/libexec/config.sh", "#!/usr/bin/env bash\nargs() { mkdir -p \"$RELEASE_MUTABLE_DIR\" && cp -a \"$REL_DIR/vm.args\" \"$RELEASE_MUTABLE_DIR/vm.args\"; }\n",
		"releases/0.1.0/hooks/pre_start.d/10_say", "echo \"before the start, $(uname)\"\n",
		"releases/0.1.0/hello.sh", `#!/usr/bin/env bash
set -e
RELEASE_ROOT_DIR="$(cd "$(dirname "$0")/../.." && pwd -P)"
REL_VSN=0.1.0
REL_DIR="$RELEASE_ROOT_DIR/releases/$REL_VSN"
export RELEASE_ROOT_DIR
. "$REL_DIR/libexec/env.sh"
. "$REL_DIR/libexec/config.sh"
args
for hook in "$REL_DIR"/hooks/pre_start.d/*; do . "$hook"; done
echo "command ${1:-none}, cookie ${#COOKIE}, replacing $REPLACE_OS_VARS"
grep -c setcookie "$RELEASE_MUTABLE_DIR/vm.args" || :
`, "bin/hello", "#!/bin/sh\nset -e\nexec bash \"$(cd \"$(dirname \"$0\")/..\" && pwd -P)/releases/0.1.0/hello.sh\" \"$@\"\n")
	for _, name := range []string{"bin/hello", "releases/0.1.0/hello.sh", "releases/0.1.0/libexec/env.sh", "releases/0.1.0/libexec/config.sh"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	image := filepath.Join(t.TempDir(), "hello.tar")
	dram{args: []string{"image", dir, "-o", image}}.ok(t)
	r := dram{args: []string{"run", "-q", image}}.ok(t)
	if want := "before the start, Linux\ncommand foreground, cookie 64, replacing true\n1\n"; r.stdout != want {
		t.Errorf("the image says\n%swanted\n%s%s", r.stdout, want, r.stderr)
	}
}
