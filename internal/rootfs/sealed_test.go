package rootfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dram/internal/manifest"
	"dram/internal/rootfs"
)

var errDamaged = errors.New("damaged")

func sealed(t *testing.T) (dir string, s *rootfs.SealedFS) {
	t.Helper()
	dir = t.TempDir()
	err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "usr/lib"), 0o755),
		os.WriteFile(filepath.Join(dir, "usr/lib/libc.so.6"), []byte("the C library"), 0o755),
		os.WriteFile(filepath.Join(dir, "usr/lib/other"), []byte("x"), 0o644),
		os.Symlink("/usr/lib", filepath.Join(dir, "lib")),
	)
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Take(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err = rootfs.Sealed(dir, m, func(d manifest.Difference) error { return fmt.Errorf("%w: %s", errDamaged, d) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return dir, s
}

func TestSealed(t *testing.T) {
	dir, s := sealed(t)
	plain, err := rootfs.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = plain.Close() }()
	for _, name := range []string{".", "lib", "usr", "usr/lib", "lib/libc.so.6", "lib/other", "nothing"} {
		for verb, look := range map[string]func(rootfs.FS) (any, error){
			"read":  func(f rootfs.FS) (any, error) { b, err := rootfs.ReadFile(f, name, 1<<20); return string(b), err },
			"link":  func(f rootfs.FS) (any, error) { return f.ReadLink(name) },
			"stat":  func(f rootfs.FS) (any, error) { return facts(f.Stat(name)) },
			"lstat": func(f rootfs.FS) (any, error) { return facts(f.Lstat(name)) },
			"list":  func(f rootfs.FS) (any, error) { e, err := f.ReadDir(name); return fmt.Sprint(e), err },
		} {
			want, wantErr := look(plain)
			got, gotErr := look(s)
			if got != want || (gotErr == nil) != (wantErr == nil) || errors.Is(gotErr, fs.ErrNotExist) != errors.Is(wantErr, fs.ErrNotExist) {
				t.Errorf("%s %s: %v, %v; the directory itself gives %v, %v", verb, name, got, gotErr, want, wantErr)
			}
		}
	}
	if s.Err() != nil {
		t.Error(s.Err())
	}
}

func facts(info fs.FileInfo, err error) (any, error) {
	if err != nil {
		return "", err
	}
	size := info.Size()
	if !info.Mode().IsRegular() {
		size = 0
	}
	return fmt.Sprintln(info.Name(), info.Mode(), size, info.IsDir()), nil
}

// Whatever becomes of a file, it is not read and not taken for one that never
// was.
func TestSealedFileThatIsDamaged(t *testing.T) {
	for name, hurt := range map[string]func(path string) error{
		"has another content": func(path string) error { return os.WriteFile(path, []byte("the D library"), 0o600) },
		"has another size":    func(path string) error { return os.Truncate(path, 2) },
		"is missing":          os.Remove,
		"is of another type":  func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"is of another type ": func(path string) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o700)) },
		"has another content ": func(path string) error {
			return errors.Join(os.Remove(path), os.Symlink("link", path), os.WriteFile(filepath.Dir(path)+"/link", []byte("the D library"), 0o600))
		},
	} {
		dir, s := sealed(t)
		if err := hurt(filepath.Join(dir, "usr/lib/libc.so.6")); err != nil {
			t.Fatal(name, err)
		}
		if _, err := s.Stat("lib/libc.so.6"); err != nil {
			t.Errorf("%s: it seems never to have been there: %v", name, err)
		}
		_, err := rootfs.ReadFile(s, "lib/libc.so.6", 1<<20)
		if !errors.Is(err, errDamaged) || !strings.Contains(err.Error(), "usr/lib/libc.so.6 "+strings.TrimSpace(name)) || !errors.Is(s.Err(), errDamaged) {
			t.Errorf("%s: %v, %v", name, err, s.Err())
		}
		if _, err := rootfs.ReadFile(s, "lib/other", 1<<20); err != nil {
			t.Errorf("%s: another file: %v", name, err)
		}
	}
}
