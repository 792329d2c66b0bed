package e2e

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// An image on a base of Debian's packages has the base's layers as they are and what it
// lacks, runs, and is the same from two directories. On a base that is too old it is
// refused, with what is missing.
func TestImageOnABase(t *testing.T) {
	real(t)
	base := layoutOf(t, treeLayer(t, debianRoot(t, "13", "libssl3t64", "ca-certificates", "netbase")), filesLayer(t, "etc/organisation", "ours\n"))
	layers := func(image string) (out []string) {
		var doc struct{ Layers []struct{ Digest string } }
		r := dram{args: []string{"inspect", "--format", "json", image}}.ok(t)
		if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil {
			t.Fatal(err)
		}
		for _, l := range doc.Layers {
			out = append(out, l.Digest)
		}
		return out
	}
	dir, other := project(t, "examples/hello"), project(t, "examples/hello")
	first := dram{args: []string{"image", dir, "--base", base}}.ok(t)
	image := imageOf(dir, "hello", "0.1.0")
	ours, theirs := layers(image), layers(base)
	if len(theirs) != 2 || len(ours) <= len(theirs) || strings.Join(ours[:2], " ") != strings.Join(theirs, " ") {
		t.Errorf("the base has the layers %q, the image %q", theirs, ours)
	}
	if again := (dram{args: []string{"image", other, "--base", base}}).ok(t); again.digest(t) != first.digest(t) {
		t.Errorf("%s, and from another directory %s", first.digest(t), again.digest(t))
	}
	const expression = `Enum.join([File.read!("/etc/organisation"), Base.encode16(:crypto.hash(:md5, "x")), Hello.Native.fnv1a("hello")], " ")`
	if got := strings.Fields(says(t, image, expression)); len(got) != 3 || got[0] != "ours" || got[1] != "9DD4E461268C8034F5C8564E155C67A6" {
		t.Errorf("the release says %q", got)
	}
	if r := (dram{args: []string{"diff", image, imageOf(other, "hello", "0.1.0")}}).run(t); r.code != 0 {
		t.Errorf("dram diff: %d\n%s%s", r.code, r.stdout, r.stderr)
	}

	old := layoutOf(t, treeLayer(t, debianRoot(t, "11", "libssl1.1")))
	out := filepath.Join(t.TempDir(), "old.tar")
	dram{args: []string{"image", dir, "--base", old, "-o", out}}.fails(t, 3, "GLIBC_2.3")
}

// Commands come in beside what runs under a name, and go with it.
func TestExec(t *testing.T) {
	real(t)
	dir := project(t, "examples/hello")
	dram{args: []string{"image", dir}}.ok(t)
	port := freePort(t)
	s := dram{args: []string{"run", imageOf(dir, "hello", "0.1.0"), "--name", "here", "-e", "PORT=" + port}}.start(t)
	get(t, port, "/health")
	if r := (dram{args: []string{"exec", "here", "--", "rpc", `IO.puts("#{node()} #{1 + 1}")`}}).ok(t); !strings.HasPrefix(r.stdout, "hello@") || !strings.HasSuffix(r.stdout, " 2\n") {
		t.Errorf("rpc: %q", r.stdout)
	}
	if r := (dram{args: []string{"exec", "here", "--", "/bin/sh", "-c", "exit 7"}}).run(t); r.code != 7 {
		t.Errorf("exit code %d, not 7: %s", r.code, r.stderr)
	}
	dram{args: []string{"run", imageOf(dir, "hello", "0.1.0"), "--name", "here"}}.fails(t, 2, "already")
	if code, _ := s.stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d\n%s", code, s.stderr)
	}
	dram{args: []string{"exec", "here", "--", "pid"}}.fails(t, 2, `nothing runs under the name "here"`)
}
