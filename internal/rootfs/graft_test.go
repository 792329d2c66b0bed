package rootfs_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"dram/internal/rootfs"
)

// opened is a directory with these files, as a root filesystem.
func opened(t *testing.T, files map[string]string, links map[string]string) rootfs.FS {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	fsys, err := rootfs.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fsys.Close() })
	return fsys
}

// A graft has the other's files under the names of its own, by whatever name they are
// reached, with the mode of its own and the size of the other's; all else is its own.
func TestGraft(t *testing.T) {
	base := opened(t, map[string]string{"erts/bin/vm": "ours", "lib/app/app.beam": "code"}, map[string]string{"vm": "erts/bin/vm", "bin": "erts/bin"})
	other := opened(t, map[string]string{"usr/lib/vm": "theirs, longer"}, nil)
	g := rootfs.Graft(base, other, map[string]string{"erts/bin/vm": "usr/lib/vm"})
	for name, want := range map[string]string{"erts/bin/vm": "theirs, longer", "vm": "theirs, longer", "bin/vm": "theirs, longer", "lib/app/app.beam": "code"} {
		f, err := g.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(f)
		_ = f.Close()
		info, statErr := g.Stat(name)
		if string(raw) != want || err != nil || statErr != nil || info.Size() != int64(len(want)) || info.Mode().Perm() != 0o640 {
			t.Errorf("%s: %q (%v), %v (%v)", name, raw, err, info, statErr)
		}
	}
	sizes := map[string]int64{}
	err := fs.WalkDir(g, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		sizes[name] = info.Size()
		return err
	})
	if err != nil || len(sizes) != 2 || sizes["erts/bin/vm"] != 14 || sizes["lib/app/app.beam"] != 4 {
		t.Errorf("%v, %v", sizes, err)
	}
	if info, err := g.Lstat("vm"); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("a link became a file: %v, %v", info, err)
	}
	if _, err := g.Open("erts/bin/none"); err == nil {
		t.Error("a file that neither has")
	}
	gone := rootfs.Graft(base, other, map[string]string{"erts/bin/vm": "usr/lib/none"})
	if _, err := gone.Stat("erts/bin/vm"); err == nil {
		t.Error("what the other lacks was taken for the base's own")
	}
}
