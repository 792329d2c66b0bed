package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/problem"
)

var contexts = []struct {
	name   string
	files  []string
	at     string
	beside []string
	want   []string
	notes  string // part of one, "" for none
}{
	{
		name:  "the project and what it takes",
		files: []string{"apps/svc/mix.exs", "apps/svc/lib/a.ex", "apps/svc/_build/x", "apps/other/mix.exs", "libs/x/mix.exs", "libs/x/deps/y", "libs/y/mix.exs", "VERSION", "secret.txt"},
		at:    "apps/svc", beside: []string{"libs/x", "VERSION"},
		want: []string{"VERSION", "apps/svc/lib/a.ex", "apps/svc/mix.exs", "libs/x/mix.exs"},
	},
	{
		name:  "a part in another",
		files: []string{"svc/mix.exs", "libs/x/mix.exs", "libs/x/in/mix.exs"},
		at:    "svc", beside: []string{"libs/x", "libs/x/in"},
		want: []string{"libs/x/in/mix.exs", "libs/x/mix.exs", "svc/mix.exs"},
	},
	{
		name:  "an example in its library",
		files: []string{"mix.exs", "lib/a.ex", "example/mix.exs", "example/_build/x", ".env=A=b", "_build/x"},
		at:    "example", beside: []string{"."},
		want: []string{"example/mix.exs", "lib/a.ex", "mix.exs"},
	},
	{
		name:  "each has its own .dockerignore",
		files: []string{"svc/mix.exs", "svc/.dockerignore=notes\n", "svc/notes", "x/mix.exs", "x/notes"},
		at:    "svc", beside: []string{"x"},
		want: []string{"svc/.dockerignore", "svc/mix.exs", "x/mix.exs", "x/notes"},
	},
	{
		name:  "the context's own, which speaks of the project",
		files: []string{".dockerignore=*\n!svc\n!x\n**/notes\n", "svc/mix.exs", "svc/notes", "x/mix.exs", "x/notes"},
		at:    "svc", beside: []string{"x"},
		want: []string{"svc/mix.exs", "x/mix.exs"},
	},
	{
		name:  "the context's own, which is for something else",
		files: []string{".dockerignore=*\n!frontend\n", "svc/mix.exs", "x/mix.exs"},
		at:    "svc", beside: []string{"x"},
		want: []string{"svc/mix.exs", "x/mix.exs"},
	},
	{
		name:  "links from one part to another",
		files: []string{"svc/mix.exs", "svc/priv/x -> ../../x/priv", "x/mix.exs", "x/priv/data"},
		at:    "svc", beside: []string{"x"},
		want: []string{"svc/mix.exs", "svc/priv/x", "x/mix.exs", "x/priv/data"},
	},
	{
		name:  "links to what is not seen",
		files: []string{"svc/mix.exs", "svc/priv/x -> ../../y", "svc/dev/z -> ../../y", "y", "x/mix.exs"},
		at:    "svc", beside: []string{"x"},
		want:  []string{"svc/dev/z", "svc/mix.exs", "svc/priv/x", "x/mix.exs"},
		notes: "svc/priv/x is a link that leads out of what the build sees, to ../../y",
	},
}

// What is seen of a context: the parts that are named, each by its own rules, and
// nothing beside them.
func TestContext(t *testing.T) {
	for _, c := range contexts {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, c.files...)
			tree := read(t, filepath.Join(dir, c.at), Options{Context: Context{Dir: dir, At: c.at, Beside: c.beside}})
			if diff := cmp.Diff(c.want, paths(tree)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if notes := strings.Join(tree.Notes, "\n"); !strings.Contains(notes, c.notes) || c.notes == "" && notes != "" || strings.Count(notes, "\n") > 0 {
				t.Errorf("notes %q", notes)
			}
			dst := t.TempDir()
			if _, err := Sync(t.Context(), tree, dst); err != nil {
				t.Error(err)
			}
		})
	}
}

// What would have a context hold more than it says is refused.
func TestContextFailures(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, "key.txt")
	for _, c := range []struct {
		name   string
		files  []string
		beside string
		want   string
	}{
		{"a part that is a link out", []string{"x -> " + outside}, "x", `"x" is a symbolic link`},
		{"a part behind a link out", []string{"libs -> " + outside}, "libs/key.txt", `"libs" is a symbolic link`},
		{"a part behind a link inside", []string{"y/mix.exs", "libs -> ."}, "libs/y", `"libs" is a symbolic link`},
		{"a part that is not there", nil, "x", `has no such directory or file`},
		{"a part outside", nil, "../x", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, append(c.files, "svc/mix.exs")...)
			tree, err := Read(t.Context(), filepath.Join(dir, "svc"), Options{Context: Context{Dir: dir, At: "svc", Beside: []string{c.beside}}})
			if err == nil {
				t.Fatalf("it is %q", paths(tree))
			}
			if !strings.Contains(err.Error(), c.want) || c.want != "" && (problem.Code(err) != 2 || problem.Hint(err) == "") {
				t.Errorf("%v (%s)", err, problem.Hint(err))
			}
		})
	}
}

// Paths as the project's tool has them, and files by them.
func TestFrom(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "apps/svc/mix.exs=svc", "libs/x/mix.exs=x", "VERSION=1")
	tree := read(t, filepath.Join(dir, "apps/svc"), Options{Context: Context{Dir: dir, At: "apps/svc", Beside: []string{"libs/x", "VERSION"}}})
	seen := tree.From("apps/svc")
	if diff := cmp.Diff([]string{"../../VERSION", "../../libs/x/mix.exs", "mix.exs"}, paths(seen)); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]string{"mix.exs": "svc", "../../libs/x/mix.exs": "x", "../../VERSION": "1"} {
		if got, err := seen.ReadFile(name, 100); string(got) != want || err != nil {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	if _, err := seen.ReadFile("../../../"+filepath.Base(dir)+"/VERSION", 100); err == nil {
		t.Error("a path led out of the context")
	}
	if tree.From(".") != tree {
		t.Error("a project alone is another")
	}
}

// Links that lead out of the project are carried as they are, and told of only where a
// build may read them.
func TestLinksThatLeave(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "mix.exs", "dev/x.sh -> ../../scripts/x.sh", "docs -> /srv/docs", "lib/a -> ../../x", "priv/b -> /etc/passwd", "test/c.exs -> ../../c.exs", "here -> .", "mix.lock -> ../mix.lock")
	tree := read(t, dir, Options{})
	if diff := cmp.Diff([]string{"dev/x.sh", "docs", "here", "lib/a", "mix.exs", "mix.lock", "priv/b", "test/c.exs"}, paths(tree)); diff != "" {
		t.Error(diff)
	}
	if said := strings.Join(tree.Notes, "\n"); len(tree.Notes) != 3 || !strings.HasPrefix(said, "lib/a is a link") || !strings.Contains(said, "\nmix.lock is a link") || !strings.Contains(said, "\npriv/b is a link") {
		t.Errorf("notes %q", tree.Notes)
	}
	dst := t.TempDir()
	if _, err := Sync(t.Context(), tree, dst); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(filepath.Join(dst, "priv/b")); to != "/etc/passwd" || err != nil {
		t.Errorf("priv/b is %q, %v", to, err)
	}
}
