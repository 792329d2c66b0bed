package untar_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/store"
	"dram/internal/untar"
)

var when = time.Unix(1_600_000_000, 0)

func file(name, content string, mode int64) *entry {
	return &entry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: mode, Size: int64(len(content)), ModTime: when}, content}
}

func dir(name string, mode int64) *entry {
	return &entry{tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: mode, ModTime: when}, ""}
}

func link(typ byte, name, target string) *entry {
	return &entry{tar.Header{Name: name, Typeflag: typ, Linkname: target, Mode: 0o777}, ""}
}

func symlink(name, target string) *entry  { return link(tar.TypeSymlink, name, target) }
func hardlink(name, target string) *entry { return link(tar.TypeLink, name, target) }

type entry struct {
	tar.Header
	content string
}

func archive(t testing.TB, entries ...*entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// list is a tree as lines: mode, path, and content or target.
func list(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		switch {
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(p)
			out = append(out, rel+" -> "+target)
			return err
		case d.IsDir():
			out = append(out, fmt.Sprintf("%s/ %v", rel, info.Mode()))
		default:
			b, err := os.ReadFile(p)
			out = append(out, fmt.Sprintf("%s %v %q", rel, info.Mode(), b))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// box is an empty directory to unpack into, below one whose content must stay
// as it is.
func box(t testing.TB) (outer, inner string) {
	t.Helper()
	outer = t.TempDir()
	inner = filepath.Join(outer, "root")
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(outer, "passwd"), []byte("outside"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.RemoveAll(inner) })
	return outer, inner
}

// fill is the tree of an empty directory.
func fill(t testing.TB, dir string) *untar.Tree {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	tree, err := untar.NewTree(root)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func intact(t testing.TB, outer string) {
	t.Helper()
	entries, err := os.ReadDir(outer)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(outer, "passwd"))
	if err != nil || string(b) != "outside" || len(entries) != 2 {
		t.Errorf("the directory outside changed: %v, %q, %v", entries, b, err)
	}
}

func TestExtract(t *testing.T) {
	type layers [][]*entry
	tests := map[string]struct {
		layers layers
		opts   untar.Options
		want   []string
	}{
		"files, directories, links and modes": {
			layers: layers{{
				dir("./", 0o700), dir("d/", 0o750), file("d/f", "one", 0o640), symlink("d/s", "/d/f"), hardlink("h", "d/f"),
				dir("tmp", 0o1777), file("su", "", 0o6755), file("/implied/dir/f", "two", 0o400),
			}},
			want: []string{
				"d/ drwxr-x---", `d/f -rw-r----- "one"`, "d/s -> /d/f", `h -rw-r----- "one"`, "implied/ drwxr-xr-x",
				"implied/dir/ drwxr-xr-x", `implied/dir/f -r-------- "two"`, `su -rwxr-xr-x ""`, "tmp/ dtrwxrwxrwx",
			},
		},
		"later entries replace earlier ones": {
			layers: layers{{
				file("a", "1", 0o644), dir("b", 0o755), file("b/c", "2", 0o644), symlink("l", "b"), dir("kept", 0o700), file("kept/f", "3", 0o600),
			}, {
				dir("a", 0o755), file("a/x", "4", 0o644), file("b", "5", 0o644), dir("l", 0o755), file("l/y", "6", 0o644), dir("kept", 0o755),
			}},
			want: []string{
				"a/ drwxr-xr-x", `a/x -rw-r--r-- "4"`, `b -rw-r--r-- "5"`, "kept/ drwxr-xr-x", `kept/f -rw------- "3"`,
				"l/ drwxr-xr-x", `l/y -rw-r--r-- "6"`,
			},
		},
		"replacing one name of a file leaves the other": {
			layers: layers{{file("a", "1", 0o644), hardlink("b", "a")}, {file("a", "2", 0o600)}},
			want:   []string{`a -rw------- "2"`, `b -rw-r--r-- "1"`},
		},
		"unwritable directories": {
			layers: layers{
				{dir("ro", 0o555), dir("ro/in", 0o500), file("ro/in/f", "1", 0o444)},
				{file("ro/in/g", "2", 0o444)},
				{dir("ro/in", 0o511), file("ro/h", "3", 0o400)},
			},
			want: []string{
				"ro/ dr-xr-xr-x", `ro/h -r-------- "3"`, "ro/in/ dr-x--x--x", `ro/in/f -r--r--r-- "1"`, `ro/in/g -r--r--r-- "2"`,
			},
		},
		"an unwritable directory is removed": {
			layers: layers{{dir("ro", 0o555), dir("ro/in", 0o555), file("ro/in/f", "1", 0o444)}, {file("ro", "2", 0o644)}},
			want:   []string{`ro -rw-r--r-- "2"`},
		},
		"links to directories are followed inside": {
			layers: layers{
				{dir("usr/lib", 0o755), symlink("lib", "usr/lib"), symlink("abs", "/usr/lib"), symlink("up", "../../../../usr")},
				{file("lib/a", "1", 0o644), file("abs/b", "2", 0o644), file("up/lib/c", "3", 0o644), hardlink("lib/d", "abs/a")},
			},
			want: []string{
				"abs -> /usr/lib", "lib -> usr/lib", "up -> ../../../../usr", "usr/ drwxr-xr-x", "usr/lib/ drwxr-xr-x",
				`usr/lib/a -rw-r--r-- "1"`, `usr/lib/b -rw-r--r-- "2"`, `usr/lib/c -rw-r--r-- "3"`, `usr/lib/d -rw-r--r-- "1"`,
			},
		},
		"a link planted as a parent leads to the inside": {
			layers: layers{{symlink("evil", "../"), file("evil/passwd", "inside", 0o644), symlink("evil2", "/../.."), file("evil2/x", "in", 0o644)}},
			want:   []string{"evil -> ../", "evil2 -> /../..", `passwd -rw-r--r-- "inside"`, `x -rw-r--r-- "in"`},
		},
		"a link planted as the file itself is replaced": {
			layers: layers{{symlink("f", "../passwd"), file("f", "inside", 0o644)}},
			want:   []string{`f -rw-r--r-- "inside"`},
		},
		"whiteouts": {
			layers: layers{
				{file("a", "1", 0o644), dir("d", 0o755), file("d/x", "2", 0o644), file("d/y", "3", 0o644), file("o/old/f", "4", 0o644), file("o/g", "5", 0o644)},
				{
					file(".wh.a", "", 0), file("d/.wh.x", "", 0), file("d/.wh.nothing", "", 0), file("o/new", "6", 0o644),
					file("o/old/kept", "7", 0o644), file("o/.wh..wh..opq", "", 0), file("o/after", "8", 0o644), file(".wh..wh.plnk", "", 0),
					file("both", "9", 0o644), file(".wh.both", "", 0),
				},
			},
			opts: untar.Options{Whiteouts: true},
			want: []string{
				`both -rw-r--r-- "9"`, "d/ drwxr-xr-x", `d/y -rw-r--r-- "3"`, "o/ drwxr-xr-x", `o/after -rw-r--r-- "8"`,
				`o/new -rw-r--r-- "6"`, "o/old/ drwxr-xr-x", `o/old/kept -rw-r--r-- "7"`,
			},
		},
		"without the option, whiteouts are files": {
			layers: layers{{file(".wh.a", "1", 0o644)}}, want: []string{`.wh.a -rw-r--r-- "1"`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			outer, inner := box(t)
			tree := fill(t, inner)
			for i, l := range tt.layers {
				if _, err := tree.Extract(t.Context(), bytes.NewReader(archive(t, l...)), tt.opts); err != nil {
					t.Fatalf("archive %d: %v", i, err)
				}
			}
			if err := tree.Finish(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, list(t, inner)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			intact(t, outer)
		})
	}
}

func TestExtractReports(t *testing.T) {
	_, inner := box(t)
	device := &entry{tar.Header{Name: "dev/null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, ""}
	pipe := &entry{tar.Header{Name: "pipe", Typeflag: tar.TypeFifo}, ""}
	got, err := untar.Extract(t.Context(), bytes.NewReader(archive(t, device, pipe, file("f", "abc", 0o644))), inner, untar.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := untar.Result{
		Entries: 3, Bytes: 3,
		Skipped: []untar.Skipped{{Path: "dev/null", Kind: "character device"}, {Path: "pipe", Kind: "named pipe"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	info, err := os.Stat(filepath.Join(inner, "f"))
	if err != nil || !info.ModTime().Equal(when) {
		t.Errorf("time is %v, want %v (%v)", info.ModTime(), when, err)
	}
}

func TestExtractRefuses(t *testing.T) {
	raw := func(e ...*entry) []byte { return archive(t, e...) }
	deep := strings.Repeat("d/", 300)
	chain := []*entry{symlink("l0", ".")}
	for i := range 50 {
		chain = append(chain, symlink(fmt.Sprintf("l%d", i+1), fmt.Sprintf("l%d", i)))
	}
	zeros := raw(&entry{tar.Header{Name: "bomb", Typeflag: tar.TypeReg, Size: 4096}, strings.Repeat("\x00", 4096)})
	tests := map[string]struct {
		tar  []byte
		opts untar.Options
		want error
	}{
		"a name with ..":              {raw(file("a/../../passwd", "x", 0o644)), untar.Options{}, untar.ErrName},
		"a hard link with ..":         {raw(hardlink("a", "../passwd")), untar.Options{}, untar.ErrName},
		"a hard link to nothing":      {raw(hardlink("a", "b")), untar.Options{}, fs.ErrNotExist},
		"a hard link to a directory":  {raw(dir("d", 0o755), hardlink("a", "d")), untar.Options{}, untar.ErrName},
		"a hard link through a link":  {raw(symlink("s", "../"), hardlink("a", "s/passwd")), untar.Options{}, fs.ErrNotExist},
		"a file as a directory":       {raw(file("a", "", 0o644), file("a/b", "", 0o644)), untar.Options{}, untar.ErrName},
		"more bytes than allowed":     {zeros, untar.Options{MaxBytes: 4095}, untar.ErrLimit},
		"more entries than allowed":   {raw(file("a", "", 0), file("b", "", 0)), untar.Options{MaxEntries: 1}, untar.ErrLimit},
		"300 directories deep":        {raw(dir(deep, 0o755)), untar.Options{}, untar.ErrName},
		"a name of 5000 bytes":        {raw(file(strings.Repeat("long/", 1000)+"f", "", 0o644)), untar.Options{}, untar.ErrName},
		"a loop of links":             {raw(symlink("a", "b"), symlink("b", "a"), file("a/f", "", 0o644)), untar.Options{}, untar.ErrName},
		"50 links on the way":         {raw(append(chain, file("l50/f", "", 0o644))...), untar.Options{}, untar.ErrName},
		"a whiteout of ..":            {raw(file(".wh...", "", 0)), untar.Options{Whiteouts: true}, untar.ErrName},
		"an absolute link":            {raw(symlink("a", "/etc/passwd")), untar.Options{LinksInside: true}, untar.ErrName},
		"a link that leads out":       {raw(symlink("d/a", "../../passwd")), untar.Options{LinksInside: true}, untar.ErrName},
		"cut short":                   {zeros[:1000], untar.Options{}, io.ErrUnexpectedEOF},
		"no archive":                  {bytes.Repeat([]byte("not a tar "), 100), untar.Options{}, tar.ErrHeader},
		"a type that nobody knows":    {raw(&entry{tar.Header{Name: "a", Typeflag: 'Z'}, ""}), untar.Options{}, tar.ErrHeader},
		"endless headers for one":     {bytes.Repeat(raw(&entry{tar.Header{Name: strings.Repeat("n", 300), Typeflag: tar.TypeReg}, ""})[:1024], 20), untar.Options{MaxBytes: 1, MaxEntries: 1}, untar.ErrLimit},
		"a link without links around": {raw(symlink("ok", "b"), symlink("d/a", "..//../x")), untar.Options{LinksInside: true}, untar.ErrName},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			outer, inner := box(t)
			_, err := untar.Extract(t.Context(), bytes.NewReader(tt.tar), inner, tt.opts)
			if !errors.Is(err, tt.want) {
				t.Errorf("got error %v, want %v", err, tt.want)
			}
			intact(t, outer)
		})
	}
}

func TestExtractStopsWhenCancelled(t *testing.T) {
	_, inner := box(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := untar.Extract(ctx, bytes.NewReader(archive(t, file("a", "", 0o644))), inner, untar.Options{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(archive(f, dir("d", 0o555), file("d/f", "1", 0o644), symlink("s", "../"), file("s/passwd", "x", 0o644)), true)
	f.Add(archive(f, file("a", "1", 0o644), hardlink("b", "a"), file(".wh.a", "", 0), file(".wh..wh..opq", "", 0)), true)
	f.Add(archive(f, symlink("a", "/"), symlink("a/b", "a"), dir("a/b/c", 0), file("a/b/c/d", "", 0)), false)
	f.Fuzz(func(t *testing.T, b []byte, whiteouts bool) {
		outer, inner := box(t)
		opts := untar.Options{Whiteouts: whiteouts, MaxBytes: 1 << 16, MaxEntries: 100}
		got, err := untar.Extract(t.Context(), bytes.NewReader(b), inner, opts)
		if err == nil && got.Bytes > opts.MaxBytes {
			t.Errorf("%d bytes, more than allowed", got.Bytes)
		}
		intact(t, outer)
	})
}
