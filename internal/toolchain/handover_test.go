package toolchain_test

import (
	"archive/tar"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"dram/internal/ref"
	"dram/internal/store"
	"dram/internal/toolchain"
)

// What a root is packed into: one owner, one time, modes as they are, a file
// with two names once.
func TestPackedRoot(t *testing.T) {
	root := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(root, "usr/bin"), 0o755),
		os.WriteFile(filepath.Join(root, "usr/bin/sh"), []byte("shell"), 0o755),
		os.Link(filepath.Join(root, "usr/bin/sh"), filepath.Join(root, "usr/bin/zsh")),
		os.Symlink("usr/bin", filepath.Join(root, "bin")),
		os.Mkdir(filepath.Join(root, "tmp"), 0o700),
		os.Chmod(filepath.Join(root, "tmp"), 0o777|os.ModeSticky),
		os.WriteFile(filepath.Join(root, "passwd"), nil, 0o4755),
		os.Chmod(filepath.Join(root, "passwd"), 0o755|os.ModeSetuid),
		os.Chtimes(filepath.Join(root, "passwd"), time.Now(), time.Now()),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	st, err := store.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	img, err := toolchain.Packed(t.Context(), st, root)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(img); err != nil {
		t.Error(err)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	r, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got := map[string]tar.Header{}
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.ModTime.Unix() != 1 {
			t.Errorf("%s: owner %d:%d, time %v", h.Name, h.Uid, h.Gid, h.ModTime)
		}
		got[h.Name] = tar.Header{Typeflag: h.Typeflag, Mode: h.Mode, Size: h.Size, Linkname: h.Linkname}
	}
	want := map[string]tar.Header{
		"bin":         {Typeflag: tar.TypeSymlink, Mode: 0o777, Linkname: "usr/bin"},
		"passwd":      {Typeflag: tar.TypeReg, Mode: 0o4755},
		"tmp/":        {Typeflag: tar.TypeDir, Mode: 0o1777},
		"usr/":        {Typeflag: tar.TypeDir, Mode: 0o755},
		"usr/bin/":    {Typeflag: tar.TypeDir, Mode: 0o755},
		"usr/bin/sh":  {Typeflag: tar.TypeReg, Mode: 0o755, Size: 5},
		"usr/bin/zsh": {Typeflag: tar.TypeLink, Mode: 0o755, Linkname: "usr/bin/sh"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// An image is handed over as it is, and once it was, without its registry.
func TestImageIsHandedOver(t *testing.T) {
	down := false
	host := startRegistry(t, func(w http.ResponseWriter, _ *http.Request) bool {
		if down {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return down
	})
	want := elixirImage(t)
	push(t, host+"/e:1", want)
	p := provider(t)
	tc, err := p.Open(t.Context(), ref.Ref{Kind: ref.Image, Value: host + "/e:1"}, toolchain.Options{})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := want.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if got := tc.Pull(); got != host+"/e@"+digest.String() {
		t.Errorf("it is pulled as %q", got)
	}
	for _, registry := range []string{"up", "down"} {
		down = registry == "down"
		img, err := tc.Image(t.Context())
		if err != nil {
			t.Fatalf("with the registry %s: %v", registry, err)
		}
		if got, err := img.Digest(); err != nil || got != digest {
			t.Errorf("with the registry %s: %s, %v", registry, got, err)
		}
		if err := validate.Image(img); err != nil {
			t.Errorf("with the registry %s: %v", registry, err)
		}
	}
}
