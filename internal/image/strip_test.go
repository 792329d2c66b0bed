package image

import (
	"bytes"
	"debug/elf"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"dram/internal/binary"
)

// withDebug is a library of the machine's compiler, as one makes it for debuggers.
func withDebug(t *testing.T) string {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler here")
	}
	source, to := filepath.Join(t.TempDir(), "nif.c"), filepath.Join(t.TempDir(), "nif.so")
	if err := os.WriteFile(source, []byte("int answer(int a) { return a + 42; }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), cc, "-g", "-shared", "-fPIC", "-nostdlib", "-o", to, source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// An image has no debug information of native code unless it is asked for; the tarball has
// it, and what is looked at is what ships.
func TestDebugInformationIsLeftOut(t *testing.T) {
	const at = "lib/hello-0.1.0/priv/nif.so"
	library, files := withDebug(t), maps.Clone(releaseFiles())
	files[at+"*"] = library
	rel, root := readRelease(t, dirFS(t, files)), dirFS(t, rootFiles())
	for keep, want := range map[bool]string{true: library, false: string(binary.WithoutDebug([]byte(library)))} {
		opts := Options{Root: root}
		opts.KeepDebug = keep
		draft, err := NewDraft(openStore(t), rel, opts)
		if err != nil {
			t.Fatal(err)
		}
		img, err := draft.Build(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, shipped := draft.View()
		if got := regular(t, shipped, "")[at]; got == "" {
			t.Error("it is not in the view")
		}
		raw, err := shipped.Open(at)
		if err != nil {
			t.Fatal(err)
		}
		var seen bytes.Buffer
		_, err = seen.ReadFrom(raw)
		if err != nil || seen.String() != want {
			t.Errorf("kept %v: %d bytes are seen, want %d: %v", keep, seen.Len(), len(want), err)
		}
		n, bytes := draft.Stripped()
		if left := int64(len(library) - len(want)); keep && n != 0 || !keep && n != 1 || bytes != left {
			t.Errorf("kept %v: %d files, %d bytes, want %d", keep, n, bytes, left)
		}
		if len(flat(t, img.OCI)) == 0 {
			t.Error("the image is empty")
		}
	}
	if _, err := elf.NewFile(bytes.NewReader(binary.WithoutDebug([]byte(library)))); err != nil {
		t.Error(err)
	}
	view, err := TarballView(rel, TarballOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := view.Stat(at); err != nil || info.Size() != int64(len(library)) {
		t.Errorf("the tarball has %v, %v", info, err)
	}
}
