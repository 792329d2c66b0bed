package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// docker runs the client and gives its output.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// withDocker skips where no daemon answers. Where one does, nothing is left out.
func withDocker(t *testing.T) {
	t.Helper()
	real(t)
	if err := exec.Command("docker", "version").Run(); err != nil {
		t.Skip("no Docker daemon answers here")
	}
}

// loaded puts the image of examples/hello into the daemon under a tag of the
// test's own.
func loaded(t *testing.T) (tag string) {
	t.Helper()
	dir := project(t, "examples/hello")
	image := filepath.Join(t.TempDir(), "hello.tar")
	dram{args: []string{"image", dir, "-o", image}}.ok(t)
	out := docker(t, "load", "-i", image)
	if !strings.Contains(out, "hello:0.1.0") || !strings.Contains(out, "hello:latest") {
		t.Errorf("docker load says %q", out)
	}
	tag = "dram-test:" + strings.ToLower(t.Name())
	docker(t, "tag", "hello:0.1.0", tag)
	docker(t, "rmi", "hello:0.1.0", "hello:latest")
	t.Cleanup(func() { docker(t, "rmi", "-f", tag) })
	return tag
}

// container starts one and removes it at the test's end.
func container(t *testing.T, args ...string) string {
	t.Helper()
	id := docker(t, append([]string{"run", "-d"}, args...)...)
	t.Cleanup(func() { docker(t, "rm", "-f", id) })
	return id
}

// Docker loads the tar and runs the image: it answers, as a user that is not
// root, and stops within a second.
func TestDockerRunsTheImage(t *testing.T) {
	withDocker(t)
	tag := loaded(t)
	port := freePort(t)
	id := container(t, "-p", "127.0.0.1:"+port+":4000", tag)
	f := page(t, port)
	f.check(t)
	if f.UID != 65532 {
		t.Errorf("runs as user %d", f.UID)
	}
	if user := docker(t, "inspect", "-f", "{{.Config.User}}", id); user != "65532:65532" {
		t.Errorf("the image's user is %q", user)
	}
	begin := time.Now()
	docker(t, "stop", id)
	if took := time.Since(begin); took > time.Second {
		t.Errorf("docker stop took %s", took)
	}
	if code := docker(t, "inspect", "-f", "{{.State.ExitCode}}", id); code != "0" {
		t.Errorf("exit code %s\n%s", code, docker(t, "logs", id))
	}
}

// A read-only root and any user id do; and a second process in the container
// finds the node's cookie, which no file of the image holds.
func TestDockerReadOnlyAnyUserAndRPC(t *testing.T) {
	withDocker(t)
	tag := loaded(t)
	port := freePort(t)
	id := container(t, "--read-only", "--tmpfs", "/tmp", "-u", "12345:54321", "--cap-drop", "ALL", "-p", "127.0.0.1:"+port+":4000", tag)
	if f := page(t, port); f.UID != 12345 {
		t.Errorf("runs as user %d", f.UID)
	}
	if got := docker(t, "exec", id, "/app/bin/hello", "rpc", `IO.puts("from " <> to_string(Application.spec(:hello, :vsn)))`); got != "from 0.1.0" {
		t.Errorf("rpc says %q", got)
	}
	cookie := func(id string) string {
		return docker(t, "exec", id, "/app/bin/hello", "rpc", "IO.puts(:erlang.get_cookie())")
	}
	other := container(t, tag)
	time.Sleep(2 * time.Second) // until its node is up
	if a, b := cookie(id), cookie(other); a == b || len(a) < 20 {
		t.Errorf("two containers have the cookies %q and %q", a, b)
	}
	given := container(t, "-e", "RELEASE_COOKIE=given-by-the-test", tag)
	time.Sleep(2 * time.Second)
	if got := cookie(given); got != "given-by-the-test" {
		t.Errorf("with RELEASE_COOKIE set, the cookie is %q", got)
	}
	if out, err := exec.Command("docker", "exec", id, "/bin/cat", "/app/releases/COOKIE").CombinedOutput(); err == nil {
		t.Errorf("the image holds a cookie: %s", out)
	}
}

// The same tar is what skopeo takes, both as docker's archive and as an OCI
// archive, with the digest that dram printed.
func TestSkopeoTakesTheTar(t *testing.T) {
	real(t)
	if _, err := exec.LookPath("skopeo"); err != nil {
		t.Skip("skopeo is not installed here")
	}
	dir := project(t, "examples/hello")
	image := filepath.Join(t.TempDir(), "hello.tar")
	digest := dram{args: []string{"image", dir, "-o", image}}.ok(t).digest(t)
	for _, from := range []string{"oci-archive:" + image, "docker-archive:" + image + ":hello:0.1.0"} {
		to := filepath.Join(t.TempDir(), "copy")
		if out, err := exec.Command("skopeo", "--insecure-policy", "copy", from, "dir:"+to).CombinedOutput(); err != nil {
			t.Errorf("skopeo copy %s: %v\n%s", from, err, out)
		}
	}
	out, err := exec.Command("skopeo", "inspect", "--format", "{{.Digest}}", "oci-archive:"+image).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != digest {
		t.Errorf("skopeo says %s, %v; dram said %s", out, err, digest)
	}
}
