package toolchain_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"dram/internal/ref"
	"dram/internal/rootfs"
	"dram/internal/toolchain"
)

// tagged is a toolchain from a registry, unpacked, and what was warned of.
type tagged struct {
	t    *testing.T
	p    *toolchain.Provider
	ref  ref.Ref
	down bool
	said []string
}

func newTagged(t *testing.T) *tagged {
	t.Helper()
	g := &tagged{t: t, p: provider(t)}
	g.p.Warn = func(format string, args ...any) { g.said = append(g.said, fmt.Sprintf(format, args...)) }
	host := startRegistry(t, func(w http.ResponseWriter, _ *http.Request) bool {
		if g.down {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return g.down
	})
	g.ref = ref.Ref{Kind: ref.Image, Value: host + "/e:1"}
	push(t, g.ref.Value, elixirImage(t))
	g.root()
	return g
}

func (g *tagged) open() *toolchain.Toolchain {
	g.t.Helper()
	tc, err := g.p.Open(g.t.Context(), g.ref, toolchain.Options{})
	if err != nil {
		g.t.Fatal(err)
	}
	return tc
}

func (g *tagged) root() string {
	g.t.Helper()
	g.said = nil
	dir, err := g.open().Root(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	return dir
}

// A damaged root is unpacked anew from the layers in the cache, and where those
// are damaged too, from the registry; by its digest, for the tag may have moved.
func TestDamagedRootIsUnpackedAnew(t *testing.T) {
	for _, tt := range []struct {
		name string
		hurt func(g *tagged, root string) error
	}{
		{"registry down", func(g *tagged, _ string) error { g.down = true; return nil }},
		{"layer flipped", func(g *tagged, _ string) error { return flipBlobs(g.p.Store.Dir()) }},
		{"layer flipped and the tag moved", func(g *tagged, _ string) error {
			push(g.t, g.ref.Value, otherImage(g.t))
			return flipBlobs(g.p.Store.Dir())
		}},
		{"all of it gone, registry down", func(g *tagged, root string) error {
			g.down = true
			return os.RemoveAll(root)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newTagged(t)
			root := g.root()
			rebar := filepath.Join(root, "usr/local/bin/rebar3")
			id, content := g.open().ID, g.open().Content()
			if err := errors.Join(os.WriteFile(rebar, []byte("#!/bin/sH\n"), 0o600), tt.hurt(g, root)); err != nil {
				t.Fatal(err)
			}
			if g.root(); len(g.said) != 1 || !strings.Contains(g.said[0], "is unpacked anew") {
				t.Errorf("said %q", g.said)
			}
			raw, err := os.ReadFile(rebar)
			if err != nil || string(raw) != "#!/bin/sh\n" || g.open().ID != id || g.open().Content() != content {
				t.Errorf("it is %q, %v", raw, err)
			}
			if g.root(); len(g.said) != 0 {
				t.Errorf("again it said %q", g.said)
			}
		})
	}
}

// flipBlobs damages every blob.
func flipBlobs(cache string) error {
	blobs, err := filepath.Glob(filepath.Join(cache, "blobs/sha256/*/*"))
	for _, b := range blobs {
		raw, err := os.ReadFile(b)
		if err != nil {
			return err
		}
		raw[len(raw)/2] ^= 1
		if err := errors.Join(os.Chmod(b, 0o600), os.WriteFile(b, raw, 0o600)); err != nil {
			return err
		}
	}
	return err
}

// otherImage is what a tag moved to.
func otherImage(t *testing.T) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(elixirImage(t), tarLayer(t, file{Name: "usr/local/bin/rebar3", Body: "#!/bin/false\n"}))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestDamageIsFoundByReading(t *testing.T) {
	g := newTagged(t)
	tc := g.open()
	root, err := tc.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	dir := g.p.Store.TreePath("root", tc.ID.Hex())
	if err := os.WriteFile(filepath.Join(dir, "etc/os-release"), []byte("PRETTY_NAME=\"Test Linux 2\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = rootfs.ReadFile(root, "etc/os-release", 1<<20)
	if d := toolchain.Damaged(err); d == nil || !d.Hidden || toolchain.Damaged(root.Err()) == nil {
		t.Errorf("got %v", err)
	}
	if err := tc.Verify(t.Context()); toolchain.Damaged(err) == nil {
		t.Errorf("verified: %v", err)
	}
	if f, err := tc.Facts(t.Context()); toolchain.Damaged(err) == nil {
		t.Errorf("facts: %+v, %v", f, err)
	}
}
