package e2e

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/compression"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/distro"
	"dram/internal/distro/debian"
	"dram/internal/sandbox"
	"dram/internal/store"
)

// scripts runs packages' scripts in the sandbox.
type scripts struct{ st *store.Store }

func (s scripts) Run(ctx context.Context, root string, argv, env []string, out io.Writer) error {
	scratch, done, err := s.st.TempDir("scripts")
	if err != nil {
		return err
	}
	defer done()
	return sandbox.Run(ctx, sandbox.Spec{Root: root, Scratch: scratch, Argv: argv, Env: env, Stdio: sandbox.Stdio{Stdout: out, Stderr: out}, Reap: true})
}

// bareRoot is a system of Debian 13 with Erlang and Elixir and without git, a compiler
// or make, as images for asked versions are. It has other distributions' package
// managers, too.
func bareRoot(t *testing.T) string {
	t.Helper()
	dir := debianRoot(t, "13", "elixir", "erlang-dev", "erlang-hex", "rebar3", "ca-certificates", "dnf", "zypper", "pacman-package-manager", "rpm", "createrepo-c")
	for _, name := range []string{"git", "cc", "make"} {
		if _, err := os.Lstat(filepath.Join(dir, "usr/bin", name)); err == nil {
			t.Fatalf("the bare root has %s", name)
		}
	}
	return dir
}

// debianRoot is a system of a suite of Debian with packages.
func debianRoot(t *testing.T, version string, packages ...string) string {
	t.Helper()
	st, err := store.Open(cacheDir)
	if err != nil {
		t.Fatal(err)
	}
	suite, err := debian.Distribution{}.Info().Suite(version)
	if err != nil {
		t.Fatal(err)
	}
	c := debian.New(st, nil, t.Logf)
	set, err := c.Resolve(t.Context(), debian.Request{
		Suite: suite, Arch: runtime.GOARCH, Mirror: debian.MirrorOf(os.DirFS("/etc"), distro.Mirror{}), Packages: packages,
	}.Bare())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := c.Unpack(t.Context(), set, dir, scripts{st}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// layerOf is a layer of files.
func layerOf(t *testing.T, write func(w *tar.Writer) error) v1.Layer {
	t.Helper()
	file := filepath.Join(t.TempDir(), "layer.tar")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(out)
	for _, err := range []error{write(w), w.Close(), out.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	layer, err := tarball.LayerFromFile(file, tarball.WithCompression(compression.None), tarball.WithMediaType(types.DockerUncompressedLayer))
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

func treeLayer(t *testing.T, root string) v1.Layer {
	return layerOf(t, func(w *tar.Writer) error {
		return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
			rel, relErr := filepath.Rel(root, p)
			if err != nil || relErr != nil || rel == "." {
				return err
			}
			return tarOne(w, p, filepath.ToSlash(rel), d)
		})
	})
}

// filesLayer is a layer of small files, "NAME", "TEXT", …
func filesLayer(t *testing.T, pairs ...string) v1.Layer {
	return layerOf(t, func(w *tar.Writer) error {
		for i := 0; i+1 < len(pairs); i += 2 {
			if err := w.WriteHeader(&tar.Header{Name: pairs[i], Mode: 0o644, Size: int64(len(pairs[i+1])), Typeflag: tar.TypeReg}); err != nil {
				return err
			}
			if _, err := io.WriteString(w, pairs[i+1]); err != nil {
				return err
			}
		}
		return nil
	})
}

// layoutOf is an image of layers, as a reference.
func layoutOf(t *testing.T, layers ...v1.Layer) string {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		t.Fatal(err)
	}
	img, err = mutate.ConfigFile(img, &v1.ConfigFile{
		OS: "linux", Architecture: runtime.GOARCH, RootFS: must(t)(img.ConfigFile()).RootFS,
		Config: v1.Config{Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "layout")
	at, err := layout.Write(dir, empty.Index)
	if err == nil {
		err = at.AppendImage(img)
	}
	if err != nil {
		t.Fatal(err)
	}
	return "oci:" + dir
}

// nifProject has a git dependency and native code, and says nothing of packages.
func nifProject(t *testing.T, m *mirror) string {
	t.Helper()
	dir := write(t, filepath.Join(t.TempDir(), "nifty"),
		"nonce", nonce(),
		"mix.exs", `defmodule Mix.Tasks.Compile.Native do
  use Mix.Task.Compiler
  def run(_) do
    include = Path.join(:code.root_dir(), "usr/include")
    {_, 0} = System.cmd("make", ["INCLUDE=" <> include], into: IO.stream(:stdio, :line))
    Mix.Project.build_structure()
    :ok
  end
end
defmodule Nifty.MixProject do
  use Mix.Project
  def project, do: [app: :nifty, version: "1.0.0", compilers: [:native | Mix.compilers()], deps: [{:hx_git, git: "`+m.server.URL+`/hx_git.git"}]]
end
`,
		"Makefile", "priv/nifty.so: c_src/nifty.c\n\tmkdir -p priv && cc -shared -fPIC -I$(INCLUDE) -o $@ $<\n",
		"c_src/nifty.c", `#include <erl_nif.h>
static ERL_NIF_TERM answer(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) { return enif_make_int(env, 42); }
static ErlNifFunc funcs[] = {{"answer", 0, answer}};
ERL_NIF_INIT(Elixir.Nifty, funcs, NULL, NULL, NULL, NULL)
`,
		"lib/nifty.ex", `defmodule Nifty do
  @on_load :load
  def load, do: :erlang.load_nif(:filename.join(:code.priv_dir(:nifty), 'nifty'), 0)
  def answer, do: :erlang.nif_error(:not_loaded)
  def says, do: "#{HxGit.says()} #{answer()}"
end
`)
	return dir
}

// builds builds the project in a toolchain, from nothing and again, and tries the NIF
// and the dependency.
func builds(t *testing.T, dir, ref, told string) {
	t.Helper()
	write(t, dir, "nonce", nonce())
	build := dram{args: []string{"image", dir, "--toolchain", ref}}
	first := build.ok(t)
	if !strings.Contains(first.stderr, told) {
		t.Errorf("the toolchain is not told as one with %q:\n%s", told, first.stderr)
	}
	if got := says(t, imageOf(dir, "nifty", "1.0.0"), "Nifty.says()"); got != "git 42" {
		t.Errorf("the release says %q", got)
	}
	if again := build.ok(t); !strings.Contains(again.stderr, "nothing changed") {
		t.Errorf("built again:\n%s", again.stderr)
	}
}

// payload is what the tree added has beside base, in a tar; and the names.
func payload(t *testing.T, base, added, file string) (names []string) {
	t.Helper()
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(out)
	for _, top := range []string{"usr", "etc/alternatives"} {
		err := filepath.WalkDir(filepath.Join(added, top), func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(added, p)
			if _, there := os.Lstat(filepath.Join(base, rel)); err != nil || there == nil {
				return err
			}
			names = append(names, rel)
			return tarOne(w, p, rel, d)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{w.Close(), out.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// rpms makes a repository of rpm packages in dir/rpm: what builds need, in one, and
// empty ones by the names that ask for it.
func rpms(t *testing.T, ref, dir string, names []string) {
	t.Helper()
	var list, spec strings.Builder
	for _, n := range names {
		fmt.Fprintf(&list, "\"/%s\"\n", n)
	}
	spec.WriteString("%global _build_id_links none\n%global __os_install_post %{nil}\n%global debug_package %{nil}\n%define _binary_payload w0.gzdio\n" +
		"Name: stuff\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\nAutoReqProv: no\n%description\nx\n" +
		"%install\nmkdir -p %{buildroot} && tar -C %{buildroot} -xf /w/stuff.tar\n%files -f /w/files\n")
	for _, n := range []string{"git", "gcc", "gcc-c++", "make", "glibc-devel"} {
		fmt.Fprintf(&spec, "%%package -n %s\nSummary: x\nRequires: stuff\nAutoReqProv: no\n%%description -n %s\nx\n%%files -n %s\n", n, n, n)
	}
	write(t, dir, "files", list.String(), "stuff.spec", spec.String())
	dram{args: []string{
		"toolchain", "exec", ref, "--bind", dir + ":/w", "--", "sh", "-ec",
		`rpmbuild -bb --quiet --define "_topdir /w/build" --define "_rpmdir /w/rpm" /w/stuff.spec && createrepo_c -q /w/rpm`,
	}}.ok(t)
}

// archRepository makes a repository of pacman packages in dir/arch, likewise.
func archRepository(t *testing.T, dir string, names []string, base string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "arch"), 0o755); err != nil {
		t.Fatal(err)
	}
	db, err := os.Create(filepath.Join(dir, "arch/test.db"))
	if err != nil {
		t.Fatal(err)
	}
	index := tar.NewWriter(db)
	text := func(w *tar.Writer, name, body string) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(body)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []string{"stuff", "git", "gcc", "make"} {
		depends := "stuff"
		file := n + "-1-1-any.pkg.tar"
		at := filepath.Join(dir, "arch", file)
		out, err := os.Create(at)
		if err != nil {
			t.Fatal(err)
		}
		w := tar.NewWriter(out)
		info := "pkgname = " + n + "\npkgver = 1-1\narch = any\n"
		if n == "stuff" {
			depends = ""
		} else {
			info += "depend = stuff\n"
		}
		text(w, ".PKGINFO", info)
		if n == "stuff" {
			for _, name := range names {
				st, err := os.Lstat(filepath.Join(base, name))
				if err != nil {
					t.Fatal(err)
				}
				if err := tarOne(w, filepath.Join(base, name), name, fs.FileInfoToDirEntry(st)); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, err := range []error{w.Close(), out.Close()} {
			if err != nil {
				t.Fatal(err)
			}
		}
		raw, err := os.ReadFile(at)
		if err != nil {
			t.Fatal(err)
		}
		text(index, n+"-1-1/desc", fmt.Sprintf("%%FILENAME%%\n%s\n\n%%NAME%%\n%s\n\n%%VERSION%%\n1-1\n\n%%CSIZE%%\n%d\n\n%%SHA256SUM%%\n%x\n\n%%ARCH%%\nany\n\n%%DEPENDS%%\n%s\n\n",
			file, n, len(raw), sha256.Sum256(raw), depends))
	}
	for _, err := range []error{index.Close(), db.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A project with a git dependency and a NIF builds by itself in images that have
// neither git nor a compiler: of Debian, and of the families of rpm and of Arch. What
// these install is Debian's files, packed as their own packages are.
func TestPackagesComeOntoImages(t *testing.T) {
	real(t)
	m := &mirror{dir: t.TempDir()}
	m.server = httptest.NewServer(m)
	t.Cleanup(m.server.Close)
	m.gitRepository(t, "hx_git", "HxGit")
	dir := nifProject(t, m)
	root := bareRoot(t)
	base := treeLayer(t, root)
	bare := layoutOf(t, base)

	builds(t, dir, bare, "packages of debian trixie")
	dram{args: []string{"build", dir, "--toolchain", bare, "--package", "cmkae"}}.fails(t, 2, `has no package "cmkae"`, "did you mean cmake?")

	if os.Getenv("DRAM_CAMPAIGN") == "" {
		t.Log("left out: dnf, zypper and pacman, minutes of packing (DRAM_CAMPAIGN=1)")
		return
	}
	added := strings.TrimSpace(dram{args: []string{
		"toolchain", "root", bare, "--package", "gcc", "--package", "g++", "--package", "git",
		"--package", "make", "--package", "libc6-dev",
	}}.ok(t).stdout)
	work := t.TempDir()
	names := payload(t, root, added, filepath.Join(work, "stuff.tar"))
	files := httptest.NewServer(http.FileServer(http.Dir(work)))
	t.Cleanup(files.Close)
	rpms(t, bare, work, names)
	archRepository(t, work, names, added)
	repo := "[test]\nname=test\nenabled=1\ngpgcheck=0\nautorefresh=1\nbaseurl=" + files.URL + "/rpm\n"
	for _, tt := range []struct{ name, release, config, text, says string }{
		{"dnf", "ID=fedora\n", "etc/yum.repos.d/test.repo", repo, "packages by dnf"},
		{"zypper", "ID=opensuse-leap\nID_LIKE=\"suse opensuse\"\n", "etc/zypp/repos.d/test.repo", repo, "packages by zypper"},
		{
			"pacman", "ID=arch\n", "etc/pacman.conf",
			"[options]\nArchitecture = auto\nSigLevel = Never\nDownloadUser = alpm\n[test]\nServer = " + files.URL + "/arch\n", "packages by pacman",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ref := layoutOf(t, base, filesLayer(t, "etc/os-release", tt.release, "usr/lib/os-release", tt.release, tt.config, tt.text, "var/lib/.wh.dpkg", ""))
			builds(t, dir, ref, tt.says)
			dram{args: []string{"build", dir, "--toolchain", ref, "--package", "no-such"}}.fails(t, 2, "knows no package", "no-such")
		})
	}
}
