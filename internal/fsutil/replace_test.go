package fsutil_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"dram/internal/fsutil"
)

// held are the files in a directory.
func held(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// A file is replaced when the new one is whole, and nothing else is left.
func TestReplace(t *testing.T) {
	broken := errors.New("broken")
	half := func(w io.Writer) error { return errors.Join(text("ha")(w), broken) }
	for _, tt := range []struct {
		name  string
		lay   func(dir string) error
		at    string
		write func(io.Writer) error
		fails string // "" for not at all
		want  string // what the file holds
		left  []string
	}{
		{"a new file", nil, "f", text("new"), "", "new", []string{"f"}},
		{"another in its place", func(dir string) error { return os.WriteFile(dir+"/f", []byte("old"), 0o400) }, "f", text("new"), "", "new", []string{"f"}},
		{"a link in its place", func(dir string) error { return os.Symlink("/nonexistent", dir+"/f") }, "f", text("new"), "", "new", []string{"f"}},
		{"one below", func(dir string) error { return os.Mkdir(dir+"/d", 0o700) }, "d/f", text("new"), "", "new", []string{"d"}},
		{"half of one", func(dir string) error { return os.WriteFile(dir+"/f", []byte("old"), 0o600) }, "f", half, "broken", "old", []string{"f"}},
		{"half of a new one", nil, "f", half, "broken", "", nil},
		{"a directory in its place", func(dir string) error { return os.MkdirAll(dir+"/f/x", 0o700) }, "f", text("new"), "rename", "", []string{"f"}},
		{"no directory", nil, "d/f", text("new"), "no such file", "", nil},
		{"a directory that is a link out", func(dir string) error { return os.Symlink(os.TempDir(), dir+"/d") }, "d/f", text("new"), "escapes", "", []string{"d"}},
		{"above", nil, "../f", text("new"), "escapes", "", nil},
	} {
		for _, how := range []fsutil.Durability{fsutil.Whole, fsutil.Kept} {
			t.Run(tt.name, func(t *testing.T) {
				dir := t.TempDir()
				if tt.lay != nil {
					if err := tt.lay(dir); err != nil {
						t.Fatal(err)
					}
				}
				root, err := fsutil.OpenRoot(dir)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = root.Close() }()
				err = fsutil.Replace(root, tt.at, 0o640, how, tt.write)
				if (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("%v, want %q", err, tt.fails)
				}
				if got, _ := os.ReadFile(filepath.Join(dir, tt.at)); string(got) != tt.want {
					t.Errorf("it holds %q, want %q", got, tt.want)
				}
				if info, err := os.Lstat(filepath.Join(dir, tt.at)); tt.fails == "" && (err != nil || info.Mode() != 0o640) {
					t.Errorf("its mode is %v (%v)", info.Mode(), err)
				}
				if left := held(t, dir); !slices.Equal(left, tt.left) {
					t.Errorf("the directory holds %q, want %q", left, tt.left)
				}
			})
		}
	}
}

// Several files take their places together; one that is discarded never does.
func TestDrafts(t *testing.T) {
	dir := t.TempDir()
	root, err := fsutil.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	var drafts []*fsutil.Draft
	for _, name := range []string{"a", "b", "c"} {
		d, err := fsutil.NewDraft(root, name, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(text(name)(d), d.Finish(fsutil.Kept)); err != nil {
			t.Fatal(err)
		}
		drafts = append(drafts, d)
	}
	for _, name := range held(t, dir) {
		if !strings.HasPrefix(name, ".") {
			t.Errorf("%s has its name too soon", name)
		}
	}
	if err := errors.Join(drafts[0].Commit(), drafts[1].Commit()); err != nil {
		t.Fatal(err)
	}
	for _, d := range drafts {
		d.Discard()
	}
	if got := held(t, dir); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("the directory holds %q", got)
	}
}

// What a killed run left beside a file goes with the next one; what another run
// writes this moment, and what is no file of dram's, stays.
func TestKilledRunsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	beside := func(name string) *os.File {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	_ = beside(".a.tar.KILLED.tmp").Close()
	_ = beside(".b.tar.KILLED.tmp").Close()
	if err := unix.Flock(int(beside(".a.tar.WRITTEN.tmp").Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, ".a.tar.PIPE.tmp"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := fsutil.ReplaceAt(filepath.Join(dir, "a.tar"), 0o644, fsutil.Kept, text("x")); err != nil {
		t.Fatal(err)
	}
	if got := held(t, dir); !slices.Equal(got, []string{".a.tar.PIPE.tmp", ".a.tar.WRITTEN.tmp", ".b.tar.KILLED.tmp", "a.tar"}) {
		t.Errorf("the directory holds %q", got)
	}
	if err := fsutil.ReplaceAt(filepath.Join(dir, "a.tar", "x"), 0o644, fsutil.Kept, text("x")); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file in a file: %v", err)
	}
}
