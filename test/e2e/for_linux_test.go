package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// aged takes the indexes of suites that move, as mirrors that stand still have them.
var aged = []string{"DRAM_EXPIRED_INDEXES=allow"}

// rootOf is a copy of the root of a suite's toolchain, to be run in.
func rootOf(t *testing.T, suite string) string {
	t.Helper()
	from := strings.TrimSpace(dram{args: []string{"toolchain", "root", "distro:" + suite}, env: aged}.ok(t).stdout)
	root := filepath.Join(t.TempDir(), "root")
	if out, err := exec.Command("cp", "-a", "--reflink=auto", from, root).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	write(t, root, "etc/hosts", "127.0.0.1\tlocalhost\n", "dev/null", "")
	return root
}

// muslRoot is a root with a shell that is linked statically, and musl.
func muslRoot(t *testing.T) string {
	t.Helper()
	root := busyboxRoot(t)
	from := strings.TrimSpace(dram{args: []string{"toolchain", "root", "distro:debian/13", "--package", "musl"}}.ok(t).stdout)
	libc, err := os.ReadFile(filepath.Join(from, "usr/lib/x86_64-linux-musl/libc.so"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, root, "lib/ld-musl-x86_64.so.1", string(libc), "etc/alpine-release", "3.22.0\n", "etc/os-release", "ID=alpine\nVERSION_ID=3.22.0\nPRETTY_NAME=\"Alpine Linux v3.22\"\n")
	if err := os.Chmod(filepath.Join(root, "lib/ld-musl-x86_64.so.1"), 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

// tourIn unpacks a release in a root and has it do all that hello does.
func tourIn(t *testing.T, root, tarball, node string) string {
	t.Helper()
	unpackAt(t, tarball, filepath.Join(root, "a place"))
	return enter(t, root, tour, "PORT="+freePort(t), "NODE="+node+freePort(t)+"@localhost", "LANG=C.UTF-8")
}

// A place decides what is built: the system itself, an older one, or a release that
// brings its libraries. What was promised is then run there.
func TestForAPlace(t *testing.T) {
	real(t)
	registry := "registry.invalid/elixir" // which cannot be asked
	for name, tt := range map[string]struct {
		place func(t *testing.T) string
		wants string // what the plan says
		file  string // of the result, behind the name
		tour  bool
	}{
		"Debian 11":           {func(t *testing.T) string { return rootOf(t, "debian/11") }, "distro:debian/11", ".tar.gz", true},
		"forky":               {func(t *testing.T) string { return rootOf(t, "debian/forky") }, "distro:debian/forky", ".tar.gz", true},
		"musl":                {muslRoot, "nothing else will do", "-portable.tar.gz", true},
		"a shell and no libc": {busyboxRoot, "the target lacks a C library", "-portable.tar.gz", true},
		"a profile":           {nil, "distro:debian/12", ".tar.gz", false},
	} {
		t.Run(name, func(t *testing.T) {
			inSample(t, name == "Debian 11" || name == "a profile")
			place, root := "profile:ubuntu/22.04", ""
			if tt.place != nil {
				root = tt.place(t)
				place = "dir:" + root
			}
			dir := project(t, "examples/hello")
			args := []string{dir, "--for", place, "--repository", registry}
			plan := dram{args: append([]string{"plan"}, args...), env: aged}.ok(t).stdout
			if !strings.Contains(plan, tt.wants) {
				t.Errorf("the plan says\n%s", plan)
			}
			built := dram{args: append([]string{"build"}, args...), env: aged}.ok(t)
			want := filepath.Join(dir, "releases/hello/releases/0.1.0/hello"+tt.file)
			if strings.TrimSpace(built.stdout) != want {
				t.Fatalf("it wrote %s, want %s\n%s", built.stdout, want, built.stderr)
			}
			if tt.tour {
				said := strings.ReplaceAll(tourIn(t, root, want, "for"), "od: /dev/urandom: No such file or directory\n", "") // the root has no devices
				if !strings.HasSuffix(said, toured) {
					t.Errorf("it says\n%s", said)
				}
			}
		})
	}
}

// A toolchain that was set and a place that it does not fit are refused before anything
// is built, and what a NIF made on too new a system needs is found after it.
func TestForRefuses(t *testing.T) {
	real(t)
	dir := project(t, "examples/hello")
	dram{args: []string{"build", dir, "--for", "profile:debian/11", "--toolchain", "distro:debian/13"}}.
		fails(t, 2, "what toolchain distro:debian/13 builds does not run on profile:debian/11: the target lacks GLIBC_2.38 of libc.so.6 (it has GLIBC_2.30 at most)", "leave --toolchain out")
	dram{args: []string{"build", dir, "--for", "dir:" + filepath.Join(t.TempDir(), "none")}}.fails(t, 2, "no such file or directory")
	dram{args: []string{"build", dir, "--for", "ssh:nobody.invalid"}}.fails(t, 1, "nobody.invalid")
}

// One executable runs wherever a kernel and a shell are, the second time without
// unpacking anything.
func TestPortableExecutable(t *testing.T) {
	real(t)
	out := dram{args: []string{"build", project(t, "examples/hello"), "--toolchain", "distro:debian/13", "--portable=run"}}.ok(t)
	file := strings.TrimSpace(out.stdout)
	if !strings.HasSuffix(file, "/releases/hello/releases/0.1.0/hello.run") {
		t.Fatalf("it wrote %q", file)
	}
	for name, place := range map[string]func(t *testing.T) string{
		"Debian 11": func(t *testing.T) string { return rootOf(t, "debian/11") }, "Debian 12": func(t *testing.T) string { return rootOf(t, "debian/12") },
		"Debian 13": func(t *testing.T) string { return rootOf(t, "debian/13") }, "musl": muslRoot, "a shell": busyboxRoot,
	} {
		t.Run(name, func(t *testing.T) {
			inSample(t, name == "musl" || name == "a shell")
			root := place(t)
			if r := (dram{args: []string{"check", file, "--target", "dir:" + root}}).run(t); r.code != 0 {
				t.Errorf("the check: %s", r.stdout)
			}
			program, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			write(t, root, "a place/bin/hello", string(program))
			if err := os.Chmod(filepath.Join(root, "a place/bin/hello"), 0o755); err != nil {
				t.Fatal(err)
			}
			env := []string{"PORT=" + freePort(t), "NODE=run" + freePort(t) + "@localhost", "XDG_CACHE_HOME=/tmp/a cache"}
			if said := enter(t, root, tour, env...); !strings.HasSuffix(said, toured) {
				t.Errorf("it says\n%s", said)
			}
		})
	}
}
