package source

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/moby/patternmatcher"

	"dram/internal/problem"
	"dram/internal/store"
)

// write makes files of the names given; "name -> target" is a link, "name!" is
// executable. Each file's content is its name unless given after "=".
func write(t testing.TB, dir string, names ...string) {
	t.Helper()
	for _, n := range names {
		name, target, isLink := strings.Cut(n, " -> ")
		name, content, has := strings.Cut(name, "=")
		mode := fs.FileMode(0o644)
		if bare, ok := strings.CutSuffix(name, "!"); ok {
			name, mode = bare, 0o755
		}
		if !has {
			content = name
		}
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil && isLink {
			err = os.Symlink(target, path)
		} else if err == nil {
			err = os.WriteFile(path, []byte(content), mode)
		}
		if err == nil && !isLink {
			err = os.Chmod(path, mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func read(t testing.TB, dir string, opt Options) *Tree {
	t.Helper()
	tree, err := Read(t.Context(), dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func paths(tree *Tree) []string {
	var all []string
	for _, f := range tree.Files {
		all = append(all, f.Path)
	}
	return all
}

func TestWhichFilesGoIn(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		opt   Options
		want  []string
	}{
		{
			name: "the default",
			files: []string{
				"mix.exs", "lib/a b.ex", "lib/größe.ex", "priv/static/app.js", ".formatter.exs", ".git/HEAD", "_build/x", "deps/y/z",
				"assets/node_modules/m/i.js", "assets/js/app.js", "erl_crash.dump", ".env", ".env.prod", "releases/a/b", "cover/x.html",
				"priv/nif.so", "c_src/nif.c", "c_src/nif.o", "lib/deps/kept.ex", "lib/_build/kept.ex", "Dockerfile", "apps/b/mix.exs", "apps/b/_build/x", "apps/b/deps/x",
				"apps/b/lib/_build/kept.ex", "libs/c/mix.exs", "libs/c/deps/x", "priv/linux/nif.so", "x.ez", ".DS_Store", "lib/.DS_Store",
			},
			want: []string{
				".formatter.exs", "apps/b/lib/_build/kept.ex", "apps/b/mix.exs", "assets/js/app.js", "c_src/nif.c", "lib/_build/kept.ex", "lib/a b.ex", "lib/deps/kept.ex", "lib/größe.ex", "libs/c/mix.exs", "mix.exs", "priv/static/app.js",
			},
		},
		{
			name: "a .dockerignore replaces the default, but for _build, deps and releases",
			files: []string{
				".dockerignore=# all but\n*\n!lib\n!mix.exs\n!deps\n!_build\n!releases\nlib/secret*\n!lib/secret.pub\n", "mix.exs", "lib/a.ex",
				"lib/secret.key", "lib/secret.pub", "README", "deps/a/b", "_build/c", "releases/d", ".git/HEAD",
			},
			want: []string{"lib/a.ex", "lib/secret.pub", "mix.exs"},
		},
		{
			name:  "exceptions below ignored directories",
			files: []string{".dockerignore=/priv\n!priv/keep/**/*.txt\n!priv/one\n", "mix.exs", "priv/a", "priv/keep/x/y.txt", "priv/keep/z.bin", "priv/one", "priv/two/a.txt"},
			want:  []string{".dockerignore", "mix.exs", "priv/keep/x/y.txt", "priv/one"},
		},
		{
			name:  "an empty .dockerignore",
			files: []string{".dockerignore=", "mix.exs", ".git/HEAD", "node_modules/a", "_build/b"},
			want:  []string{".dockerignore", "mix.exs", "node_modules/a"},
		},
		{
			name:  "an output folder of another name",
			files: []string{"mix.exs", "out/a", "outer/b"},
			opt:   Options{Output: "out"},
			want:  []string{"mix.exs", "outer/b"},
		},
		{
			name:  "links",
			files: []string{"mix.exs", "a -> mix.exs", "lib/b -> ../mix.exs", "lib/dir -> ../lib", "dangling -> nowhere/at/all", "loop -> loop"},
			want:  []string{"a", "dangling", "lib/b", "lib/dir", "loop", "mix.exs"},
		},
		{
			name:  "a link that leaves the project, ignored",
			files: []string{".dockerignore=out\n.dockerignore\n", "mix.exs", "out -> /etc/passwd"},
			want:  []string{"mix.exs"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, c.files...)
			if diff := cmp.Diff(c.want, paths(read(t, dir, under(dir, c.opt)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// under makes the output folder of opt one of dir.
func under(dir string, opt Options) Options {
	if opt.Output != "" {
		opt.Output = filepath.Join(dir, opt.Output)
	}
	return opt
}

func TestReadFailures(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		code  int
		want  string
	}{
		{"a bad pattern", []string{".dockerignore=lib/[a\n", "lib/b"}, 2, `pattern "lib/[a"`},
		{"an exception of nothing", []string{".dockerignore=!\n"}, 2, `illegal exclusion pattern`},
		{"an endless .dockerignore", []string{".dockerignore=" + strings.Repeat("a\n", 600_000)}, 2, "larger than 1048576 bytes"},
		{".dockerignore leads out", []string{".dockerignore -> /etc/hosts"}, 2, "reading .dockerignore"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, c.files...)
			_, err := Read(t.Context(), dir, Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) || problem.Code(err) != c.code || problem.Hint(err) == "" {
				t.Errorf("code %d, error %v, hint %q", problem.Code(err), err, problem.Hint(err))
			}
		})
	}
	if _, err := Read(t.Context(), filepath.Join(t.TempDir(), "none"), Options{}); problem.Code(err) != 2 {
		t.Errorf("no directory: %v", err)
	}
}

func TestUnreadableFile(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads every file")
	}
	dir := t.TempDir()
	write(t, dir, "mix.exs", "secret")
	if err := os.Chmod(filepath.Join(dir, "secret"), 0); err != nil {
		t.Fatal(err)
	}
	_, err := Read(t.Context(), dir, Options{})
	if err == nil || !strings.Contains(err.Error(), `"secret" cannot be read`) || problem.Code(err) != 2 {
		t.Error(err)
	}
}

func TestSpecialFilesAreSkippedWithANote(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "mix.exs")
	l, err := net.Listen("unix", filepath.Join(dir, "s")) //nolint:noctx // a socket in the file system, nothing to wait for
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tree := read(t, dir, Options{})
	if diff := cmp.Diff([]string{"mix.exs"}, paths(tree)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"s is left out: it is a socket"}, tree.Notes); diff != "" {
		t.Error(diff)
	}
}

func TestDigestGoesByNamesContentsAndTheExecutableBit(t *testing.T) {
	base := []string{"mix.exs", "lib/a.ex", "bin/x!", "l -> mix.exs"}
	digest := func(t *testing.T, change func(dir string)) store.Digest {
		t.Helper()
		dir := t.TempDir()
		write(t, dir, base...)
		change(dir)
		return read(t, dir, Options{}).Digest()
	}
	want := digest(t, func(string) {})
	same := map[string]func(dir string){
		"times":           func(dir string) { chtimes(t, dir, "lib/a.ex", time.Unix(1, 0)) },
		"umask":           func(dir string) { chmod(t, dir, "lib/a.ex", 0o600); chmod(t, dir, "bin/x", 0o700) },
		"an ignored file": func(dir string) { write(t, dir, "_build/x") },
		"an empty directory": func(dir string) {
			if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, change := range same {
		if got := digest(t, change); got != want {
			t.Errorf("%s changed the digest", name)
		}
	}
	for name, change := range map[string]func(dir string){
		"content":      func(dir string) { write(t, dir, "lib/a.ex=lib/b.ex") },
		"executable":   func(dir string) { chmod(t, dir, "lib/a.ex", 0o755) },
		"a file":       func(dir string) { write(t, dir, "new") },
		"name":         func(dir string) { rename(t, dir, "lib/a.ex", "lib/b.ex") },
		"link":         func(dir string) { remove(t, dir, "l"); write(t, dir, "l -> lib") },
		"link to file": func(dir string) { remove(t, dir, "l"); write(t, dir, "l=mix.exs") },
	} {
		if got := digest(t, change); got == want {
			t.Errorf("%s did not change the digest", name)
		}
	}
}

func chmod(t testing.TB, dir, name string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
		t.Fatal(err)
	}
}

func chtimes(t testing.TB, dir, name string, at time.Time) {
	t.Helper()
	if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
		t.Fatal(err)
	}
}

func rename(t testing.TB, dir, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
		t.Fatal(err)
	}
}

func remove(t testing.TB, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// An edit that keeps size and modification time must be seen, with the cache
// too, however quickly it follows.
func TestCacheSeesEveryEdit(t *testing.T) {
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, "a=old", "b=same")
	chtimes(t, dir, "a", time.Unix(1_000_000, 0))
	opt := Options{Store: s}
	before := read(t, dir, opt).Digest()
	write(t, dir, "a=new")
	chtimes(t, dir, "a", time.Unix(1_000_000, 0))
	if after := read(t, dir, opt).Digest(); after == before {
		t.Error("the edit was not seen")
	}
}

func TestCacheIsUsedAndForgets(t *testing.T) {
	if _, ok := stampOf(&File{info: stat(t, t.TempDir())}); !ok {
		t.Skip("no change time on this system")
	}
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, "a", "b")
	time.Sleep(racy + 50*time.Millisecond)
	want := read(t, dir, Options{Store: s})
	c := loadHashes(s, dir)
	if len(c.seen) != 2 {
		t.Fatalf("remembered %v", c.seen)
	}
	if diff := cmp.Diff(want, read(t, dir, Options{Store: s}), cmpopts.IgnoreUnexported(File{}, Tree{})); diff != "" {
		t.Error(diff)
	}
	remove(t, dir, "b")
	read(t, dir, Options{Store: s})
	if c := loadHashes(s, dir); len(c.seen) != 1 {
		t.Errorf("remembers %v", c.seen)
	}
}

func stat(t testing.TB, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func many(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for i := range 1000 {
		write(t, dir, fmt.Sprintf("lib/app%d/m%d.ex=%s", i%10, i, strings.Repeat("defmodule x\n", 100)))
	}
	return dir
}

func BenchmarkRead1000(b *testing.B) {
	dir := many(b)
	for b.Loop() {
		read(b, dir, Options{})
	}
}

func BenchmarkRead1000Cached(b *testing.B) {
	s, err := store.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	dir := many(b)
	time.Sleep(racy)
	read(b, dir, Options{Store: s})
	for b.Loop() {
		read(b, dir, Options{Store: s})
	}
}

func FuzzIgnoreFile(f *testing.F) {
	f.Add("*\n!lib\nlib/**/x?[a-z]\n# c\n \n/abs\n!\n", "lib/a/xyb")
	f.Add("a\\*b\n**/\n./..\n[", "a*b")
	f.Fuzz(func(t *testing.T, text, name string) {
		m, err := parseIgnore([]byte(text))
		if err != nil || name == "" {
			return
		}
		out, _, err := m.below(name, patternmatcher.MatchInfo{})
		if err == nil && out && !slices.ContainsFunc(m.patterns.Patterns(), func(p *patternmatcher.Pattern) bool { return !p.Exclusion() }) {
			t.Fatalf("%q is left out without a pattern", name)
		}
	})
}
