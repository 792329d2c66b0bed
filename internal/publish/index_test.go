package publish_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"dram/internal/publish"
)

// forArch is an image for another architecture.
func forArch(t *testing.T, img v1.Image, arch string) v1.Image {
	t.Helper()
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.Architecture = arch
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	return img
}

// An image for several platforms is an index in the layout's index: an entry of
// its own, that is replaced as one, and found by platform.
func TestLayoutIndex(t *testing.T) {
	st := openStore(t)
	dir := filepath.Join(t.TempDir(), "oci")
	amd, other := image(t, st, "one", "shared"), image(t, st, "two")
	arm := forArch(t, image(t, st, "three", "shared"), "arm64")
	if err := publish.Layout(t.Context(), dir, other, "other:1"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		whole, err := publish.LayoutIndex(t.Context(), dir, []v1.Image{amd, arm}, "hello:0.1.0")
		if err != nil {
			t.Fatal(err)
		}
		index, err := layout.ImageIndexFromPath(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(index); err != nil {
			t.Fatal(err)
		}
		top, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		if len(top.Manifests) != 2 || top.Manifests[1].Digest != whole || top.Manifests[1].Annotations["org.opencontainers.image.ref.name"] != "0.1.0" {
			t.Fatalf("index.json has %+v, want the index %s last of two", top.Manifests, whole)
		}
		inner, err := index.ImageIndex(whole)
		if err != nil {
			t.Fatal(err)
		}
		m, err := inner.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range m.Manifests {
			got = append(got, d.Platform.String()+" "+d.Digest.String())
		}
		want := []string{"linux/amd64 " + digest(t, amd), "linux/arm64 " + digest(t, arm)}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
}
