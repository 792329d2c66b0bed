package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
		{"ping", "pong"}, {"eval 1+1.", "2"}, {"rpc erlang is_alive", "true"},
	} {
		if got := docker(append([]string{"exec", id, start}, strings.SplitN(c.command, " ", 2)...)...); got != c.want {
			t.Errorf("%s says %q", c.command, got)
		}
	}
	if got := docker("exec", id, start, "pid"); !regexp.MustCompile(`^[1-9][0-9]*$`).MatchString(got) || got == "1" { // that is the image's init
		t.Errorf("pid says %q", got)
	}
	docker("stop", id)
	if code := docker("inspect", "--format", "{{.State.ExitCode}}", id); code != "0" {
		t.Errorf("it ends with %s", code)
	}
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
