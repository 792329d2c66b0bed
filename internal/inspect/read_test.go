package inspect

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/problem"
	"dram/internal/untar"
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

// A layer that puts a directory or a device where a file was has the file no more, and a name
// that leads out of the root is taken to lie in it, as engines do.
func TestLayersReplaceFilesByOthers(t *testing.T) {
	r := newReader(t.Context(), "x")
	for i, l := range [][]entry{
		{{"a", "1", tar.TypeReg}, {"b", "22", tar.TypeReg}, {"c", "333", tar.TypeReg}, {"d", "a", tar.TypeSymlink}},
		{{"a", "", tar.TypeDir}, {"b", "", tar.TypeFifo}, {"d/", "", tar.TypeDir}, {"../../etc/x", "y", tar.TypeReg}},
	} {
		if err := r.tar(i, bytes.NewReader(archive(t, l...))); err != nil {
			t.Fatal(err)
		}
	}
	got := r.finish()
	if len(got.Files) != 2 || got.Files[0].Path != "c" || got.Files[1].Path != "etc/x" || got.Hidden != 1+2 {
		t.Errorf("%v, hidden %d", got.Files, got.Hidden)
	}
	if err := r.tar(2, bytes.NewReader(archive(t, entry{"e", "gone", tar.TypeLink}))); err == nil || !strings.Contains(err.Error(), "another name of") {
		t.Errorf("a hard link to nothing: %v", err)
	}
}

// lying is a layer whose content is not what the configuration names.
type lying struct{ v1.Layer }

func (lying) DiffID() (v1.Hash, error) {
	return v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}, nil
}

// What an engine would refuse is said to be so, with what to do.
func TestImagesThatEnginesRefuse(t *testing.T) {
	sound := archive(t, entry{"a", strings.Repeat("x", 1<<16), tar.TypeReg})
	for name, layer := range map[string]v1.Layer{
		"another content than the configuration says": lying{static.NewLayer(sound, types.OCIUncompressedLayer)},
		"unexpected EOF":  static.NewLayer(sound[:1<<15], types.OCIUncompressedLayer),
		"another name of": static.NewLayer(archive(t, entry{"e", "gone", tar.TypeLink}), types.OCIUncompressedLayer),
	} {
		img, err := mutate.AppendLayers(empty.Image, layer)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Image(t.Context(), "x", img)
		if err == nil || problem.Code(err) != 2 || problem.Hint(err) == "" || name != "another content than the configuration says" && !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	img, err := mutate.AppendLayers(empty.Image, static.NewLayer(sound, types.OCIUncompressedLayer))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Image(t.Context(), "x", img); err != nil || len(got.Files) != 1 {
		t.Errorf("a sound one: %v", err)
	}
}

// What check refuses of a release's tarball is refused, and what counts of several of one
// name is said.
func TestTarballsThatCheckRefuses(t *testing.T) {
	for says, e := range map[string]entry{
		`it holds ".."`:         {"../../etc/passwd", "x", tar.TypeReg},
		"outside the archive":   {"bin/x", "/etc/passwd", tar.TypeSymlink},
		"malformed":             {"bin/x", "", tar.TypeSymlink},
		`unpacking "bin/other"`: {"bin/other", "../../x", tar.TypeLink},
	} {
		_, err := Tarball(t.Context(), "x", bytes.NewReader(gzipped(t, archive(t, entry{"bin/a", "x", tar.TypeReg}, e))))
		if !errors.Is(err, untar.ErrName) || !strings.Contains(err.Error(), says) || problem.Hint(err) == "" {
			t.Errorf("%+v: %v", e, err)
		}
	}
	r, err := Tarball(t.Context(), "x", bytes.NewReader(gzipped(t, archive(t,
		entry{"bin/a", "x", tar.TypeReg}, entry{"bin/b", "a", tar.TypeSymlink}, entry{"./bin/a", "yy", tar.TypeReg}, entry{"/bin/b", "z", tar.TypeReg}))))
	if err != nil || !slices.Equal(r.Twice, []string{"bin/a", "bin/b"}) || len(r.Files) != 2 || r.Files[0].Size != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Loops and what is no release do no harm.
func TestHostileTars(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = w.Write(archive(t, entry{"a", "b", tar.TypeSymlink}, entry{"b", "a", tar.TypeSymlink},
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
