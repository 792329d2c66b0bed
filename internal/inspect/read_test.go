package inspect

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
)

type entry struct {
	name, body string
	kind       byte
}

func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Typeflag: e.kind, Size: int64(len(e.body))}
		if e.kind == tar.TypeSymlink || e.kind == tar.TypeLink {
			h.Linkname, h.Size = e.body, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(e.body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Later layers replace and remove what earlier ones have.
func TestLayers(t *testing.T) {
	r := newReader(t.Context(), "x")
	for i, l := range [][]entry{
		{{"a/one", "1", tar.TypeReg}, {"a/two", "22", tar.TypeReg}, {"b", "333", tar.TypeReg}, {"d/x", "4444", tar.TypeReg}, {"e/y", "55555", tar.TypeReg}},
		{{"a/.wh.one", "", tar.TypeReg}, {"b", "4", tar.TypeReg}, {"d", "now a file", tar.TypeReg}, {"e/.wh..wh..opq", "", tar.TypeReg}, {"e/z", "z", tar.TypeReg}, {"c", "b", tar.TypeLink}},
	} {
		if err := r.tar(i, bytes.NewReader(archive(t, l...))); err != nil {
			t.Fatal(err)
		}
	}
	got := r.finish()
	var names []string
	for _, f := range got.Files {
		names = append(names, f.Path)
	}
	if want := "a/two b c d e/z"; strings.Join(names, " ") != want || got.Hidden != 1+3+4+5 || got.Size != 2+1+10+1 {
		t.Errorf("%q, hidden %d, size %d", names, got.Hidden, got.Size)
	}
}

// Names that lead out, loops and what is no release do no harm.
func TestHostileTars(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = w.Write(archive(t, entry{"../../etc/passwd", "x", tar.TypeReg}, entry{"a", "b", tar.TypeSymlink}, entry{"b", "a", tar.TypeSymlink},
		entry{"/abs", "x", tar.TypeReg}, entry{"dev", "", tar.TypeChar}, entry{"x.beam", "FOR1\xff\xff\xff\xffBEAMDbgi\xff\xff\xff\xff", tar.TypeReg},
		entry{"elf", "\x7fELF" + strings.Repeat("\xff", 100), tar.TypeReg}, entry{"releases/start_erl.data", "1 2", tar.TypeReg}))
	_ = w.Close()
	r, err := Tarball(t.Context(), "x", &z)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Files {
		if strings.Contains(f.Path, "..") || strings.HasPrefix(f.Path, "/") || f.Path == "dev" {
			t.Errorf("%q", f.Path)
		}
	}
	if _, err := Tarball(t.Context(), "x", strings.NewReader("no gzip")); err == nil {
		t.Error("taken")
	}
}

func FuzzTar(f *testing.F) {
	f.Add(archive(f, entry{"app/releases/start_erl.data", "15.2 0.1.0", tar.TypeReg}, entry{"bin/sh", "#!/bin/sh\nsed x\n", tar.TypeReg}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := newReader(t.Context(), "x")
		_ = r.tar(0, bytes.NewReader(raw))
		out := r.finish()
		var size int64
		for _, file := range out.Files {
			size += file.Size
		}
		if size != out.Size {
			t.Errorf("%d and %d", size, out.Size)
		}
	})
}
