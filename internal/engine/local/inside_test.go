package local

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/fsutil"
)

// kept is a directory that steps left things in, with another beside it that
// nothing may touch.
func kept(t *testing.T) (dir, outside string) {
	t.Helper()
	top := t.TempDir()
	dir, outside = filepath.Join(top, "kept"), filepath.Join(top, "outside")
	err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "a/b"), 0o755), os.MkdirAll(filepath.Join(outside, "b"), 0o755),
		os.WriteFile(filepath.Join(dir, "a/b/f"), []byte("inside"), 0o644),
		os.WriteFile(filepath.Join(outside, "b/f"), []byte("outside"), 0o644),
		os.WriteFile(filepath.Join(outside, "f"), []byte("outside"), 0o644),
		os.Symlink("../outside", filepath.Join(dir, "up")), os.Symlink(outside, filepath.Join(dir, "abs")),
		os.Symlink("a", filepath.Join(dir, "in")), os.Symlink("../../../outside/f", filepath.Join(dir, "a/b/out")),
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if got := look(t, outside); !slices.Equal(got, []string{"b drwxr-xr-x", "b/f -rw-r--r-- outside", "f -rw-r--r-- outside"}) {
			t.Errorf("outside there is %q", got)
		}
	})
	return dir, outside
}

// look is what lies in a directory.
func look(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		what := ""
		switch {
		case info.Mode().IsRegular():
			raw, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			what = " " + string(raw)
		case info.Mode()&fs.ModeSymlink != 0:
			to, _ := os.Readlink(name)
			what = " " + to
		}
		out = append(out, fmt.Sprintf("%s %v%s", rel, info.Mode(), what))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPlainDir(t *testing.T) {
	dir, _ := kept(t)
	for _, tt := range []struct{ name, link, kind string }{
		{"a", "", ""},
		{"a/b", "", ""},
		{"up", "up", `symbolic link to "../outside"`},
		{"up/b", "up", `symbolic link to "../outside"`},
		{"in/b", "in", `symbolic link to "a"`},
		{"a/b/f", "a/b/f", "file that is not a directory"},
		{"a/b/f/g", "a/b/f", "file that is not a directory"},
		{"pipe", "pipe", "file that is not a directory"},
	} {
		err := plainDir(dir, tt.name)
		link, _ := errors.AsType[*linkError](err)
		switch {
		case tt.link == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.link != "" && (link == nil || link.name != tt.link || link.kind != tt.kind):
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if err := plainDir(dir, "a/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
	if err := plainDir(filepath.Join(dir, "none"), "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in nothing: %v", err)
	}
}

// What is removed is inside: of a link the link, and nothing that it leads to.
func TestRemoveInside(t *testing.T) {
	for _, tt := range []struct {
		name string
		gone string
	}{
		{"a/b", "a/b"},
		{"a", "a"},
		{"up", "up"},
		{"up/b", "up"},
		{"abs/b/f", "abs"},
		{"in/b", "in"},
		{"a/b/out/x", "a/b/out"},
		{"pipe", "pipe"},
		{"a/b/f", "a/b/f"},
		{"none", ""},
		{"a/none/x", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, _ := kept(t)
			before := look(t, dir)
			if err := removeInside(dir, tt.name); err != nil {
				t.Fatal(err)
			}
			want := slices.DeleteFunc(before, func(line string) bool {
				name, _, _ := strings.Cut(line, " ")
				return tt.gone != "" && (name == tt.gone || strings.HasPrefix(name, tt.gone+"/"))
			})
			if diff := cmp.Diff(want, look(t, dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Steps may leave directories that nobody can write to.
func TestRemoveInsideUnwritable(t *testing.T) {
	dir, _ := kept(t)
	for _, name := range []string{"a/b", "a"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o500); err != nil {
			t.Fatal(err)
		}
	}
	if err := removeInside(dir, "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "a")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestReadInside(t *testing.T) {
	dir, _ := kept(t)
	if err := os.WriteFile(filepath.Join(dir, "large"), make([]byte, 11), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a/b/f": "inside", "in/b/f": "inside", "up/f": "", "abs/f": "", "a/b/out": "", "pipe": "", "large": "", "none": "", "a": ""} {
		raw, err := readInside(dir, name, 10)
		if string(raw) != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", name, raw, err)
		}
	}
	if _, err := readInside(dir, "up/f", 10); !fsutil.Leaves(err) {
		t.Errorf("through a link out: %v", err)
	}
}

// What stands at a name is replaced, whatever it is, and not written through.
func TestReplaceInside(t *testing.T) {
	for _, name := range []string{"a/b/f", "a/b/out", "up", "in", "pipe", "a", "new", "a/new"} {
		dir, _ := kept(t)
		if err := replaceInside(dir, name, []byte("fresh")); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s: %v, %v", name, info, err)
			continue
		}
		if raw, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(raw) != "fresh" {
			t.Errorf("%s: %q, %v", name, raw, err)
		}
	}
	dir, _ := kept(t)
	if err := replaceInside(dir, "up/f", []byte("fresh")); !fsutil.Leaves(err) {
		t.Errorf("through a link out: %v", err)
	}
}

// A copy is like what it was made from, in all that compilers and users compare.
func TestCopyTree(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "to")
	old := time.Date(2020, 5, 4, 3, 2, 1, 0, time.UTC)
	err := errors.Join(
		os.MkdirAll(filepath.Join(from, "d/e"), 0o755),
		os.WriteFile(filepath.Join(from, "d/e/run"), []byte("#!"), 0o755),
		os.WriteFile(filepath.Join(from, "d/secret"), []byte("s"), 0o400),
		os.Symlink("../nowhere", filepath.Join(from, "d/link")),
		os.Chtimes(filepath.Join(from, "d/e/run"), old, old), os.Chtimes(filepath.Join(from, "d/e"), old, old),
		os.Chmod(filepath.Join(from, "d/e"), 0o555),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, top := range []string{from, to} {
			_ = os.Chmod(filepath.Join(top, "d/e"), 0o755)
		}
	})
	if err := CopyTree(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(look(t, from), look(t, to)); diff != "" {
		t.Errorf("(-from +to):\n%s", diff)
	}
	for _, name := range []string{"d/e/run", "d/e"} {
		info, err := os.Stat(filepath.Join(to, name))
		if err != nil || !info.ModTime().Equal(old) {
			t.Errorf("%s is of %v: %v", name, info.ModTime(), err)
		}
	}
	if err := CopyTree(t.Context(), from, to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over files that are there: %v", err)
	}
}

func TestCopyTreeRefuses(t *testing.T) {
	from := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(from, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if err := CopyTree(t.Context(), from, t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a file, a directory or a link") {
		t.Errorf("a socket: %v", err)
	}
}

func TestMove(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	err := errors.Join(
		os.Mkdir(from, 0o755), os.WriteFile(filepath.Join(from, "new"), nil, 0o600),
		os.Mkdir(to, 0o755), os.WriteFile(filepath.Join(to, "old"), nil, 0o600), os.Chmod(to, 0o500),
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := Move(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"new -rw------- "}, look(t, to)); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Lstat(from); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was moved is still there: %v", err)
	}
}
