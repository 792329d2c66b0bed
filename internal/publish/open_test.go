package publish_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"dram/internal/problem"
	"dram/internal/publish"
)

// What Tar and Layout write, Open gives back: the same digest, and bytes that
// are what it says.
func TestOpen(t *testing.T) {
	img := image(t, openStore(t), "one", "two", "one")
	dir := t.TempDir()
	file, layout, named := filepath.Join(dir, "a.tar"), filepath.Join(dir, "oci"), filepath.Join(dir, "other")
	writeTar(t, file, img)
	for _, at := range []string{layout, named} {
		if err := publish.Layout(t.Context(), at, img, "hello:1"); err != nil {
			t.Fatal(err)
		}
	}
	for _, from := range []string{file, "tar:" + file, layout, "oci:" + layout} {
		got, err := publish.Open(from, "amd64")
		if err != nil {
			t.Fatalf("%s: %v", from, err)
		}
		if digest(t, got) != digest(t, img) {
			t.Errorf("%s: %s, want %s", from, digest(t, got), digest(t, img))
		}
		if err := validate.Image(got); err != nil {
			t.Errorf("%s: %v", from, err)
		}
	}
	two := image(t, openStore(t), "two")
	if err := publish.Layout(t.Context(), named, two, "hello:2"); err != nil {
		t.Fatal(err)
	}
	junk := filepath.Join(dir, "junk.tar")
	if err := os.WriteFile(junk, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	for from, says := range map[string]string{
		named: "holds 2 images", dir: "index.json", junk: "unexpected EOF", filepath.Join(dir, "none"): "no such file", "oci:" + file: "not a directory", "": "no such file",
	} {
		if _, err := publish.Open(from, "amd64"); problem.Code(err) != 2 || !strings.Contains(err.Error(), says) || problem.Hint(err) == "" {
			t.Errorf("%q: %v (%d), want it to say %q", from, err, problem.Code(err), says)
		}
	}
}

// An archive for a daemon lacks the layers that it has, from the lowest up to
// the first that it has not.
func TestArchive(t *testing.T) {
	img := image(t, openStore(t), "one", "two", "three")
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, d := range config.RootFS.DiffIDs {
		ids = append(ids, d.String())
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, l := range layers {
		d, err := l.Digest()
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, "blobs/sha256/"+d.Hex)
	}
	for _, test := range []struct {
		there []string
		want  []string
	}{
		{nil, paths},
		{ids[:1], paths[1:]},
		{ids, nil},
		{append(slices.Clone(ids), "sha256:more"), nil},
		{[]string{ids[0], "sha256:other", ids[2]}, paths[1:]},
		{ids[1:], paths},
	} {
		var out bytes.Buffer
		if err := publish.Archive(t.Context(), &out, img, names, test.there); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, name := range members(t, &out) {
			if slices.Contains(paths, name) {
				got = append(got, name)
			}
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%q: %s", test.there, d)
		}
	}
	var whole bytes.Buffer
	if err := publish.Archive(t.Context(), &whole, img, names, nil); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "a.tar")
	writeTar(t, file, img)
	if raw, err := os.ReadFile(file); err != nil || !bytes.Equal(raw, whole.Bytes()) {
		t.Errorf("a whole archive is not what Tar writes (%v)", err)
	}
}

func members(t *testing.T, r io.Reader) []string {
	t.Helper()
	var out []string
	for a := tar.NewReader(r); ; {
		h, err := a.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, h.Name)
	}
}

func FuzzOpen(f *testing.F) {
	var good bytes.Buffer
	w := tar.NewWriter(&good)
	for name, body := range map[string]string{"index.json": `{"schemaVersion":2,"manifests":[]}`, "oci-layout": "{}"} {
		if err := errors.Join(w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(body))}), write(w, body)); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add([]byte("junk"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(dir, "a.tar")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		img, err := publish.Open(file, "amd64")
		if err != nil {
			return
		}
		layers, err := img.Layers()
		if err != nil {
			return
		}
		for _, l := range layers {
			read(l)
		}
	})
}

func write(w io.Writer, s string) error {
	_, err := io.WriteString(w, s)
	return err
}

func read(l v1.Layer) {
	if r, err := l.Compressed(); err == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(r, 1<<20))
		_ = r.Close()
	}
}
