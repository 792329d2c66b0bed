package oci_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/klauspost/compress/zstd"

	"dram/internal/oci"
	"dram/internal/publish"
	"dram/internal/ref"
)

// image is one for linux/amd64 with a layer for each text.
func image(t *testing.T, texts ...string) v1.Image {
	t.Helper()
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, text := range texts {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		must(t, w.WriteHeader(&tar.Header{Name: "file", Mode: 0o644, Size: int64(len(text))}))
		_, err := io.WriteString(w, text)
		must(t, errors.Join(err, w.Close()))
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
		must(t, err)
		img, err = mutate.Append(img, mutate.Addendum{Layer: layer, MediaType: types.OCILayer})
		must(t, err)
	}
	config, err := img.ConfigFile()
	must(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	img, err = mutate.ConfigFile(img, config)
	must(t, err)
	return img
}

// compressions are how a tar may be compressed.
func compressions() map[string]func(io.Writer, []byte) error {
	return map[string]func(io.Writer, []byte) error{
		"plain": func(w io.Writer, b []byte) error {
			_, err := w.Write(b)
			return err
		},
		"gzip": func(w io.Writer, b []byte) error {
			z := gzip.NewWriter(w)
			_, err := z.Write(b)
			return errors.Join(err, z.Close())
		},
		"zstd": func(w io.Writer, b []byte) error {
			z, err := zstd.NewWriter(w)
			if err != nil {
				return err
			}
			_, err = z.Write(b)
			return errors.Join(err, z.Close())
		},
	}
}

// packed is a directory in a tar, below top, but for a file of the name left.
func packed(t *testing.T, dir, top, left string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	must(t, filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == left {
			return err
		}
		rel, err := filepath.Rel(dir, at)
		if err != nil {
			return err
		}
		raw, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		err = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: top + rel, Mode: 0o644, Size: int64(len(raw))})
		_, werr := w.Write(raw)
		return errors.Join(err, werr)
	}))
	must(t, w.Close())
	return b.Bytes()
}

// Every form of a tar, however it is compressed, is the same image.
func TestOpenEveryForm(t *testing.T) {
	img := image(t, "one", "two", "one")
	dir := t.TempDir()
	at := filepath.Join(dir, "layout")
	must(t, publish.Layout(t.Context(), at, img, "hello:1"))
	own, saved := filepath.Join(dir, "own.tar"), filepath.Join(dir, "saved.tar")
	_, err := publish.Tar(t.Context(), publish.Anywhere(own), img, []string{"hello:1", "hello:latest"})
	must(t, err)
	must(t, tarball.WriteToFile(saved, name.MustParseReference("hello:1"), img))
	read := func(at string) []byte {
		raw, err := os.ReadFile(at)
		must(t, err)
		return raw
	}
	docker := packed(t, at, "", "oci-layout")
	for form, body := range map[string][]byte{
		"dram's own":                 read(own),
		"docker save before 25":      read(saved),
		"an OCI archive":             packed(t, at, "", ""),
		"a layout packed as .":       packed(t, at, "./", ""),
		"a layout packed by name":    packed(t, at, "layout/", ""),
		"a layout without its marks": docker,
	} {
		for how, squeeze := range compressions() {
			t.Run(form+", "+how, func(t *testing.T) {
				var b bytes.Buffer
				must(t, squeeze(&b, body))
				file, temp := filepath.Join(t.TempDir(), "image"), t.TempDir()
				must(t, os.WriteFile(file, b.Bytes(), 0o600))
				got, err := oci.Open(ref.Ref{Kind: ref.Tar, Value: file}, oci.Options{Arch: "amd64", TempDir: tempIn(temp)})
				must(t, err)
				if err := validate.Image(got); err != nil {
					t.Error(err)
				}
				if want := digest(t, img); digest(t, got) != want && !strings.HasPrefix(form, "docker save") {
					t.Errorf("%s, want %s", digest(t, got), want)
				}
				want, err := img.ConfigName()
				must(t, err)
				if id, err := got.ConfigName(); err != nil || id != want {
					t.Errorf("configuration %s (%v), want %s", id, err, want)
				}
				if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
					t.Errorf("it left %v (%v)", left, err)
				}
			})
		}
	}
}

func digest(t *testing.T, img v1.Image) string {
	t.Helper()
	d, err := img.Digest()
	must(t, err)
	return d.String()
}

// What is no image, or not one, is said with its name.
func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	two := filepath.Join(dir, "two")
	for i, text := range []string{"one", "two"} {
		must(t, publish.Layout(t.Context(), two, image(t, text), []string{"hello:1", "hello:2"}[i]))
	}
	put(t, filepath.Join(dir, "junk"), "junk")
	put(t, filepath.Join(dir, "empty.tar"), strings.Repeat("\x00", 1024))
	for _, tt := range []struct {
		from string
		says string
	}{
		{"oci:two", "holds 2 images"},
		{"oci:.", "index.json"},
		{"oci:junk", "not a directory"},
		{"oci:none", "no such file"},
		{"tar:junk", "unexpected EOF"},
		{"tar:empty.tar", `the tar has no "manifest.json"`},
		{"tar:two", "is a directory"},
		{"tar:none", "no such file"},
		{"dir:two", "neither in a layout nor in a tar"},
	} {
		r, err := ref.Parse(tt.from)
		must(t, err)
		r.Value = filepath.Join(dir, r.Value)
		if _, err := oci.Open(r, oci.Options{Arch: "amd64"}); err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), r.Value) {
			t.Errorf("%s: %v, want it to say %q", tt.from, err, tt.says)
		}
	}
	if _, err := oci.Open(ref.Ref{Kind: ref.Layout, Value: two}, oci.Options{Arch: "amd64", Choose: oci.First}); err != nil {
		t.Errorf("the first of two: %v", err)
	}
}

// Of a layout for several platforms, the one that is asked for is taken.
func TestOpenForAPlatform(t *testing.T) {
	dir := t.TempDir()
	l, err := layout.Write(dir, empty.Index)
	must(t, err)
	images := map[string]v1.Image{"amd64": image(t, "amd64"), "arm64": image(t, "arm64")}
	var index v1.ImageIndex = empty.Index
	for arch, img := range images {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	must(t, l.AppendIndex(index))
	for arch, img := range images {
		for what, choose := range map[string]oci.Choice{"first": oci.First, "only": oci.Only} {
			got, err := oci.Open(ref.Ref{Kind: ref.Layout, Value: dir}, oci.Options{Arch: arch, Choose: choose})
			must(t, err)
			if digest(t, got) != digest(t, img) {
				t.Errorf("%s for %s: %s", what, arch, digest(t, got))
			}
		}
	}
	if _, err := oci.Open(ref.Ref{Kind: ref.Layout, Value: dir}, oci.Options{Arch: "riscv64"}); err == nil {
		t.Error("an image for a platform that there is none for")
	}
	for _, arch := range []string{"amd64", "riscv64"} {
		all, err := oci.Platforms(ref.Ref{Kind: ref.Layout, Value: dir}, oci.Options{Arch: arch})
		must(t, err)
		var got []string
		for _, img := range all {
			got = append(got, digest(t, img))
		}
		want := []string{digest(t, images["amd64"]), digest(t, images["arm64"])}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("all platforms, on %s: %q, want %q", arch, got, want)
		}
	}
}
