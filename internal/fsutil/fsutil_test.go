package fsutil

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// within fails the test if f does not return soon.
func within(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("it waits")
	}
}

func TestOnlyRegularFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(
		os.WriteFile(at("file"), []byte("12345"), 0o600),
		syscall.Mkfifo(at("pipe"), 0o600),
		os.Mkdir(at("dir"), 0o700),
		os.Symlink("/dev/zero", at("zero")),
		os.Symlink("pipe", at("to-pipe")),
		os.Symlink("file", at("to-file")),
	); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	for _, name := range []string{"pipe", "dir", "zero", "to-pipe", "socket"} {
		within(t, func() {
			if _, err := Open(at(name)); !errors.Is(err, ErrNotRegular) {
				t.Errorf("Open of %s: %v", name, err)
			}
			if _, err := ReadIn(root, name, 100); err == nil {
				t.Errorf("ReadIn of %s: no error", name)
			}
		})
	}
	for _, name := range []string{"file", "to-file"} {
		for limit, ok := range map[int64]bool{4: false, 5: true} {
			raw, err := ReadIn(root, name, limit)
			if (err == nil) != ok || ok && string(raw) != "12345" {
				t.Errorf("%s, %d bytes: %q, %v", name, limit, raw, err)
			}
		}
	}
	if _, err := ReadIn(root, "zero", 100); !Leaves(err) {
		t.Errorf("of a link out of the root: %v", err)
	}
	if _, err := Open(at("none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of no file: %v", err)
	}
}

func TestLeavingLink(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(
		os.MkdirAll(at("a/b"), 0o700),
		os.Symlink("/", at("a/out")),
		os.Symlink("b", at("a/in")),
		os.Symlink("../../..", at("a/up")),
		os.Symlink("a/out", at("first")),
		os.Symlink("nothing", at("dangling")),
		os.Symlink("/nothing", at("away")),
	); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	for name, want := range map[string]string{
		"a/b/c": "", "a/in/x": "", "a/out": "a/out", "a/out/x/y": "a/out", "a/up/x": "a/up", "first/x": "first",
		"dangling/x": "", "away": "away", "none/x": "",
	} {
		link, target := LeavingLink(root, name)
		if link != want || (target == "") != (want == "") {
			t.Errorf("%s: %q to %q, want %q", name, link, target, want)
		}
	}
}

func TestInside(t *testing.T) {
	for _, tt := range []struct{ dir, name, want string }{
		{"/a/b", "/a/b/c/d", "c/d"},
		{"/a/b", "/a/b", "."},
		{"/a/b", "/a/b/../b/c", "c"},
		{"/a/b", "/a/bc", "-"},
		{"/a/b", "/a", "-"},
		{"/a/b", "/a/b/../../x", "-"},
	} {
		got, err := Inside(tt.dir, tt.name)
		if err != nil {
			got = "-"
			if !strings.Contains(err.Error(), tt.dir) {
				t.Error(err)
			}
		}
		if got != tt.want {
			t.Errorf("%s in %s: %q, want %q", tt.name, tt.dir, got, tt.want)
		}
	}
}
