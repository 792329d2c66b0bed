package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// examples/rebar: two releases of one umbrella, a NIF by a hook, templates, an
// overlay and a hook of the start script. It is the same from two directories, and
// with a history.
func TestRebar3Example(t *testing.T) {
	real(t)
	dir, other := project(t, "examples/rebar"), project(t, "examples/rebar")
	dram{args: []string{"image", dir}}.fails(t, 2, "several releases: greeter, ticker", "--release NAME")
	first := dram{args: []string{"image", dir, "--release", "greeter"}}.ok(t).digest(t)
	image := imageOf(dir, "greeter", "0.3.0")
	port := freePort(t)
	s := dram{args: []string{"run", image, "-e", "PORT=" + port, "-e", "GREETING=ciao", "-e", "NODE=here@localhost"}}.start(t)
	if got := get(t, port, "/"); got != "ciao from here@localhost, 2 + 3 = 5\nrelease greeter 0.3.0 from the oven\n" {
		t.Errorf("the release says %q", got)
	}
	code, took := s.stop(t, syscall.SIGTERM)
	out := s.stderr.String()
	if code != 0 || took > 10*time.Second || !strings.Contains(out, "the greeter is gone") || !strings.Contains(out, "before the start of greeter, on Linux") {
		t.Errorf("stopping: exit %d after %s\n%s", code, took, out)
	}
	if strings.Contains(out, "not found") || strings.Contains(out, "setcookie") || strings.Contains(out, "everybody-knows") {
		t.Errorf("a program is missing, or a cookie is in the log:\n%s", out)
	}
	dram{args: []string{"check", image, "--strict"}}.ok(t)

	// In the other directory, the other release and another version of the
	// application came first.
	replace(t, filepath.Join(other, "apps/greeter/src/greeter.app.src"), `{vsn, "0.3.0"}`, `{vsn, "0.2.9"}`)
	dram{args: []string{"image", other, "--release", "greeter"}}.ok(t)
	dram{args: []string{"image", other, "--release", "ticker"}}.ok(t)
	replace(t, filepath.Join(other, "apps/greeter/src/greeter.app.src"), `{vsn, "0.2.9"}`, `{vsn, "0.3.0"}`)
	again := dram{args: []string{"image", other, "--release", "greeter", "--build-env", "AGAIN=1"}}.ok(t).digest(t)
	if again != first {
		t.Errorf("image %s, then %s", first, again)
	}
	runsUntil(t, imageOf(other, "ticker", "0.3.1"), "tick\ntick", "the ticker is gone")
	if exec.Command("docker", "info").Run() != nil {
		t.Log("no Docker daemon: nothing is built there")
		return
	}
	built := dram{args: []string{"image", dir, "--release", "greeter", "--engine", "buildkit"}, cache: ownCache(t)}.ok(t).digest(t)
	if built != first {
		t.Errorf("image %s natively, %s by BuildKit", first, built)
	}
	relxCommands(t, dram{args: []string{"image", dir, "--release", "greeter", "--load"}}, "greeter:0.3.0")
}

// relxCommands has Docker run an image as any user on a read-only root, and asks the
// node what its start script can ask.
func relxCommands(t *testing.T, load dram, image string) {
	t.Helper()
	load.ok(t)
	docker := func(args ...string) string {
		out, err := exec.Command("docker", args...).CombinedOutput()
		if err != nil {
			t.Errorf("docker %q: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	id := docker("run", "-d", "--read-only", "--tmpfs", "/tmp", "--user", "12345:12345", image)
	t.Cleanup(func() { _ = exec.Command("docker", "rm", "-f", id).Run() })
	name := strings.TrimSuffix(image, ":0.3.0")
	start := "/app/bin/" + name
	for range 60 { // the node comes up
		if exec.Command("docker", "exec", id, start, "ping").Run() == nil {
			break
		}
		time.Sleep(time.Second)
	}
	for _, c := range []struct{ command, want string }{
		{"ping", "pong"}, {"pid", "1"}, {"eval 1+1.", "2"}, {"rpc erlang is_alive", "true"},
	} {
		if got := docker(append([]string{"exec", id, start}, strings.SplitN(c.command, " ", 2)...)...); got != c.want {
			t.Errorf("%s says %q", c.command, got)
		}
	}
	docker("stop", id)
	if code := docker("inspect", "--format", "{{.State.ExitCode}}", id); code != "0" {
		t.Errorf("it ends with %s", code)
	}
}

// rebar3's own client fetches packages and plugins from a mirror, whose registry it
// verifies; what is compiled then has no network.
func TestRebar3Fetches(t *testing.T) {
	real(t)
	m := hexMirror(t)
	key, err := os.ReadFile(filepath.Join(m.dir, "public_key"))
	if err != nil {
		t.Fatal(err)
	}
	config := `{deps, [{hx_erl, "1.0.0"}]}.
{hex, [{repos, [#{name => <<"hexpm">>, repo_public_key => <<"` + string(key) + `">>}]}]}.
{relx, [{release, {taker, "1.0.0"}, [taker]}]}.
`
	dir := write(t, filepath.Join(t.TempDir(), "taker"), "rebar.config", config, "nonce", nonce(),
		"src/taker.app.src", `{application, taker, [{vsn, "1.0.0"}, {mod, {taker, []}}, {applications, [kernel, stdlib, hx_erl]}]}.`,
		"src/taker.erl", `-module(taker).
-export([start/2, stop/1]).
start(_, _) -> io:format("taken from ~s~n", [hx_erl:says()]), {ok, spawn_link(fun() -> receive stop -> ok end end)}.
stop(_) -> ok.
`)
	build := dram{args: []string{"image", dir, "--build-env", "TAKEN=" + nonce()}, env: []string{"HEX_CDN=" + m.server.URL}}
	m.requests()
	r := build.ok(t)
	if got := tarballs(m.requests()); !slices.Equal(got, []string{"hx_erl-1.0.0.tar"}) || !strings.Contains(r.stderr, "there is no rebar.lock") {
		t.Errorf("fetched %q\n%s", got, r.stderr)
	}
	runsUntil(t, imageOf(dir, "taker", "1.0.0"), "taken from rebar3", "")

	// A plugin comes before all else, and one that does not come ends the build.
	write(t, dir, "rebar.config", "{plugins, [{hx_gone, \"1.0.0\"}]}.\n"+config)
	dram{args: build.args, env: build.env}.fails(t, 4, "hx_gone")
	// One byte of the package changed: it is refused.
	m.tamperWith(t, "/tarballs/hx_erl-1.0.0.tar")
	write(t, dir, "rebar.config", config)
	dram{args: append(build.args, "--build-env", "AGAIN="+nonce()), env: build.env, cache: ownCache(t)}.fails(t, 4, "hx_erl")
}

// runsUntil runs an image until it says something, then stops it and looks at its
// last words.
func runsUntil(t *testing.T, image, says, last string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd := dram{args: []string{"run", image}}.command(context.WithoutCancel(t.Context()))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := func(text string) bool {
		out, err := os.ReadFile(log.Name())
		return err == nil && strings.Contains(string(out), text)
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && !said(says); {
		time.Sleep(100 * time.Millisecond)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil || !said(says) || !said(last) {
		out, _ := os.ReadFile(log.Name())
		t.Errorf("%s: %v\n%s", image, err, out)
	}
}
