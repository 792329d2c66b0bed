package buildkit

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client"
	"github.com/tonistiigi/fsutil"

	"dram/internal/engine"
	"dram/internal/engine/dockerfile"
	"dram/internal/engine/enginetest"
	"dram/internal/source"
	"dram/internal/store"
)

// hello is the job for examples/hello, a project without dependencies.
func hello(t *testing.T, dir string, tc engine.Toolchain) engine.Job {
	t.Helper()
	src, err := source.Read(t.Context(), dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return engine.Job{
		Key: store.DigestOf([]byte(t.Name())).Hex(), Name: "hello", Toolchain: tc, Source: src,
		Env: []string{
			"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/root", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC", "SOURCE_DATE_EPOCH=1",
			"MIX_ENV=prod", "HEX_HOME=/cache/hex", "MIX_HOME=/cache/mix",
		},
		CacheDirs: []string{"/app/_build", "/app/deps", "/cache/hex", "/cache/mix"},
		Steps:     []engine.Step{{Name: "release", Argv: []string{"mix", "release", "hello", "--overwrite"}, Env: []string{"HEX_OFFLINE=1"}}},
		Export:    "/app/_build/prod/rel/hello",
	}
}

// The guide's two commands: docker build of the file, whose last stage they
// run, and docker run with releases/ mounted, leave a tarball with the files of
// the engine's release.
func TestGuidesTwoCommands(t *testing.T) {
	tc, _ := enginetest.Toolchain(t)
	at := Address{URL: Docker, Environ: os.Environ()}
	b, err := dial(t.Context(), at)
	if err != nil {
		t.Skip(err)
	}
	defer b.Close()
	st, err := store.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	job := hello(t, filepath.Join("..", "..", "..", "examples", "hello"), tc)
	r, err := New(st, at).Run(t.Context(), job, engine.Events{Step: func(engine.Step, bool) {}, Output: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want := sums(t, r.Dir)

	const image = "dram-test-build-elixir"
	raw, err := dockerfile.Render(job, dockerfile.Options{Toolchain: Tag(tc), Path: "docker/Dockerfile.build.elixir", Builder: dockerfile.Docker20})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Solve(t.Context(), nil, client.SolveOpt{
		Frontend: "dockerfile.v0", FrontendAttrs: map[string]string{"filename": "Dockerfile"},
		LocalMounts: map[string]fsutil.FS{"context": sourceFS(job.Source), "dockerfile": fileFS("Dockerfile", raw)},
		Exports:     []client.ExportEntry{{Type: "moby", Attrs: map[string]string{"name": image}}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = exec.Command("docker", "rmi", "-f", image).Run() })
	releases := t.TempDir()
	if err := os.Chown(releases, 1234, 1234); err != nil && os.Geteuid() == 0 {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "docker", "run", "--rm", "-v", releases+":/app/releases", image, "mix", "release", "hello").CombinedOutput()
	if err != nil {
		t.Fatalf("docker run: %v\n%s", err, out)
	}
	if bytes.Contains(out, []byte("Compiling")) {
		t.Errorf("docker run compiled again:\n%s", out)
	}
	tarball := filepath.Join(releases, "hello", "releases", "0.1.0", "hello.tar.gz")
	if diff := cmp.Diff(want, tarSums(t, tarball)); diff != "" {
		t.Error(diff)
	}
	owned(t, filepath.Join(releases, "hello"), releases)
}

// owned checks that all below dir belongs to the owner of another directory.
func owned(t *testing.T, dir, other string) {
	t.Helper()
	out, err := exec.Command("find", dir, "!", "-uid", fmt.Sprint(owner(t, other))).Output()
	if err != nil || len(out) > 0 {
		t.Errorf("not the caller's: %s %v", out, err)
	}
}

func owner(t *testing.T, path string) uint32 {
	t.Helper()
	out, err := exec.Command("stat", "-c", "%u", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var uid uint32
	if _, err := fmt.Sscan(string(out), &uid); err != nil {
		t.Fatal(err)
	}
	return uid
}

// sums are the digests of the files below dir, without the cookie, which is
// random.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "COOKIE" {
			return err
		}
		raw, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		got[name] = fmt.Sprintf("%x", sha256.Sum256(raw))
		return err
	})
	if err != nil || len(got) == 0 {
		t.Fatalf("%d files, %v", len(got), err)
	}
	return got
}

func tarSums(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg || strings.HasSuffix(h.Name, "/COOKIE") {
			continue
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, r); err != nil {
			t.Fatal(err)
		}
		got[h.Name] = fmt.Sprintf("%x", sum.Sum(nil))
	}
}

// A file that changed since it was hashed is noticed, whatever its size.
func TestSourceThatChanges(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.ex")
	if err := os.WriteFile(file, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := source.Read(t.Context(), dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := sourceFS(src).Open("a.ex")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadAll(r); err == nil || !strings.Contains(err.Error(), `"a.ex" changed while it was read`) {
		t.Errorf("err = %v", err)
	}
	if _, err := sourceFS(src).Open("../../etc/passwd"); err == nil {
		t.Error("a file outside the source was opened")
	}
}

// Directories come before what is in them, part by part, and a content's time
// is its own.
func TestSourceAsBuildKitWalksIt(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/b.ex", "a-b/c.ex", "a.ex", "z"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	src, err := source.Read(t.Context(), dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	walk := func(target string, skip string) (names []string) {
		times := map[int64]bool{}
		err := sourceFS(src).Walk(context.Background(), target, func(path string, d fs.DirEntry, _ error) error {
			names = append(names, path)
			info, err := d.Info()
			if err == nil && !d.IsDir() {
				times[info.ModTime().UnixNano()] = true
			}
			if path == skip {
				return fs.SkipDir
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	if diff := cmp.Diff([]string{"a", "a/b.ex", "a-b", "a-b/c.ex", "a.ex", "z"}, walk("/", "")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a", "a/b.ex"}, walk("a", "")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a", "a-b", "a-b/c.ex", "a.ex", "z"}, walk("", "a")); diff != "" {
		t.Error(diff)
	}
	one, two := contentTime(store.DigestOf([]byte("1"))), contentTime(store.DigestOf([]byte("2")))
	if one == two || one <= 0 || two > int64(1<<31)*1e9 {
		t.Errorf("times %d, %d", one, two)
	}
}
