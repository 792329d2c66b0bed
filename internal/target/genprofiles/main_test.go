package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"dram/internal/rootfs"
)

// root is a root filesystem of files by path; "-> target" is a link.
func root(t *testing.T, files map[string]string) rootfs.FS {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(at), 0o750)
		if to, link := strings.CutPrefix(text, "-> "); link {
			err = errors.Join(err, os.Symlink(to, at))
		} else {
			err = errors.Join(err, os.WriteFile(at, []byte(text), 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	fsys, err := rootfs.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fsys.Close() })
	return fsys
}

// A library's package is known by the real path of the library, whatever path the
// package's list has it by; what is no library or is not there has none.
func TestOwners(t *testing.T) {
	got, err := owners(root(t, map[string]string{
		"lib":                                     "-> usr/lib",
		"usr/lib/x86_64-linux-gnu/libz.so.1":      "-> libz.so.1.3",
		"usr/lib/x86_64-linux-gnu/libz.so.1.3":    "z",
		"usr/lib/x86_64-linux-gnu/libtinfo.so.6":  "tinfo",
		"usr/bin/zsh":                             "shell",
		"var/lib/dpkg/info/zlib1g:amd64.list":     "/.\n/lib/x86_64-linux-gnu/libz.so.1.3\n/lib/x86_64-linux-gnu/libz.so.1\n/usr/share/doc/zlib1g\n",
		"var/lib/dpkg/info/libtinfo6.list":        "/usr/lib/x86_64-linux-gnu/libtinfo.so.6\n/usr/lib/gone.so.1\n",
		"var/lib/dpkg/info/zsh.list":              "/usr/bin/zsh\n",
		"var/lib/dpkg/info/libtinfo6.md5sums":     "/usr/lib/x86_64-linux-gnu/libz.so.1.3\n",
		"var/lib/dpkg/info/zlib1g:amd64.triggers": "",
	}))
	want := map[string]string{"usr/lib/x86_64-linux-gnu/libz.so.1.3": "zlib1g", "usr/lib/x86_64-linux-gnu/libtinfo.so.6": "libtinfo6"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := owners(root(t, map[string]string{"etc/os-release": ""})); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of no packages: %v", err)
	}
}

// The same profiles are the same bytes, and come back.
func TestCompress(t *testing.T) {
	doc := bytes.Repeat([]byte(`{"glibc": "2.41", "libraries": ["libz.so.1"]}`+"\n"), 2000)
	var written [][]byte
	for _, name := range []string{"one", "two"} {
		at := filepath.Join(t.TempDir(), name)
		if err := compress(at, doc); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(at)
		if err != nil {
			t.Fatal(err)
		}
		written = append(written, raw)
	}
	if !bytes.Equal(written[0], written[1]) {
		t.Error("written twice, the bytes differ")
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if back, err := z.DecodeAll(written[0], nil); err != nil || !bytes.Equal(back, doc) {
		t.Errorf("%d bytes came back of %d, %v", len(back), len(doc), err)
	}
	if err := compress(filepath.Join(t.TempDir(), "none", "x"), doc); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("where nothing can be written: %v", err)
	}
}

// Each library is asked for once, by names that libraries and packages can have.
func TestNamed(t *testing.T) {
	var sonames, packages []string
	for _, n := range named {
		sonames, packages = append(sonames, n.sonames...), append(packages, n.packages...)
		if len(n.sonames) == 0 || len(n.packages) == 0 {
			t.Errorf("%v has no name", n)
		}
	}
	for _, list := range [][]string{sonames, packages} {
		slices.Sort(list)
		if len(slices.Compact(slices.Clone(list))) != len(list) {
			t.Errorf("twice in %v", list)
		}
	}
	for _, name := range sonames {
		if !strings.HasPrefix(name, "lib") || !strings.Contains(name, ".so.") {
			t.Errorf("%q is not the name of a library", name)
		}
	}
}
