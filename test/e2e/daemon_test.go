package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// daemonProject is examples/hello in a version of the test's own, so that its
// image is nobody else's; what was loaded is removed.
func daemonProject(t *testing.T) (dir, version string) {
	t.Helper()
	withDocker(t)
	dir, version = project(t, "examples/hello"), "0.1.0-"+nonce()
	replace(t, filepath.Join(dir, "mix.exs"), `version: "0.1.0"`, `version: "`+version+`"`)
	t.Cleanup(func() { docker(t, "rmi", "-f", "hello:"+version, "hello:latest") })
	return dir, version
}

// dram image --load puts the image under both names, as the image that the tar
// holds; what Docker has already is not sent again.
func TestDockerLoad(t *testing.T) {
	dir, version := daemonProject(t)
	first := dram{args: []string{"image", dir, "--load"}}.ok(t)
	first.digest(t)
	id := docker(t, "inspect", "-f", "{{.Id}}", "hello:"+version)
	if latest := docker(t, "inspect", "-f", "{{.Id}}", "hello:latest"); latest != id {
		t.Errorf("latest is %s, %s is %s", latest, version, id)
	}
	tag := "dram-test:" + nonce()
	docker(t, "tag", "hello:"+version, tag) // what the tar says must be the same
	docker(t, "rmi", "hello:"+version, "hello:latest")
	docker(t, "load", "-i", imageOf(dir, "hello", version))
	if got := docker(t, "inspect", "-f", "{{.Id}}", "hello:"+version); got != id {
		t.Errorf("from the tar it is %s, loaded it was %s", got, id)
	}
	docker(t, "rmi", tag)
	again := dram{args: []string{"image", dir, "--load"}}.ok(t)
	if !regexp.MustCompile(`load +hello:\S+ and hello:latest into Docker \S+, \d+\.\d kB`).MatchString(again.stderr) {
		t.Errorf("what Docker has was sent again:\n%s", again.stderr)
	}
	const says = "Application.load(:hello); IO.puts(Application.spec(:hello, :vsn))"
	if got := docker(t, "run", "--rm", "hello:"+version, "eval", says); got != version {
		t.Errorf("it is %q, not %s", got, version)
	}
}

// dram run --docker answers on published ports, stops gracefully, passes exit
// codes and streams on, and leaves no container.
func TestDockerRun(t *testing.T) {
	dir, version := daemonProject(t)
	port := freePort(t)
	s := dram{args: []string{"run", "--docker", "-p", "127.0.0.1:" + port + ":4000", "-e", "GREETING=x", dir}}.start(t)
	page(t, port).check(t)
	if ids := docker(t, "ps", "-q", "--filter", "ancestor=hello:"+version); ids == "" {
		t.Error("it does not run in Docker")
	}
	code, took := s.stop(t, syscall.SIGTERM)
	if code != 0 || took > 5*time.Second {
		t.Errorf("stopped in %s with exit %d:\n%s", took, code, s.stderr)
	}
	if ids := docker(t, "ps", "-aq", "--filter", "ancestor=hello:"+version); ids != "" {
		t.Errorf("containers are left: %s", ids)
	}

	image := imageOf(dir, "hello", version)
	exposed := freePort(t)
	declared := project(t, "examples/hello")
	replace(t, filepath.Join(declared, "mix.exs"), `version: "0.1.0"`, `version: "`+version+`"`)
	s = dram{args: []string{"run", "--docker", "--expose", exposed, "-e", "PORT=" + exposed, declared}}.start(t)
	page(t, exposed).check(t)
	if code, _ := s.stop(t, os.Interrupt); code != 0 {
		t.Errorf("exit %d:\n%s", code, s.stderr)
	}

	r := dram{args: []string{"run", "--docker", image, "--", "eval", `IO.puts("out"); IO.puts(:stderr, "err"); System.halt(7)`}}.run(t)
	if r.code != 7 || strings.TrimSpace(r.stdout) != "out" || !strings.Contains(r.stderr, "err\n") {
		t.Errorf("exit %d, stdout %q, stderr %q", r.code, r.stdout, r.stderr)
	}
	early := dram{args: []string{"run", "--docker", dir}}.start(t)
	time.Sleep(time.Second) // somewhere on the way: building, loading, starting or running
	if code, _ := early.stop(t, syscall.SIGTERM); code != 130 && code != 0 && code != 143 {
		t.Errorf("stopped at once: exit %d:\n%s", code, early.stderr)
	}
	if ids := docker(t, "ps", "-aq", "--filter", "ancestor=hello:"+version); ids != "" {
		t.Errorf("containers are left: %s", ids)
	}
}

// A port that is in use and a socket that refuses are said with what to do, and
// nothing is left behind.
func TestDockerBad(t *testing.T) {
	dir, version := daemonProject(t)
	port := freePort(t)
	s := dram{args: []string{"run", "--docker", "-p", "127.0.0.1:" + port + ":4000", dir}}.start(t)
	page(t, port)
	image := imageOf(dir, "hello", version)
	dram{args: []string{"run", "--docker", "-p", "127.0.0.1:" + port + ":4000", image}}.fails(t, 1, "a port is in use", "hint: publish it under another number")
	if ids := strings.Fields(docker(t, "ps", "-aq", "--filter", "ancestor=hello:"+version)); len(ids) != 1 {
		t.Errorf("containers: %q", ids)
	}
	_, _ = s.stop(t, syscall.SIGTERM)
	if os.Geteuid() != 0 {
		t.Skip("left out, without root: a user whom the socket refuses")
	}
	stranger := &syscall.Credential{Uid: 12345, Gid: 12345}
	dram{
		args: []string{"image", "--load", "/"}, credential: stranger, dir: "/", cache: "/nonexistent",
		env: []string{"HOME=/nonexistent", "XDG_RUNTIME_DIR="},
	}.fails(t, 5, "refuses this user", "usermod -aG docker")
}
