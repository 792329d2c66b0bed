package rootfs

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// What one system call opens is what os.Root would open, and nothing else.
func TestQuickOpensWhatHasNoLinkOnTheWay(t *testing.T) {
	top := t.TempDir()
	root := filepath.Join(top, "root")
	for name, text := range map[string]string{"secret": "outside", "root/a/b/file": "inside", "root/file": "inside"} {
		at := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"root/out": "../secret", "root/abs": filepath.Join(top, "secret"), "root/up": "..", "root/in": "a/b"} {
		if err := os.Symlink(to, filepath.Join(top, name)); err != nil {
			t.Fatal(err)
		}
	}
	d, err := Dir(root)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for name, opens := range map[string]bool{
		"a/b/file": true, "file": true, "a": true, ".": true,
		"out": false, "abs": false, "up/secret": false, "in/file": false, "../secret": false, "a/../../secret": false, "a/b/none": false,
		"/etc/passwd": false, "/proc/self/environ": false,
	} {
		f, ok := d.quick.open(name)
		if ok != opens {
			t.Errorf("%s: opened %t, want %t", name, ok, opens)
		}
		if ok {
			text, _ := io.ReadAll(f)
			if string(text) == "outside" {
				t.Errorf("%s: read from outside", name)
			}
			_ = f.Close()
		}
	}
	f, err := d.Open("in/file") // by the other way
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if text, err := io.ReadAll(f); string(text) != "inside" {
		t.Errorf("%q, %v", text, err)
	}
}
