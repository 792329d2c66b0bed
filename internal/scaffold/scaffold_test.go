package scaffold

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/problem"
)

// tree is the files below a directory, with their contents; directories that
// are empty end in a slash.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		if d.IsDir() {
			if entries, _ := os.ReadDir(p); len(entries) == 0 {
				out[rel+"/"] = ""
			}
			return nil
		}
		text, err := os.ReadFile(p)
		out[rel] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// fill makes files; a name that ends in a slash is a directory.
func fill(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		p := filepath.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(p, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func wanted() []File {
	return []File{
		Whole("docker/a/new", []byte("new\n")),
		Whole("same", []byte("same\n")),
		{Path: "adds", Adds: true, Text: func(old []byte) ([]byte, error) { return append(bytes.Clone(old), "more\n"...), nil }},
		Whole("own", []byte("ours\n")),
	}
}

func TestCompareRefusesAndWrites(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Projekt mit Ümläuten")
	before := map[string]string{"same": "same\n", "adds": "one", "own": "theirs\n"}
	fill(t, dir, before)
	if err := os.Chmod(filepath.Join(dir, "adds"), 0o600); err != nil {
		t.Fatal(err)
	}
	changes, err := Compare(dir, wanted())
	if err != nil {
		t.Fatal(err)
	}
	if err := Refused(changes); problem.Code(err) != 2 || !strings.Contains(err.Error(), "own (it is there, and another)") || strings.Contains(err.Error(), "adds") {
		t.Errorf("refused: %v", err)
	}
	if d := cmp.Diff(before, tree(t, dir)); d != "" {
		t.Errorf("comparing wrote: %s", d)
	}
	if err := Write(dir, changes); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"same": "same\n", "adds": "onemore\n", "own": "ours\n", "docker/a/new": "new\n"}
	if d := cmp.Diff(want, tree(t, dir)); d != "" {
		t.Error(d)
	}
	if info, err := os.Stat(filepath.Join(dir, "adds")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
}

// Whatever fails while it is written, the project is as it was.
func TestWriteIsAllOrNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		upon func(dir string) error // between comparing and writing
		says string
	}{
		{"a file changed meanwhile", func(dir string) error { return os.WriteFile(filepath.Join(dir, "own"), []byte("edited"), 0o600) }, `"own" changed meanwhile`},
		{"a file came meanwhile", func(dir string) error { return os.WriteFile(filepath.Join(dir, "late"), nil, 0o600) }, `"late" changed meanwhile`},
		{"a directory is a file", func(dir string) error { return os.WriteFile(filepath.Join(dir, "z"), nil, 0o600) }, "z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			fill(t, dir, map[string]string{"same": "same\n", "adds": "one", "own": "theirs\n"})
			changes, err := Compare(dir, append(wanted(), Whole("late", []byte("late\n")), Whole("z/z", []byte("z"))))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.upon(dir); err != nil {
				t.Fatal(err)
			}
			before := tree(t, dir)
			err = Write(dir, changes)
			if problem.Code(err) != 1 || problem.Hint(err) == "" || !strings.Contains(err.Error(), c.says) {
				t.Errorf("exit %d: %v", problem.Code(err), err)
			}
			if d := cmp.Diff(before, tree(t, dir)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCompareFollowsNoLink(t *testing.T) {
	for name, make := range map[string]func(dir string) error{
		"a link":               func(dir string) error { return os.Symlink("same", filepath.Join(dir, "own")) },
		"a directory":          func(dir string) error { return os.Mkdir(filepath.Join(dir, "own"), 0o755) },
		"a link out":           func(dir string) error { return os.Symlink(os.TempDir(), filepath.Join(dir, "docker")) },
		"a file of a megabyte": func(dir string) error { return os.WriteFile(filepath.Join(dir, "own"), make1(maxFile+1), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := make(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := Compare(dir, wanted()); problem.Code(err) != 2 || problem.Hint(err) == "" {
				t.Errorf("exit %d: %v", problem.Code(err), err)
			}
		})
	}
}

func make1(n int) []byte { return make([]byte, n) }

func TestUnless(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, map[string]string{".woodpecker.yml": ""})
	f := Whole(".woodpecker/image.yaml", []byte("x"))
	f.Unless = []string{".woodpecker.yaml", ".woodpecker.yml"}
	changes, err := Compare(dir, []File{f})
	if err != nil {
		t.Fatal(err)
	}
	if err := Refused(changes); err == nil || !strings.Contains(err.Error(), ".woodpecker.yml would no longer be read") {
		t.Errorf("refused: %v", err)
	}
}

// git applies the difference to what was there, and what comes out is what
// would have been written.
func TestDiffIsAPatch(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed here")
	}
	patched, written := t.TempDir(), t.TempDir()
	before := map[string]string{"same": "same\n", "adds": "no end of line", "own": strings.Repeat("line\n", 20) + "theirs\n"}
	fill(t, patched, before)
	fill(t, written, before)
	changes, err := Compare(patched, wanted())
	if err != nil {
		t.Fatal(err)
	}
	apply := exec.CommandContext(t.Context(), "git", "apply", "-")
	apply.Dir, apply.Stdin = patched, bytes.NewReader(Diff(changes))
	if out, err := apply.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, Diff(changes))
	}
	if err := Write(written, changes); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(tree(t, written), tree(t, patched)); d != "" {
		t.Error(d)
	}
	names := slices.Sorted(maps.Keys(tree(t, written)))
	if len(names) != 4 {
		t.Errorf("files: %v", names)
	}
}
