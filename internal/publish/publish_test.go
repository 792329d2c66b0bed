package publish_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"dram/internal/layer"
	"dram/internal/problem"
	"dram/internal/publish"
	"dram/internal/store"
)

func openStore(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// storeLayer is a layer whose bytes lie in a store, as real ones do.
type storeLayer struct{ *layer.Archive }

func (l storeLayer) Digest() (v1.Hash, error) { return v1.NewHash(string(l.Archive.Digest)) }

func (l storeLayer) DiffID() (v1.Hash, error)             { return v1.NewHash(string(l.Archive.DiffID)) }
func (l storeLayer) Size() (int64, error)                 { return l.Archive.Size, nil }
func (l storeLayer) Compressed() (io.ReadCloser, error)   { return l.Open() }
func (l storeLayer) Uncompressed() (io.ReadCloser, error) { return l.OpenTar() }
func (l storeLayer) MediaType() (types.MediaType, error)  { return types.OCILayer, nil }

func image(t *testing.T, st *store.Store, contents ...string) v1.Image {
	t.Helper()
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, c := range contents {
		a, err := layer.Build(t.Context(), st, []layer.Group{{Name: "g", Entries: []layer.Entry{{
			Path: "app/file", Size: int64(len(c)), Digest: store.DigestOf([]byte(c)),
			Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(c)), nil },
		}}}}, layer.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.Append(img, mutate.Addendum{Layer: storeLayer{a}, MediaType: types.OCILayer}); err != nil {
			t.Fatal(err)
		}
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", "amd64"
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	return img
}

func digest(t *testing.T, img v1.Image) string {
	t.Helper()
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

var names = []string{"hello:0.1.0", "hello:latest"}

func writeTar(t *testing.T, path string, img v1.Image) bool {
	t.Helper()
	written, err := publish.Tar(t.Context(), publish.Anywhere(path), img, names)
	if err != nil {
		t.Fatal(err)
	}
	return written
}

func TestTarIsADockerArchive(t *testing.T) {
	img := image(t, openStore(t), "one", "two", "one")
	path := filepath.Join(t.TempDir(), "a.tar")
	writeTar(t, path, img)
	for _, n := range names {
		tag, err := name.NewTag(n)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tarball.ImageFromPath(path, &tag)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(got); err != nil {
			t.Error(err)
		}
		want, err := img.ConfigName()
		if err != nil {
			t.Fatal(err)
		}
		if id, err := got.ConfigName(); err != nil || id != want {
			t.Errorf("%s: config %s, %v, want %s", n, id, err, want)
		}
	}
}

func TestTarIsAnOCILayout(t *testing.T) {
	img := image(t, openStore(t), "one", "two")
	path, dir := filepath.Join(t.TempDir(), "a.tar"), t.TempDir()
	writeTar(t, path, img)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		at := filepath.Join(dir, filepath.FromSlash(h.Name))
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	checkLayout(t, dir, digest(t, img))
}

// checkLayout says that the layout in dir is sound and holds these images.
func checkLayout(t *testing.T, dir string, want ...string) {
	t.Helper()
	p, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := p.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range m.Manifests {
		got = append(got, d.Digest.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTarIsWrittenOnlyIfItChanges(t *testing.T) {
	st := openStore(t)
	dir := t.TempDir()
	path, other := filepath.Join(dir, "a.tar"), filepath.Join(dir, "b.tar")
	one, two := image(t, st, "one"), image(t, st, "two")
	if !writeTar(t, path, one) || writeTar(t, path, one) || !writeTar(t, other, one) {
		t.Error("first write, no second, another file: expected true, false, true")
	}
	a, err1 := os.ReadFile(path)
	b, err2 := os.ReadFile(other)
	if err := errors.Join(err1, err2); err != nil || !bytes.Equal(a, b) {
		t.Errorf("two files of one image differ: %v", err)
	}
	if !writeTar(t, path, two) || writeTar(t, path, two) {
		t.Error("another image: expected true, then false")
	}
	if err := os.Truncate(path, 4096); err != nil {
		t.Fatal(err)
	}
	if !writeTar(t, path, two) {
		t.Error("a cut file was left as it was")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-1100] ^= 1 // in the last layer, or the padding behind it
	raw[len(raw)-1600] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if !writeTar(t, path, two) {
		t.Error("a file with damage in a layer was left as it was")
	}
	only(t, dir, "a.tar", "b.tar")
}

// only says that a directory holds nothing else, temporary files say.
func only(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// damage changes the last byte of an image's first layer in the store.
func damage(t *testing.T, st *store.Store, img v1.Image) {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	d, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	blob := st.BlobPath(store.Digest(d.String()))
	b, err := os.ReadFile(blob)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := errors.Join(os.Chmod(blob, 0o600), os.WriteFile(blob, b, 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestFailureLeavesTheOldResult(t *testing.T) {
	st := openStore(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "a.tar")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	img := image(t, st, "one")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := publish.Tar(cancelled, publish.Anywhere(path), img, names); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	damage(t, st, img)
	if _, err := publish.Tar(t.Context(), publish.Anywhere(path), img, names); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("corrupt blob: got %v", err)
	}
	if _, err := publish.Tar(t.Context(), publish.Anywhere(path), img, names); !errors.Is(err, fs.ErrNotExist) || problem.Hint(err) != "" {
		t.Errorf("missing blob: got %v", err)
	}
	only(t, dir, "a.tar")
	if b, err := os.ReadFile(path); err != nil || string(b) != "old" {
		t.Errorf("the old file is %q, %v", b, err)
	}
}

func TestUnwritable(t *testing.T) {
	img := image(t, openStore(t), "one")
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	toTar := func(path string) error {
		_, err := publish.Tar(t.Context(), publish.Anywhere(path), img, names)
		return err
	}
	toDir := func(path string) error { return publish.Layout(t.Context(), path, img, names[0]) }
	for name, test := range map[string]struct {
		err  error
		code int
		hint string
	}{
		"tar, no parent":      {toTar(filepath.Join(dir, "no", "a.tar")), 1, "mkdir -p"},
		"tar, a directory":    {toTar(dir), 2, "name a file"},
		"tar, /proc":          {toTar("/proc/a.tar"), 1, ""},
		"layout, no parent":   {toDir(filepath.Join(dir, "no", "a")), 1, "mkdir -p"},
		"layout, a file":      {toDir(file), 2, "name a directory"},
		"layout, other files": {toDir(dir), 2, "empty or new"},
	} {
		if test.err == nil || problem.Code(test.err) != test.code || !strings.Contains(problem.Hint(test.err), test.hint) {
			t.Errorf("%s: got %v (%d), hint %q", name, test.err, problem.Code(test.err), problem.Hint(test.err))
		}
	}
	if _, err := publish.Tar(t.Context(), publish.Anywhere(filepath.Join(dir, "a")), img, []string{"Not A Name"}); problem.Code(err) != 2 {
		t.Errorf("bad name: got %v", err)
	}
	only(t, dir, "file")
}

func TestLayout(t *testing.T) {
	st := openStore(t)
	dir := filepath.Join(t.TempDir(), "oci")
	one, two, three := image(t, st, "one"), image(t, st, "two"), image(t, st, "three", "two")
	for _, step := range []struct {
		img  v1.Image
		ref  string
		want []string
	}{
		{one, "hello:1", []string{digest(t, one)}},
		{one, "hello:1", []string{digest(t, one)}},
		{two, "hello:2", []string{digest(t, one), digest(t, two)}},
		{three, "hello:1", []string{digest(t, two), digest(t, three)}},
		{one, "", []string{digest(t, two), digest(t, three), digest(t, one)}},
		{two, "", []string{digest(t, two), digest(t, three), digest(t, two)}},
	} {
		if err := publish.Layout(t.Context(), dir, step.img, step.ref); err != nil {
			t.Fatal(err)
		}
		checkLayout(t, dir, step.want...)
	}
	only(t, dir, "blobs", "index.json", "oci-layout")
}

func TestLayoutMendsABlob(t *testing.T) {
	img := image(t, openStore(t), "one")
	dir := filepath.Join(t.TempDir(), "oci")
	if err := publish.Layout(t.Context(), dir, img, names[0]); err != nil {
		t.Fatal(err)
	}
	blobs, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*"))
	if err != nil || len(blobs) != 3 {
		t.Fatalf("%v, %v", blobs, err)
	}
	for _, b := range blobs {
		data, err := os.ReadFile(b)
		if err != nil {
			t.Fatal(err)
		}
		data[0] ^= 1
		if err := os.WriteFile(b, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := publish.Layout(t.Context(), dir, img, names[0]); err != nil {
		t.Fatal(err)
	}
	checkLayout(t, dir, digest(t, img))
}

func TestLayoutRefusesABadIndex(t *testing.T) {
	img := image(t, openStore(t), "one")
	for name, index := range map[string]string{
		"no JSON": "{", "another version": `{"schemaVersion":1}`, "too large": strings.Repeat(" ", 5<<20),
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "index.json")
		if err := os.WriteFile(path, []byte(index), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := publish.Layout(t.Context(), dir, img, names[0]); err == nil || problem.Hint(err) == "" {
			t.Errorf("%s: got %v, hint %q", name, err, problem.Hint(err))
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != index {
			t.Errorf("%s: index.json was changed: %v", name, err)
		}
	}
}
