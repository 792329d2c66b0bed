package e2e

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// shellLess is the example with an env.sh and scripts as Phoenix has them, built with and
// without a shell, with some flags more: the tarball and the image without.
func shellLess(t *testing.T, flags ...string) (release, image string) {
	t.Helper()
	dir := project(t, "examples/hello")
	const begin = "#!/bin/sh\nset -eu\n\ncd -P -- \"$(dirname -- \"$0\")\"\n"
	write(t, dir,
		"rel/env.sh.eex", "#!/bin/sh\nexport GREETING=\"hello from ${PLACE:-here}\" RELEASE_TMP=${RELEASE_TMP:-/tmp/x}\n",
		"rel/overlays/bin/server", begin+"PHX_SERVER=true exec ./hello start\n",
		"rel/overlays/bin/version", begin+"exec ./hello version\n")
	for _, name := range []string{"server", "version"} {
		if err := os.Chmod(filepath.Join(dir, "rel/overlays/bin", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	image = filepath.Join(t.TempDir(), "hello.tar")
	r := dram{args: append([]string{"image", dir, "--shell=false", "-o", image}, flags...)}.ok(t)
	if strings.Contains(r.stderr, "in vain") {
		t.Errorf("nothing of the example starts a shell:\n%s", r.stderr)
	}
	return only(t, filepath.Join(dir, "releases/hello/releases/*/hello.tar.gz")), image
}

// recorder is in place of erlexec, and tells what it was given.
const recorder = "#!/bin/sh\nfor a in \"$@\"; do echo \"arg $a\"; done\nenv | sort | grep -v -e ^PWD= -e ^OLDPWD= -e ^_= -e ^SHLVL=\n/bin/pwd\n"

// The launcher starts erlexec as the script does, with the same arguments, environment and
// directory, and says and ends with the same where it does not.
func TestLauncherBesideScript(t *testing.T) {
	real(t)
	for _, suite := range []string{"11", "12", "13", "forky"} {
		t.Run(suite, func(t *testing.T) {
			release, image := shellLess(t, "--toolchain", "distro:debian/"+suite, "--expired-indexes", "allow")
			besideScript(t, release, image)
			judgedByLauncher(t, release, image)
			if r := (dram{args: []string{"check", image}}).ok(t); strings.Contains(r.stdout, "UNKNOWN") {
				t.Errorf("how an image starts by a launcher is not known:\n%s", r.stdout)
			}
		})
	}
}

// judgedByLauncher has the check judge a release that starts by a launcher, whole and damaged:
// it knows what the launcher executes, and with what.
func judgedByLauncher(t *testing.T, release, image string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "app")
	unpack(t, release, root)
	write(t, root, "bin/hello", fileOf(t, image, "app/bin/hello"))
	for _, name := range []string{"env.sh", "elixir", "iex"} {
		if err := os.Remove(only(t, filepath.Join(root, "releases/0.*", name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"server", "version"} {
		_ = os.Remove(filepath.Join(root, "bin", name)) // which Elixir 1.10 has not
	}
	judge := func(code int, says string) {
		t.Helper()
		r := dram{args: []string{"check", root, "--target", "tar:" + image}}.run(t)
		if r.code != code || !strings.Contains(r.stdout, says) {
			t.Errorf("exit %d, want %d and %q:\n%s%s", r.code, code, says, r.stdout, r.stderr)
		}
	}
	judge(0, "OK")
	write(t, only(t, filepath.Join(root, "releases/0.*")), "vm.args", "+Zzzz 5\n")
	judge(3, "+Zzzz")
	write(t, only(t, filepath.Join(root, "releases/0.*")), "vm.args", "")
	if err := os.Remove(only(t, filepath.Join(root, "erts-*/bin/erlexec"))); err != nil {
		t.Fatal(err)
	}
	judge(3, "erlexec")
}

func besideScript(t *testing.T, release, image string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "app")
	unpack(t, release, root)
	launched := filepath.Join(root, "launched") // where ../ is the release, too
	for _, name := range []string{"hello", "server", "version"} {
		if _, err := os.Stat(filepath.Join(root, "bin", name)); err != nil && name != "hello" {
			continue // Elixir 1.10 has no overlays
		}
		raw := fileOf(t, image, "app/bin/"+name)
		if !strings.HasPrefix(raw, "\x7fELF") {
			t.Fatalf("bin/%s is no program", name)
		}
		write(t, launched, name, raw)
		if err := os.Chmod(filepath.Join(launched, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(only(t, filepath.Join(root, "erts-*/bin/erlexec")), []byte(recorder), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(only(t, filepath.Join(root, "erts-*/bin/epmd")), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, command := range [][]string{
		{"hello", "start"},
		{"hello", "start", "more"},
		{"hello", "start_iex"},
		{"hello", "eval", "IO.puts(1)"},
		{"hello", "eval", "a b", "c d", "--", "e"},
		{"hello", "eval"},
		{"hello", "rpc", "IO.puts 1"},
		{"hello", "rpc"},
		{"hello", "remote"},
		{"hello", "stop"},
		{"hello", "restart"},
		{"hello", "pid"},
		{"hello", "version"},
		{"hello", "bogus"},
		{"hello"},
		{"server"},
		{"version", "x"},
	} {
		if _, err := os.Stat(filepath.Join(launched, command[0])); err != nil {
			continue
		}
		for _, env := range [][]string{
			{},
			{"RELEASE_COOKIE=abc", "PLACE=there"},
			{"RELEASE_DISTRIBUTION=none"},
			{"RELEASE_DISTRIBUTION=name", "RELEASE_NODE=a@b"},
			{"RELEASE_DISTRIBUTION=odd"},
			{"ELIXIR_ERL_OPTIONS= +fnu  -x y "},
			{"RELEASE_MODE=interactive", "RELEASE_NAME=other"},
			{"RELEASE_VM_ARGS=/x y", "RELEASE_REMOTE_VM_ARGS=/z"},
			{"ERL_ROOTDIR=/r"},
			{"RELEASE_BOOT_SCRIPT=b", "RELEASE_BOOT_SCRIPT_CLEAN=c"},
			{"RELEASE_PROG=p", "RELEASE_COMMAND=z", "EMU=q"},
		} {
			want, got := startOf(root, "bin", command, env), startOf(root, "launched", command, env)
			if got != want {
				t.Errorf("%q with %q:\n%s\nwant\n%s", command, env, got, want)
			}
			tried++
		}
	}
	t.Logf("%d commands did the same", tried)
}

// passing is what differs from start to start, and a path that the script goes by.
var passing = regexp.MustCompile(`(rpc|rem)-[0-9a-f]{4}|[0-9]{10,14}-[0-9a-f]{4}\.runtime|\b[0-9a-f]{64}\b|(releases/[0-9.]+)/\.\./\.\.`)

func startOf(root, dir string, command, env []string) string {
	var out, errOut bytes.Buffer
	cmd := exec.Command(filepath.Join(root, dir, command[0]), command[1:]...)
	cmd.Env = slices.Concat([]string{"PATH=/usr/bin:/bin", "RELEASE_TMP=" + root + "/tmp/a"}, env)
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &errOut, "/"
	_ = cmd.Run()                                                                                        // its code is looked at
	usage := regexp.MustCompile(`(?m)^    (daemon|health \[).*\n`).ReplaceAllString(errOut.String(), "") // which the other has not
	text := fmt.Sprintf("exit %d\n%s--\n%s", cmd.ProcessState.ExitCode(), out.String(), usage)
	return strings.ReplaceAll(passing.ReplaceAllString(text, "…"), root+"/launched", root+"/bin")
}

// An image without a shell runs, read-only, as any user, without capabilities, and its
// commands do as they do with one.
func TestDockerWithoutShell(t *testing.T) {
	withDocker(t)
	_, image := shellLess(t)
	docker(t, "load", "-i", image)
	const tag = "dram-test:shell-less"
	docker(t, "tag", "hello:0.1.0", tag)
	docker(t, "rmi", "hello:0.1.0", "hello:latest")
	t.Cleanup(func() { docker(t, "rmi", "-f", tag) })
	port := freePort(t)
	id := container(t, "--read-only", "--tmpfs", "/tmp", "-u", "12345:54321", "--cap-drop", "ALL", "-p", "127.0.0.1:"+port+":4000", tag)
	page(t, port).check(t)
	for _, c := range []struct{ command, want string }{
		{"/app/bin/hello rpc IO.puts(System.get_env(\"GREETING\"))", "hello from here"},
		{"/app/bin/hello version", "hello 0.1.0"},
		{"/app/bin/version", "hello 0.1.0"},
		{"/app/bin/hello eval IO.puts(1+2)", "3"},
		{"/app/bin/hello rpc IO.puts(node())", "hello@" + id[:12]},
	} {
		if got := docker(t, append([]string{"exec", id}, strings.Fields(c.command)...)...); got != c.want {
			t.Errorf("%s says %q, want %q", c.command, got, c.want)
		}
	}
	if pid := docker(t, "exec", id, "/app/bin/hello", "pid"); pid != docker(t, "exec", id, "/app/bin/hello", "rpc", "IO.puts(System.pid())") {
		t.Errorf("pid says %q", pid)
	}
	for address, healthy := range map[string]bool{"": true, "http://:4000/": true, "tcp://:4000": true, "http://:4000/nothing": false, "tcp://:4001": false, "http://": false} {
		out, err := exec.Command("docker", "exec", id, "/app/bin/hello", "health", address).CombinedOutput()
		if (err == nil) != healthy || healthy != (string(out) == "ok\n") {
			t.Errorf("health %s says %q, %v", address, out, err)
		}
	}
	if out, err := exec.Command("docker", "exec", "-e", "RELEASE_NODE=other", id, "/app/bin/hello", "health").CombinedOutput(); err == nil || !strings.Contains(string(out), "epmd knows no node other") {
		t.Errorf("health of a node that is not there says %q, %v", out, err)
	}
	if out := docker(t, "logs", id); strings.Contains(out, "error") || strings.Contains(out, "rejected") {
		t.Errorf("health checks are in the log:\n%s", out)
	}
	if out, err := exec.Command("docker", "exec", id, "/bin/sh", "-c", "true").CombinedOutput(); err == nil {
		t.Errorf("there is a shell: %s", out)
	}
	docker(t, "exec", id, "/app/bin/hello", "stop")
	if code := docker(t, "wait", id); code != "0" {
		t.Errorf("stop ends it with %s", code)
	}
}

// fileOf is the content of a file of an image's tar.
func fileOf(t *testing.T, image, name string) string {
	t.Helper()
	img, err := tarball.ImageFromPath(image, nil)
	if err != nil {
		t.Fatal(err)
	}
	files := mutate.Extract(img)
	defer func() { _ = files.Close() }()
	for tr := tar.NewReader(files); ; {
		h, err := tr.Next()
		if err != nil {
			t.Fatalf("%s of %s: %v", name, image, err)
		}
		if h.Name == name {
			raw, err := io.ReadAll(tr)
			if err != nil {
				t.Fatal(err)
			}
			return string(raw)
		}
	}
}
