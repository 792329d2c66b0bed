package publish_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/publish"
)

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
