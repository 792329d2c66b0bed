package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/check"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/rehearse"
)

// node is a start script whose node is up once its file is there, and which tells the
// signal that ends it; greeting is what it prints first.
func node(greeting string) string {
	return `#!/bin/sh
if [ "$1" = rpc ]; then [ -e "${TMP:-/tmp}/up" ] && echo "{:started, :started}"; exit $?; fi
` + greeting + `
trap 'exit 0' TERM
: >"${TMP:-/tmp}/up"
while :; do :; done
`
}

func rehearsing(t *testing.T, env ...string) RehearseOptions {
	t.Helper()
	list, err := rehearse.Choose([]string{rehearse.Plain}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return RehearseOptions{Circumstances: list, Patience: 20 * time.Second, Env: env}
}

// An image's own release is started, and what it lacks is said as what to pass.
func TestRehearseImage(t *testing.T) {
	w := newWorld(t)
	needy := hello().with("bin/hello", node(`[ -n "$SECRET_KEY" ] || { echo "environment variable SECRET_KEY is missing" >&2; exit 1; }`)).
		with("releases/0.1.0/runtime.exs", "644 import Config\nconfig :a, b: System.fetch_env!(\"SECRET_KEY\")\n")
	from := imageWith(t, v1.Config{Entrypoint: []string{"/app/bin/hello"}, Cmd: []string{"start"}, Env: []string{"PATH=/usr/bin:/bin"}, User: "7:7", WorkingDir: "/app"}, under("app/", needy))
	for _, tt := range []struct {
		name    string
		env     []string
		verdict check.Verdict
		cause   rehearse.Cause
	}{
		{"as it is", nil, check.Fail, rehearse.CauseConfiguration},
		{"with what it lacks", []string{"SECRET_KEY=a long secret"}, check.OK, rehearse.CauseNone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := w.RehearseImage(t.Context(), from, rehearsing(t, tt.env...))
			if err != nil {
				t.Fatal(err)
			}
			if row := r.Rows[0]; len(r.Rows) != 1 || row.Verdict != tt.verdict || row.Cause != tt.cause || r.Release != "hello 0.1.0" || r.Place != from.String() {
				t.Errorf("%+v of %s on %s", row, r.Release, r.Place)
			}
		})
	}
}

// What is no release can be started all the same.
func TestRehearseAnyImage(t *testing.T) {
	w := newWorld(t)
	from := imageWith(t, v1.Config{Cmd: []string{"/bin/sh", "-c", "echo done"}, Env: []string{"PATH=/bin"}}, nil)
	r, err := w.RehearseImage(t.Context(), from, rehearsing(t))
	if err != nil || r.Release != from.String() || r.Rows[0].Cause != rehearse.CauseTask {
		t.Errorf("%v, %+v", err, r)
	}
}

// A release is started on the root of a place, as somebody else than root, and what it
// is there is not changed by it.
func TestRehearseOn(t *testing.T) {
	if testing.Short() {
		t.Skip("TestRehearseImage starts as many")
	}
	w := newWorld(t)
	release, root := t.TempDir(), t.TempDir()
	writeTree(t, release, hello().with("bin/hello", node("read a b < /proc/self/uid_map; [ $a = 1000 ] || exit 9")).with("releases/current", "-> 0.1.0"))
	writeTree(t, root, runnable(t))
	r, err := w.RehearseOn(t.Context(), ref.Ref{Kind: ref.Path, Value: release}, "dir:"+root, rehearsing(t))
	if err != nil || r.Worst() != check.OK || r.Release != "hello 0.1.0" || r.Place != "dir:"+root {
		t.Fatalf("%v, %+v", err, r)
	}
	for _, dir := range []string{release, root} {
		if _, err := os.Lstat(filepath.Join(dir, "tmp/up")); err == nil {
			t.Errorf("%s was written to", dir)
		}
	}
}

func TestRehearseOnRefuses(t *testing.T) {
	w := newWorld(t)
	release, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	writeTree(t, release, hello())
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for place, says := range map[string]string{
		"dir:" + file:           "not a directory",
		"dir:" + file + "/none": "opening target",
		"profile:debian/12":     "a start needs the place's own files",
		"ssh:host":              "a start needs the place's own files",
		"distro:nothing/1":      "unknown distribution \"nothing\"",
	} {
		_, err := w.RehearseOn(t.Context(), ref.Ref{Kind: ref.Path, Value: release}, place, rehearsing(t))
		if problem.Code(err) != int(problem.Usage) || !strings.Contains(err.Error()+problem.Hint(err), says) {
			t.Errorf("on %s: %v (%d), %s; want a wrong usage that says %q", place, err, problem.Code(err), problem.Hint(err), says)
		}
	}
	if _, err := w.RehearseOn(t.Context(), ref.Ref{Kind: ref.Path, Value: t.TempDir()}, "dir:"+t.TempDir(), rehearsing(t)); err == nil {
		t.Error("a directory without a release was started")
	}
}

// under is the tree below a directory.
func under(dir string, tr tree) tree {
	out := tree{}
	for name, body := range tr {
		out[dir+name] = body
	}
	return out
}
