package e2e

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/compression"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// What the toolchain's root has and building plain Elixir does without: the
// test is quicker.
var leftOut = []string{
	"usr/lib/gcc", "usr/libexec", "usr/share", "usr/include", "usr/lib/git-core", "var/lib/dpkg",
	"usr/lib/x86_64-linux-gnu/perl", "usr/lib/bfd-plugins",
}

// elixirImage is an image of one layer with what the Debian toolchain's root
// has, as hexpm/elixir's are: an environment, and no Hex beside Elixir.
func elixirImage(t *testing.T) v1.Image {
	t.Helper()
	root := strings.TrimSpace(dram{args: []string{"toolchain", "root", toolchainRef}}.ok(t).stdout)
	file := filepath.Join(t.TempDir(), "layer.tar")
	if err := tarTree(root, file); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromFile(file, tarball.WithCompression(compression.None), tarball.WithMediaType(types.DockerUncompressedLayer))
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	img, err = mutate.ConfigFile(img, &v1.ConfigFile{
		OS: "linux", Architecture: "amd64", RootFS: must(t)(img.ConfigFile()).RootFS,
		Config: v1.Config{Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func must(t *testing.T) func(c *v1.ConfigFile, err error) *v1.ConfigFile {
	return func(c *v1.ConfigFile, err error) *v1.ConfigFile {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

func tarTree(root, file string) (err error) {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	w := tar.NewWriter(out)
	defer func() { err = errors.Join(err, w.Close(), out.Close()) }()
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil || rel == "." {
			return err
		}
		if slices.Contains(leftOut, rel) {
			return fs.SkipDir
		}
		return tarOne(w, p, filepath.ToSlash(rel), d)
	})
}

func tarOne(w *tar.Writer, file, rel string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(file); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	h.Name = rel
	if d.IsDir() {
		h.Name = path.Clean(rel) + "/"
	}
	if err := w.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err
	}
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	_, err = io.Copy(w, in)
	return err
}

// elixirRegistry serves, as hexpm/elixir's registry does, many tags; all but
// the one with the image are of an empty one.
func elixirRegistry(t *testing.T, img v1.Image, tag string, others ...string) (repository string) {
	t.Helper()
	srv := httptest.NewServer(registry.New(
		registry.Logger(log.New(io.Discard, "", 0)), registry.WithBlobHandler(registry.NewDiskBlobHandler(t.TempDir()))))
	t.Cleanup(srv.Close)
	repository = strings.TrimPrefix(srv.URL, "http://") + "/hexpm/elixir"
	for i, text := range append([]string{tag}, others...) {
		ref, err := name.NewTag(repository + ":" + text)
		if err != nil {
			t.Fatal(err)
		}
		push := v1.Image(empty.Image)
		if i == 0 {
			push = img
		}
		if err := remote.Write(ref, push, remote.WithContext(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	return repository
}

// plain is a project that asks for versions.
func plain(t *testing.T, toolVersions string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "plain"),
		"nonce", nonce(), ".tool-versions", toolVersions,
		"mix.exs", "defmodule Plain.MixProject do\n  use Mix.Project\n  def project, do: [app: :plain, version: \"1.0.0\"]\nend\n",
		"lib/plain.ex", "defmodule Plain do\n  def says, do: System.version()\nend\n")
}

// .tool-versions chooses an image, which builds; and the same layers give the
// same result by whatever way they come.
func TestAskedVersionsChooseAnImage(t *testing.T) {
	real(t)
	img := elixirImage(t)
	const tag = "1.18.3-erlang-27.3.4.1-debian-trixie-20250610"
	repository := elixirRegistry(t, img, tag,
		tag+"-slim", "1.18.3-erlang-27.3.4.1-alpine-3.21.3", "1.18.3-erlang-27.3.4.1-ubuntu-noble-20250529",
		"1.18.3-erlang-27.3.4.1-debian-bookworm-20250610", "1.18.3-erlang-27.3.4.1-debian-trixie-20250520",
		"1.18.3-erlang-27.3.4.1-debian-forky-20250610", "1.18.3-erlang-26.2.5-debian-trixie-20250610",
		"1.18.4-erlang-27.3.4.1-debian-trixie-20250610", "1.19.0-rc.0-erlang-28.0-debian-trixie-20250610",
	)
	env := []string{"DRAM_REPOSITORY=" + repository}
	dir := plain(t, "erlang 27.3.4.1\nelixir 1.18.3-otp-27\n")
	planned := dram{args: []string{"plan", dir}, env: env}.ok(t)
	if !strings.Contains(planned.stdout, "image:"+repository+":"+tag+" ") || !strings.Contains(planned.stdout, "as .tool-versions asks") {
		t.Fatalf("the plan is\n%s", planned.stdout)
	}
	want := dram{args: []string{"image", dir}, env: env}.ok(t).digest(t)
	if got := says(t, imageOf(dir, "plain", "1.0.0"), "Plain.says()"); got != "1.18.3" {
		t.Errorf("the release says %q", got)
	}
	top := t.TempDir()
	l, err := layout.Write(filepath.Join(top, "layout"), empty.Index)
	if err == nil {
		err = l.AppendImage(img)
	}
	ref, err2 := name.NewTag("toolchain:1")
	if err := errors.Join(err, err2, tarball.WriteToFile(filepath.Join(top, "image.tar"), ref, img)); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"oci:" + filepath.Join(top, "layout"), "tar:" + filepath.Join(top, "image.tar")} {
		write(t, dir, "nonce", nonce())
		if got := (dram{args: []string{"image", dir, "--toolchain", ref}}).ok(t).digest(t); got != want {
			t.Errorf("%s gives %s, the registry's %s", ref, got, want)
		}
	}
}

func TestAskedVersionsThatNoImageHas(t *testing.T) {
	repository := elixirRegistry(t, empty.Image, "1.18.3-erlang-27.3.4.1-debian-trixie-20250610",
		"1.18.3-erlang-26.2.5-alpine-3.21.3", "1.17.3-erlang-26.2.5-debian-bookworm-20250610")
	env := []string{"DRAM_REPOSITORY=" + repository}
	r := dram{args: []string{"plan", plain(t, "elixir 1.18.3\nerlang 26.2.5\n")}, env: env}.fails(t, 2,
		"no Debian image with Elixir 1.18.3, Erlang 26.2.5, as .tool-versions asks",
		"with Elixir 1.18.3 there are Erlang 27.3.4.1", "with Erlang 26.2.5 there are Elixir 1.17.3", "--toolchain")
	if strings.Contains(r.stderr, "alpine") {
		t.Errorf("Alpine's are no remedy:\n%s", r.stderr)
	}
}

// What each suite has is listed where none satisfies mix.exs.
func TestNoSuiteSatisfies(t *testing.T) {
	real(t)
	dir := plain(t, "")
	replace(t, filepath.Join(dir, "mix.exs"), `version: "1.0.0"`, `version: "1.0.0", elixir: "~> 9.9"`)
	dram{args: []string{"plan", dir, "--expired-indexes", "allow"}}.fails(t, 2,
		`no Debian stable has an Elixir that satisfies elixir: "~> 9.9"`,
		"debian/13 has Elixir 1.18.3 on OTP 27.3.4.1", "debian/12 has Elixir 1.14.0 on OTP 25.2.3",
		"debian/11 has Elixir 1.10.3 on OTP 23.2.6", "debian/forky has Elixir", "--toolchain")
}
