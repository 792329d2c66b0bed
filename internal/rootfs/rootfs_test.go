package rootfs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"dram/internal/rootfs"
)

// tree makes a root: by path, a file's content, "-> target" for a symbolic
// link, and nothing for a directory (whose path ends in a slash).
type tree map[string]string

func (tr tree) open(t *testing.T) *rootfs.DirFS {
	t.Helper()
	dir := t.TempDir()
	for name, content := range tr {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(target, path)
		} else if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(path, 0o755)
		} else {
			err = os.WriteFile(path, []byte(content), 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	fsys, err := rootfs.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fsys.Close() })
	return fsys
}

func linked(t *testing.T) *rootfs.DirFS {
	return tree{
		"usr/bin/mawk":         "mawk",
		"usr/bin/awk":          "-> /etc/alternatives/awk",
		"etc/alternatives/awk": "-> /usr/bin/mawk",
		"bin":                  "-> usr/bin",
		"etc/passwd":           "inside",
		"up":                   "-> ../../../../../../etc/passwd",
		"abs":                  "-> /etc",
		"host":                 "-> /proc/self/environ",
		"a":                    "-> b",
		"b":                    "-> a",
		"dangling":             "-> nowhere",
		"deep":                 "-> abs/../usr/./bin",
	}.open(t)
}

func TestDirFollowsLinksInside(t *testing.T) {
	fsys := linked(t)
	tests := map[string]string{ // name to real name
		"usr/bin/awk": "usr/bin/mawk",
		"bin/awk":     "usr/bin/mawk",
		"up":          "etc/passwd",
		"abs/passwd":  "etc/passwd",
		"deep/mawk":   "usr/bin/mawk",
		"etc/passwd":  "etc/passwd",
	}
	for name, want := range tests {
		got, err := rootfs.Resolve(fsys, "/"+name)
		if err != nil || got != want {
			t.Errorf("Resolve(%q) = %q, %v, want %q", name, got, err, want)
		}
		b, err := rootfs.ReadFile(fsys, name, 100)
		wantBytes, _ := rootfs.ReadFile(fsys, want, 100)
		if err != nil || string(b) != string(wantBytes) {
			t.Errorf("reading %q = %q, %v, want %q", name, b, err, wantBytes)
		}
		if info, err := fsys.Stat(name); err != nil || !info.Mode().IsRegular() {
			t.Errorf("Stat(%q) = %v, %v, want a file", name, info, err)
		}
	}
	if info, err := fsys.Lstat("bin/awk"); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("Lstat of a link behind a link: %v, %v", info, err)
	}
	if target, err := fsys.ReadLink("deep/awk"); err != nil || target != "/etc/alternatives/awk" {
		t.Errorf("ReadLink of a link behind a link: %q, %v", target, err)
	}
	if got, err := rootfs.Resolve(fsys, "/../../usr/lib/../bin/../../etc/passwd"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Resolve through a missing directory = %q, %v, want ErrNotExist", got, err)
	}
}

func TestDirStaysInside(t *testing.T) {
	fsys := linked(t)
	for _, name := range []string{"host", "dangling"} {
		if _, err := fsys.Open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open(%q): %v, want ErrNotExist", name, err)
		}
	}
	if _, err := rootfs.Resolve(fsys, "a/x"); !errors.Is(err, rootfs.ErrLoop) {
		t.Errorf("Resolve of a loop: %v, want ErrLoop", err)
	}
	if _, err := fsys.Stat("a"); err == nil {
		t.Error("Stat of a loop succeeded")
	}
	for _, name := range []string{"../x", "/etc/passwd", "etc/../etc/passwd"} {
		if _, err := fsys.Open(name); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Open(%q): %v, want ErrInvalid", name, err)
		}
	}
}

func TestDirRefusesPipes(t *testing.T) {
	fsys := tree{"etc/": ""}.open(t)
	if err := syscall.Mkfifo(filepath.Join(fsys.Path(), "etc/ld.so.conf"), 0o644); err != nil {
		t.Skip("no named pipes here")
	}
	if _, err := fsys.Open("etc/ld.so.conf"); err == nil {
		t.Error("a named pipe was opened")
	}
	if _, err := rootfs.NewLoader(fsys); err == nil {
		t.Error("a named pipe was read as configuration")
	}
}

func TestTrace(t *testing.T) {
	fsys := linked(t)
	real, links, err := rootfs.Trace(fsys, "bin/awk")
	if err != nil || real != "usr/bin/mawk" {
		t.Fatalf("got %q, %v", real, err)
	}
	want := []rootfs.Link{
		{Path: "bin", Target: "usr/bin"},
		{Path: "usr/bin/awk", Target: "/etc/alternatives/awk"},
		{Path: "etc/alternatives/awk", Target: "/usr/bin/mawk"},
	}
	if diff := cmp.Diff(want, links); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPrograms(t *testing.T) {
	fsys := linked(t)
	if err := os.WriteFile(filepath.Join(fsys.Path(), "usr/bin/data"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	found, missing := rootfs.Programs(fsys, []string{"awk", "data", "nothing", "../etc/passwd"})
	want := []rootfs.Program{{
		Name: "awk", Path: "usr/bin/awk", Real: "usr/bin/mawk",
		Links: []rootfs.Link{
			{Path: "usr/bin/awk", Target: "/etc/alternatives/awk"},
			{Path: "etc/alternatives/awk", Target: "/usr/bin/mawk"},
		},
	}}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"data", "nothing", "../etc/passwd"}, missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
}

func TestMount(t *testing.T) {
	base := tree{
		"etc/passwd":  "base",
		"srv":         "-> /data/srv",
		"data/srv/":   "",
		"lib/found":   "base",
		"current":     "-> /srv/app/x/bin",
		"opt/here/f":  "base",
		"opt/other/f": "base",
	}.open(t)
	sub := tree{"bin/hello": "sub", "lib": "-> /lib", "bin/self": "-> hello"}.open(t)
	u := rootfs.Mount(base, "srv/app/x", sub)
	for name, want := range map[string]string{
		"srv/app/x/bin/hello":      "sub",
		"data/srv/app/x/bin/hello": "sub",
		"current/self":             "sub",
		"srv/app/x/lib/found":      "base",
		"etc/passwd":               "base",
	} {
		if b, err := rootfs.ReadFile(u, name, 100); err != nil || string(b) != want {
			t.Errorf("%q = %q, %v, want %q", name, b, err, want)
		}
	}
	if err := fstest.TestFS(u, "data/srv/app/x/bin/hello", "etc/passwd"); err != nil {
		t.Errorf("the union: %v", err)
	}
	hidden := rootfs.Mount(base, "opt/here", sub)
	if _, err := hidden.Stat("opt/here/f"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what lies below a mount shows: %v", err)
	}
	entries, err := hidden.ReadDir("opt")
	if err != nil || len(entries) != 2 || entries[0].Name() != "here" {
		t.Errorf("ReadDir above a mount = %v, %v", entries, err)
	}
}

func TestDirIsAnFS(t *testing.T) {
	fsys := tree{"usr/bin/sh": "sh", "bin": "-> usr/bin", "etc/x": "y"}.open(t)
	if err := fstest.TestFS(fsys, "usr/bin/sh", "etc/x"); err != nil {
		t.Error(err)
	}
}

func FuzzResolve(f *testing.F) {
	f.Add("usr/bin/sh", "/etc/alternatives/../x", "../../bin")
	f.Add("a/b", "..", "/")
	f.Fuzz(func(t *testing.T, name, first, second string) {
		fsys := tree{"usr/bin/sh": "sh", "etc/": ""}.open(t)
		for at, target := range map[string]string{"etc/a": first, "b": second} {
			_ = os.Symlink(target, filepath.Join(fsys.Path(), at)) // some targets are no names
		}
		real, err := rootfs.Resolve(fsys, name)
		if err == nil && !fs.ValidPath(real) {
			t.Errorf("Resolve(%q) = %q, which is no name in the root", name, real)
		}
	})
}
