package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/problem"
	"dram/internal/rootfs"
	"dram/internal/sandbox"
)

func unpacked(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"etc/passwd": "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\nbroken\n",
		"etc/group":  "root:x:0:\nstaff:x:50:\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestUserOfAnImage(t *testing.T) {
	root, err := rootfs.Dir(unpacked(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	for _, tt := range []struct {
		user     string
		uid, gid int
		code     int
	}{
		{"", 0, 0, 0},
		{"65532:65532", 65532, 65532, 0},
		{"12", 12, 0, 0},
		{"app", 1000, 1001, 0},
		{"app:staff", 1000, 50, 0},
		{"app:7", 1000, 7, 0},
		{"nobody", 0, 0, 2},
		{"app:nogroup", 0, 0, 2},
		{"broken", 0, 0, 2},
	} {
		uid, gid, err := user(root, tt.user)
		if problem.Code(err) != tt.code || (err == nil && (uid != tt.uid || gid != tt.gid)) {
			t.Errorf("user %q: %d:%d, %v; want %d:%d, exit %d", tt.user, uid, gid, err, tt.uid, tt.gid, tt.code)
		}
	}
}

// An image runs as a container engine would run it.
func TestRunSpec(t *testing.T) {
	config := v1.Config{
		Entrypoint: []string{"/app/bin/hello"}, Cmd: []string{"start"}, User: "app", WorkingDir: "/app",
		Env: []string{"LANG=C.UTF-8", "PORT=1"},
	}
	dir := unpacked(t)
	for _, tt := range []struct {
		name    string
		command []string
		want    []string
	}{
		{"no command", nil, []string{"/app/bin/hello", "start"}},
		{"a command of the entrypoint", []string{"eval", "1"}, []string{"/app/bin/hello", "eval", "1"}},
		{"a program", []string{"/bin/sh", "-c", "x"}, []string{"/bin/sh", "-c", "x"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spec, err := runSpec(dir, config, RunOptions{Command: tt.command, Env: []string{"PORT=2", "NEW=3"}})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, spec.Argv); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff([]string{"PATH=" + defaultPath, "HOME=/home/app", "LANG=C.UTF-8", "PORT=2", "NEW=3"}, spec.Env); d != "" {
				t.Error(d)
			}
			if spec.User != 1000 || spec.Group != 1001 || spec.Dir != "/app" || spec.Network != sandbox.Host {
				t.Errorf("spec %+v", spec)
			}
		})
	}
	if _, err := runSpec(dir, v1.Config{}, RunOptions{}); problem.Code(err) != 2 || !strings.Contains(err.Error(), "no command") {
		t.Errorf("an image without a command: %v", err)
	}
}

func TestIsRelease(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"rel/releases/start_erl.data", "app-0.1.0.tar.gz", "notes.txt", "project/mix.exs"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]bool{
		"rel": true, "app-0.1.0.tar.gz": true, "notes.txt": false, "project": false, "absent.tar.gz": false,
	} {
		if got := IsRelease(filepath.Join(dir, name)); got != want {
			t.Errorf("IsRelease(%q) = %v", name, got)
		}
	}
}

// HOME is as container runtimes set it.
func TestHome(t *testing.T) {
	root, err := rootfs.Dir(unpacked(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	empty, err := rootfs.Dir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = empty.Close() }()
	for uid, want := range map[int]string{0: "/root", 1000: "/home/app", 7: "/"} {
		if got := home(root, uid); got != want {
			t.Errorf("HOME of %d is %q, want %q", uid, got, want)
		}
	}
	if got := home(empty, 0); got != "/" {
		t.Errorf("without etc/passwd HOME is %q", got)
	}
}
