// Package tooltest helps the tests of tools.
package tooltest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"
)

// Shells are the shells there are on this machine, of those that images have:
// what runs a script is each and "-c".
func Shells(t *testing.T) [][]string {
	t.Helper()
	var out [][]string
	for _, argv := range [][]string{{"dash"}, {"busybox", "sh"}, {"bash", "--posix"}, {"sh"}} {
		if _, err := exec.LookPath(argv[0]); err == nil {
			out = append(out, argv)
		}
	}
	if len(out) == 0 {
		t.Skip("no shell here")
	}
	return out
}

// Tree writes files, given as "-- name --" sections, to a new directory.
func Tree(t *testing.T, sections string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(sections)).Files {
		Put(t, dir, f.Name, string(f.Data))
	}
	return dir
}

// Put writes a file of a directory.
func Put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
