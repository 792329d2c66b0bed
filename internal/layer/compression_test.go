package layer_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	containerd "github.com/containerd/containerd/v2/pkg/archive/compression"
	"github.com/google/go-cmp/cmp"

	"dram/internal/layer"
	"dram/internal/store"
)

func packed(t *testing.T, st *store.Store, groups []layer.Group, how layer.Compression) *layer.Archive {
	t.Helper()
	a, err := layer.Build(t.Context(), st, groups, layer.Options{Compression: how})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Whatever the compression, what is compressed is the same: DiffID, size and bytes.
func TestEveryCompressionHoldsTheSameTar(t *testing.T) {
	st := open(t)
	plain := packed(t, st, big(), layer.Compression{})
	want := unpacked(t, plain)
	seen := map[store.Digest]bool{plain.Digest: true}
	for _, how := range []layer.Compression{{Level: 1}, {Level: 9}, {Format: layer.Zstd}, {Format: layer.Zstd, Level: 1}, {Format: layer.Zstd, Level: 3}, {Format: layer.Zstd, Level: 7}} {
		a := packed(t, st, big(), how)
		if !bytes.Equal(unpacked(t, a), want) || a.DiffID != plain.DiffID || a.UncompressedSize != plain.UncompressedSize {
			t.Errorf("%+v: another tar", how)
		}
		if a.Format != how.Format || seen[a.Digest] {
			t.Errorf("%+v: format %q, digest %s seen before: %t", how, a.Format, a.Digest, seen[a.Digest])
		}
		seen[a.Digest] = true
		if again := packed(t, st, big(), how); again.Digest != a.Digest || again.Reused != again.Members || again.Format != how.Format {
			t.Errorf("%+v: not found again: %+v", how, again)
		}
	}
}

func unpacked(t *testing.T, a *layer.Archive) []byte {
	t.Helper()
	r, err := a.OpenTar()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSameFramesWhateverTheProcessors(t *testing.T) {
	zstd := layer.Compression{Format: layer.Zstd}
	want := packed(t, open(t), big(), zstd)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if got := packed(t, open(t), big(), zstd); got.Digest != want.Digest {
		t.Errorf("one processor gives %s, several %s", got.Digest, want.Digest)
	}
}

// A level that says the usual way in a number has the members of the usual way.
func TestMembersAreSharedBetweenLevels(t *testing.T) {
	st := open(t)
	groups := big()
	for i := range groups {
		groups[i].Dense = false
	}
	packed(t, st, groups, layer.Compression{})
	if a := packed(t, st, groups, layer.Compression{Level: layer.MaxGzip}); a.Reused != a.Members {
		t.Errorf("%d of %d reused", a.Reused, a.Members)
	}
}

func TestDamagedFramesAreMadeAgain(t *testing.T) {
	st, zstd := open(t), layer.Compression{Format: layer.Zstd}
	want := packed(t, st, big(), zstd)
	blobs, err := filepath.Glob(filepath.Join(st.Dir(), "blobs", "sha256", "*", "*"))
	if err != nil || len(blobs) != want.Members+1 {
		t.Fatalf("%d blobs, %v", len(blobs), err)
	}
	for _, path := range blobs {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		raw[len(raw)/2] ^= 1
		if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, raw, 0o600), removeAny(st.BlobPath(want.Digest))); err != nil {
			t.Fatal(err)
		}
		if got := packed(t, st, big(), zstd); got.Digest != want.Digest || store.DigestOf(content(t, got)) != want.Digest {
			t.Errorf("%s: got %s, want %s", filepath.Base(path), got.Digest, want.Digest)
		}
	}
}

// What containerd, and Docker with it, reads layers with, and what people do.
func TestOthersReadZstd(t *testing.T) {
	a := packed(t, open(t), big(), layer.Compression{Format: layer.Zstd})
	want := unpacked(t, a)
	z, err := containerd.DecompressStream(bytes.NewReader(content(t, a)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	got, err := io.ReadAll(z)
	if err != nil || z.GetCompression() != containerd.Zstd {
		t.Fatalf("containerd: %v, compression %v", err, z.GetCompression())
	}
	if diff := cmp.Diff(store.DigestOf(want), store.DigestOf(got)); diff != "" {
		t.Error("containerd reads another tar: " + diff)
	}
	if _, err := exec.LookPath("zstd"); err != nil {
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "a.tar.zst")
	if err := os.WriteFile(path, content(t, a), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "zstd", "-dc", path).Output()
	if err != nil || !bytes.Equal(out, want) {
		t.Errorf("zstd: %v, the same: %t", err, bytes.Equal(out, want))
	}
}
