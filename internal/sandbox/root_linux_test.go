package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dram/internal/problem"
)

func TestLowerStaysUntouched(t *testing.T) {
	lower := t.TempDir()
	writeFile(t, filepath.Join(lower, "data/a"), "old")
	spec := inside(t, "write", "/data/a", "new", "+", "cat", "/data/a")
	spec.Lower = append([]string{lower}, spec.Lower...)
	if out := mustOutput(t, spec); out != "new" {
		t.Errorf("inside: %q", out)
	}
	if got := readFile(t, filepath.Join(lower, "data/a")); got != "old" {
		t.Errorf("the lower directory was written to: %q", got)
	}
}

func TestUpperLastsFromRunToRun(t *testing.T) {
	lower, keep := t.TempDir(), t.TempDir()
	writeFile(t, filepath.Join(lower, "data/gone"), "x")
	writeFile(t, filepath.Join(lower, "data/sub/f"), "x")
	writeFile(t, filepath.Join(lower, "data/stays"), "x")
	run := func(args ...string) string {
		spec := inside(t, args...)
		spec.Lower = append([]string{lower}, spec.Lower...)
		spec.Upper = filepath.Join(keep, "upper")
		spec.Scratch = filepath.Join(keep, "scratch")
		if err := errors.Join(os.MkdirAll(spec.Upper, 0o755), os.MkdirAll(spec.Scratch, 0o755)); err != nil {
			t.Fatal(err)
		}
		return mustOutput(t, spec)
	}
	run("rm", "/data/gone", "+", "rm", "/data/sub", "+", "write", "/data/sub/new", "1", "+", "write", "/data/made", "2")
	got := run("ls", "/data", "+", "ls", "/data/sub", "+", "cat", "/data/made")
	if want := "made stays sub\nnew\n2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := os.Lstat(filepath.Join(keep, "upper/etc/hosts")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the place of /etc/hosts stays in the upper directory")
	}
}

func TestRootIsWrittenTo(t *testing.T) {
	root := copyRoot(t)
	spec := Spec{Root: root, Argv: []string{"/bin/inside", "write", "/made", "here", "+", "cat", "/etc/hosts"}, Network: Host}
	mustOutput(t, spec)
	if got := readFile(t, filepath.Join(root, "made")); got != "here" {
		t.Errorf("got %q", got)
	}
	for _, name := range []string{"etc/hosts", "etc/resolv.conf"} {
		if _, err := os.Lstat(filepath.Join(root, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("an empty %s stays behind", name)
		}
	}
}

func TestReadOnlyRoot(t *testing.T) {
	data := t.TempDir()
	for _, rw := range []string{"/tmp/x", "/run/x", "/cache/x", "/data/x", "/dev/shm/x"} {
		spec := inside(t, "write", rw, "1")
		spec.ReadOnly, spec.Tmpfs = true, []string{"/cache"}
		spec.Mounts = []Mount{{Source: data, Target: "/data"}}
		mustOutput(t, spec)
	}
	spec := inside(t, "write", "/x", "1")
	spec.ReadOnly = true
	if out, err := output(t, spec); err == nil || !strings.Contains(out, "read-only file system") {
		t.Errorf("wrote to the root: %v %s", err, out)
	}
}

func TestMounts(t *testing.T) {
	rw, ro, file := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "one file")
	writeFile(t, filepath.Join(ro, "f"), "ro")
	writeFile(t, file, "file")
	mounts := []Mount{
		{Source: rw, Target: "/data/rw"},
		{Source: ro, Target: "/data/ro", ReadOnly: true},
		{Source: file, Target: "/etc/one", ReadOnly: true},
		{Source: file, Target: "/tmp/two"},
	}
	spec := inside(t, "write", "/data/rw/f", "1", "+", "write", "/tmp/two", "written", "+", "cat", "/data/ro/f", "+", "cat", "/etc/one")
	spec.Mounts = mounts
	if out := mustOutput(t, spec); out != "rowritten" {
		t.Errorf("got %q", out)
	}
	if got := readFile(t, filepath.Join(rw, "f")); got != "1" {
		t.Errorf("got %q", got)
	}
	for _, target := range []string{"/data/ro/f", "/etc/one"} {
		spec := inside(t, "write", target, "1")
		spec.Mounts = mounts
		if out, err := output(t, spec); err == nil || !strings.Contains(out, "read-only file system") {
			t.Errorf("wrote to %s: %v %s", target, err, out)
		}
	}
}

// What is shown as a file is there, for reading alone, also below a mount, and
// nothing is left of it on the host.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	spec := inside(t, "cat", "/root/.ssh/known", "+", "cat", "/data/key", "+", "write", "/data/key", "1")
	spec.Mounts = []Mount{{Source: dir, Target: "/data"}}
	spec.Files = map[string][]byte{"/root/.ssh/known": []byte("a host"), "/data/key": []byte(" and a key")}
	out, err := output(t, spec)
	if err == nil || !strings.HasPrefix(out, "a host and a key") || !strings.Contains(out, "read-only file system") {
		t.Errorf("got %v %q", err, out)
	}
	if got := readFile(t, filepath.Join(dir, "key")); got != "" {
		t.Errorf("%q is left on the host", got)
	}
}

// TestMountKeepsLockedFlags shows a mount read-only whose nosuid and nodev are
// locked for a user namespace.
func TestMountKeepsLockedFlags(t *testing.T) {
	spec := inside(t, "ls", "/shm")
	spec.Mounts = []Mount{{Source: "/dev/shm", Target: "/shm", ReadOnly: true}, {Source: "/proc", Target: "/hostproc", ReadOnly: true}}
	mustOutput(t, spec)
}

// TestHostileRoot has links to the host where the sandbox mounts things.
func TestHostileRoot(t *testing.T) {
	outside := t.TempDir()
	root := copyRoot(t)
	for _, name := range []string{"dev", "etc", "tmp", "run", "data"} {
		if err := os.Symlink(outside, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = output(t, Spec{
		Root: root, Mounts: []Mount{{Source: t.TempDir(), Target: "/data/sub"}},
		Argv: []string{"/bin/inside", "write", "/tmp/escaped", "1"},
	})
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 0 {
		t.Errorf("the sandbox wrote outside its root: %v %v", entries, err)
	}
}

func TestAwkwardPaths(t *testing.T) {
	for _, name := range []string{"a b", "a:b", "a,b=c", `a\b`, "ä\xff", strings.Repeat("long", 60)} {
		dir := filepath.Join(t.TempDir(), name)
		writeFile(t, filepath.Join(dir, "lower/f"), name)
		spec := inside(t, "cat", "/f")
		spec.Lower = append([]string{filepath.Join(dir, "lower")}, spec.Lower...)
		spec.Scratch = filepath.Join(dir, "scratch")
		if err := os.Mkdir(spec.Scratch, 0o755); err != nil {
			t.Fatal(err)
		}
		if out := mustOutput(t, spec); out != name {
			t.Errorf("%q: got %q", name, out)
		}
	}
}

func TestManyLayers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 50))
	spec := inside(t, "cat", "/f", "+", "cat", "/g99")
	var lower []string
	for i := range 100 {
		l := filepath.Join(dir, fmt.Sprint(i))
		writeFile(t, filepath.Join(l, "f"), fmt.Sprint(i))
		writeFile(t, filepath.Join(l, fmt.Sprint("g", i)), "bottom")
		lower = append(lower, l)
	}
	spec.Lower = append(lower, spec.Lower...)
	if out := mustOutput(t, spec); out != "0bottom" {
		t.Errorf("got %q, want the topmost first", out)
	}
}

func TestMountInsideLayer(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root mounts something there")
	}
	spec := inside(t, "id")
	lower := filepath.Join(t.TempDir(), "a b")
	point := filepath.Join(lower, "x")
	if err := os.MkdirAll(point, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", point, "tmpfs", 0, ""); err != nil {
		t.Skipf("mounting: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(point, syscall.MNT_DETACH) })
	spec.Lower = append([]string{lower}, spec.Lower...)
	_, err := output(t, spec)
	if err == nil || !strings.Contains(err.Error(), point) || !strings.Contains(problem.Hint(err), "unmount") {
		t.Errorf("got %v, hint %q", err, problem.Hint(err))
	}
}

func TestWrongSpecs(t *testing.T) {
	tests := []struct {
		name string
		edit func(*Spec)
		kind problem.Kind
		want string
	}{
		{"no command", func(s *Spec) { s.Argv = nil }, problem.Failure, "no command"},
		{"no root", func(s *Spec) { s.Lower = nil }, problem.Failure, "either Root or Lower"},
		{"two roots", func(s *Spec) { s.Root = "/" }, problem.Failure, "either Root or Lower"},
		{"missing lower", func(s *Spec) { s.Lower = []string{"/nonesuch"} }, problem.Environment, "/nonesuch"},
		{"no scratch", func(s *Spec) { s.Scratch = "" }, problem.Failure, "not absolute"},
		{"missing source", func(s *Spec) { s.Mounts = []Mount{{Source: "/nonesuch", Target: "/x"}} }, problem.Environment, "opening /nonesuch to show it as /x: no such file"},
		{"relative target", func(s *Spec) { s.Tmpfs = []string{"x"} }, problem.Failure, `"x"`},
		{"target is the root", func(s *Spec) { s.Tmpfs = []string{"/.."} }, problem.Failure, `"/.."`},
		{"relative directory", func(s *Spec) { s.Dir = "x" }, problem.Failure, `"x"`},
		{"missing directory", func(s *Spec) { s.Dir = "/x" }, problem.Failure, "entering working directory /x: no such file"},
		{"NUL", func(s *Spec) { s.Env = []string{"A=\x00"} }, problem.Failure, "NUL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := inside(t, "id")
			tt.edit(&spec)
			out, err := output(t, spec)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v %s, want %q", err, out, tt.want)
			}
			if problem.Code(err) != int(tt.kind) || tt.kind == problem.Environment && problem.Hint(err) == "" {
				t.Errorf("got code %d, hint %q", problem.Code(err), problem.Hint(err))
			}
		})
	}
}

func TestExplainedFailures(t *testing.T) {
	tests := []struct {
		err  error
		want string // in the hint
	}{
		{explainStart(&os.PathError{Op: "fork/exec", Err: syscall.ENOSPC}), "user.max_user_namespaces"},
		{explainStart(&os.PathError{Op: "fork/exec", Err: syscall.EINVAL}), "CONFIG_USER_NS"},
		{explainStart(&os.PathError{Op: "fork/exec", Err: syscall.EPERM}), "seccomp=unconfined"},
		{toFailure(failed(stepProc, syscall.EPERM, "mounting")).explain(), "systempaths=unconfined"},
		{toFailure(failed(stepOverlay, syscall.EINVAL, "mounting")).explain(), "DRAM_CACHE_DIR"},
		{toFailure(failed(stepOverlay, syscall.ENOSPC, "mounting")).explain(), "free some disk space"},
		{toFailure(failed(stepOther, syscall.ENOSYS, "mounting")).explain(), "Linux 5.12"},
	}
	for _, tt := range tests {
		if problem.Code(tt.err) != int(problem.Environment) || !strings.Contains(problem.Hint(tt.err), tt.want) {
			t.Errorf("%v: code %d, hint %q without %q", tt.err, problem.Code(tt.err), problem.Hint(tt.err), tt.want)
		}
	}
}

func TestPreconditions(t *testing.T) {
	dir := t.TempDir()
	var names []string
	for _, p := range Preconditions(t.Context(), dir) {
		names = append(names, p.Name)
		if !p.OK && !p.Optional || p.Detail == "" {
			t.Errorf("%+v", p)
		}
	}
	if len(names) != 7 {
		t.Errorf("got %q", names)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("the probe left %v", entries)
	}
	for _, p := range Preconditions(t.Context(), filepath.Join(dir, "nonesuch")) {
		if p.Name == "user namespaces" && (p.OK || p.Remedy == "") {
			t.Errorf("%+v", p)
		}
	}
}
