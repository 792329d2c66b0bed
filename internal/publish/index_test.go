package publish_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"dram/internal/oci"
	"dram/internal/publish"
	"dram/internal/ref"
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

// One tar holds the images of all platforms as an index, and for who knows none the one
// of this machine; it is written once.
func TestTarIndex(t *testing.T) {
	st := openStore(t)
	amd := image(t, st, "one", "shared")
	arm := forArch(t, image(t, st, "three", "shared"), "arm64")
	at := filepath.Join(t.TempDir(), "hello.tar")
	for i := range 2 {
		written, err := publish.TarIndex(t.Context(), publish.Anywhere(at), []v1.Image{amd, arm}, arm, []string{"hello:0.1.0", "hello:latest"})
		if err != nil || written != (i == 0) {
			t.Fatalf("%t, %v", written, err)
		}
	}
	for arch, want := range map[string]v1.Image{"amd64": amd, "arm64": arm} {
		got, err := oci.Open(ref.Ref{Kind: ref.Tar, Value: at}, oci.Options{Arch: arch})
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(got); err != nil || digest(t, got) != digest(t, want) {
			t.Errorf("%s: %s, %v", arch, digest(t, got), err)
		}
	}
	tag, err := name.NewTag("hello:latest")
	if err != nil {
		t.Fatal(err)
	}
	docker, err := tarball.ImageFromPath(at, &tag)
	if err != nil {
		t.Fatal(err)
	}
	config, err := docker.ConfigFile()
	if err != nil || config.Architecture != "arm64" {
		t.Errorf("docker load takes %+v, %v", config, err)
	}
	raw, err := os.ReadFile(at)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(at, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if written, err := publish.TarIndex(t.Context(), publish.Anywhere(at), []v1.Image{amd, arm}, arm, []string{"hello:0.1.0", "hello:latest"}); err != nil || !written {
		t.Errorf("a damaged file was left: %t, %v", written, err)
	}
}

// At a registry, the tags name the index, each image is there for its platform, and the
// digest is that of a layout; what is there is not sent again.
func TestPushIndex(t *testing.T) {
	st := openStore(t)
	images := []v1.Image{image(t, st, "one", "shared"), forArch(t, image(t, st, "three", "shared"), "arm64")}
	host := serve(t, newRegistry())
	index, err := publish.NewIndex(images)
	if err != nil {
		t.Fatal(err)
	}
	want := index.Digest()
	pushed, err := pusher().PushIndex(t.Context(), images, destination(t, host+"/team/hello:1", "latest"))
	if err != nil || pushed.Ref != host+"/team/hello@"+want.String() {
		t.Fatalf("%+v, %v", pushed, err)
	}
	for _, at := range []string{":1", ":latest", "@" + want.String()} {
		parsed, err := name.ParseReference(host + "/team/hello" + at)
		if err != nil {
			t.Fatal(err)
		}
		pulled, err := remote.Index(parsed, remote.WithContext(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(pulled); err != nil {
			t.Errorf("%s: %v", at, err)
		}
		for i, arch := range []string{"amd64", "arm64"} {
			img, err := remote.Image(parsed, remote.WithContext(t.Context()), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: arch}))
			if err != nil || digest(t, img) != digest(t, images[i]) {
				t.Errorf("%s for %s: %v", at, arch, err)
			}
		}
	}
	again, err := pusher().PushIndex(t.Context(), images, destination(t, host+"/team/hello:1"))
	if err != nil || again.Uploaded != 0 || again.TagsUnchanged != 1 {
		t.Errorf("%+v, %v", again, err)
	}
	layout, err := publish.LayoutIndex(t.Context(), filepath.Join(t.TempDir(), "oci"), images, "hello:1")
	if err != nil || layout != want {
		t.Errorf("the layout's index is %s, the registry's %s: %v", layout, want, err)
	}
}

// A registry that refuses the index has no tag for it.
func TestPushIndexRefused(t *testing.T) {
	st := openStore(t)
	images := []v1.Image{image(t, st, "one"), forArch(t, image(t, st, "three"), "arm64")}
	inner := newRegistry()
	host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && strings.Contains(r.Header.Get("Content-Type"), "image.index") {
			http.Error(w, `{"errors":[{"code":"MANIFEST_INVALID","message":"no indexes here"}]}`, http.StatusBadRequest)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	_, err := pusher().PushIndex(t.Context(), images, destination(t, host+"/team/hello:1"))
	if err == nil || !strings.Contains(err.Error(), "no indexes here") {
		t.Errorf("%v", err)
	}
	parsed, parseErr := name.ParseReference(host + "/team/hello:1")
	if parseErr != nil {
		t.Fatal(parseErr)
	}
	if _, err := remote.Get(parsed, remote.WithContext(t.Context())); err == nil {
		t.Error("a tag names what is not there")
	}
}
