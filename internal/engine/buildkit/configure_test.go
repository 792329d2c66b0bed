package buildkit_test

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/distro/distros"
	"dram/internal/engine/buildkit"
	"dram/internal/engine/enginetest"
	"dram/internal/ref"
	"dram/internal/store"
	"dram/internal/toolchain"
)

// A distribution's root that was configured in BuildKit is the one that the
// sandbox configures: the same files, contents, modes and links.
func TestRootIsConfiguredInBuildKit(t *testing.T) {
	docker(t)
	_, want := enginetest.Toolchain(t)
	st, err := store.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	if cache := os.Getenv("DRAM_TEST_CACHE"); cache != "" { // what was fetched is not fetched again
		if err := os.CopyFS(filepath.Join(st.Dir(), "records"), os.DirFS(filepath.Join(cache, "records"))); err != nil {
			t.Fatal(err)
		}
		if err := link(filepath.Join(cache, "blobs"), filepath.Join(st.Dir(), "blobs")); err != nil {
			t.Fatal(err)
		}
	}
	p := &toolchain.Provider{
		Store: st, HTTP: http.DefaultClient, Arch: runtime.GOARCH, Distros: distros.All(), Etc: os.DirFS("/etc"),
		Configure: buildkit.NewConfigurer(st, buildkit.Address{URL: buildkit.Docker, Environ: os.Environ()}),
	}
	tc, err := p.Open(t.Context(), ref.Ref{Kind: ref.Distro, Value: distros.All().Default().Info().Newest().String()}, toolchain.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := tc.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(listing(t, want), listing(t, got)); diff != "" {
		t.Error(diff[:min(len(diff), 8000)])
	}
}

func link(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		return os.Link(path, filepath.Join(to, rel))
	})
}

// listing tells of every file: mode, and content or target.
func listing(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, root)
		text := info.Mode().String()
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text += " -> " + target
		case info.Mode().IsRegular():
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += " " + string(store.DigestOf(bytes.TrimSpace(raw)))
		}
		all[name] = text
		return nil
	})
	if err != nil || len(all) < 1000 {
		t.Fatalf("%d files below %s: %v", len(all), root, err)
	}
	return all
}

// A program that fails says what it printed, and an exit status.
func TestConfiguringThatFails(t *testing.T) {
	docker(t)
	_, root := enginetest.Toolchain(t)
	st, err := store.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	small := t.TempDir() // a shell and what it needs
	for _, name := range []string{"bin", "lib", "lib64", "usr/bin/dash", "usr/bin/sh", "usr/bin/env"} {
		target, err := os.Readlink(filepath.Join(root, name))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(small, name)), 0o755)
		}
		if err == nil {
			_ = os.Symlink(target, filepath.Join(small, name))
			continue
		}
		copyFile(t, filepath.Join(root, name), filepath.Join(small, name))
	}
	libraries, err := filepath.Glob(filepath.Join(root, "usr/lib/*/libc.so.6"))
	if err != nil || len(libraries) == 0 {
		t.Skip("no C library where Debian has it")
	}
	copyFile(t, libraries[0], filepath.Join(small, strings.TrimPrefix(libraries[0], root)))
	loaders, _ := filepath.Glob(filepath.Join(root, "usr/lib64/ld-linux*"))
	for _, l := range loaders {
		real, err := filepath.EvalSymlinks(l)
		if err != nil || !strings.HasPrefix(real, root) {
			real = filepath.Join(filepath.Dir(libraries[0]), filepath.Base(l))
		}
		copyFile(t, real, filepath.Join(small, strings.TrimPrefix(l, root)))
	}
	c := buildkit.NewConfigurer(st, buildkit.Address{URL: buildkit.Docker, Environ: os.Environ()})
	var out bytes.Buffer
	if err := c.Run(t.Context(), small, []string{"/bin/sh", "-c", `echo "no $A"; exit 7`}, []string{"A=good it's"}, &out); err == nil || err.Error() != "exit status 7" || out.String() != "no good it's\n" {
		t.Errorf("err = %v, printed %q", err, out.String())
	}
	out.Reset()
	if err := c.Run(t.Context(), small, []string{"/bin/sh", "-c", `echo made > /made`}, nil, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if raw, err := os.ReadFile(filepath.Join(small, "made")); err != nil || string(raw) != "made\n" {
		t.Errorf("made: %q, %v", raw, err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, raw, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}
