package e2e

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shop is a project with a Hex dependency, one for tests alone, and one in a
// directory of the project; more goes into its list of dependencies.
func shop(t *testing.T, more string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "shop"),
		"nonce", nonce(),
		"mix.exs", `defmodule Shop.MixProject do
  use Mix.Project

  def project do
    [app: :shop, version: "1.0.0", elixir: "~> 1.14", deps: deps()]
  end

  def application, do: [extra_applications: [:logger]]

  defp deps do
    [
      {:hx_top, "~> 1.0"},
      {:hx_tool, "~> 1.0", only: :test},
      {:shelf, path: "libs/shelf"}`+more+`
    ]
  end
end
`,
		"lib/shop.ex", "defmodule Shop do\n  def says, do: HxTop.says() <> \", \" <> Shelf.says()\nend\n",
		"libs/shelf/mix.exs", "defmodule Shelf.MixProject do\n  use Mix.Project\n  def project, do: [app: :shelf, version: \"0.1.0\"]\nend\n",
		"libs/shelf/lib/shelf.ex", "defmodule Shelf do\n  def says, do: \"shelf\"\nend\n")
}

// nonce makes a source that no earlier build had, so that no result is found in
// the cache.
func nonce() string { return strconv.FormatInt(time.Now().UnixNano(), 36) }

// imageOf is where a project's image goes by default.
func imageOf(dir, name, version string) string {
	return filepath.Join(dir, "releases", name, name+"-"+version+"-linux-amd64.tar")
}

// says evaluates an expression in a built image.
func says(t *testing.T, image, expression string) string {
	t.Helper()
	r := dram{args: []string{"run", "-q", image, "--", "eval", "IO.write(" + expression + ")"}}.ok(t)
	return r.stdout
}

// A project with Hex, git and path dependencies, from a real Hex repository.
func TestHexDependencies(t *testing.T) {
	real(t)
	m := hexMirror(t)
	t.Run("locked", m.locked)
	t.Run("unlocked", m.unlocked)
	t.Run("git", m.git)
	t.Run("absent", m.absent)
	t.Run("tampered", m.tamperedPackage)
	t.Run("secret", m.secret)
}

func (m *mirror) locked(t *testing.T) {
	dir := shop(t, "")
	m.lock(t, dir)
	m.requests()
	build := dram{args: []string{"image", dir}, env: m.env()}
	r := build.ok(t)
	if got := says(t, imageOf(dir, "shop", "1.0.0"), "Shop.says()"); got != "top on base and rebar3, shelf" {
		t.Errorf("the release says %q\n%s", got, r.stderr)
	}
	want := []string{"hx_base-1.0.0.tar", "hx_erl-1.0.0.tar", "hx_top-1.0.0.tar"}
	if diff := cmp.Diff(want, tarballs(m.requests())); diff != "" {
		t.Errorf("packages fetched: %s", diff)
	}
	if strings.Contains(r.stderr, "mix.lock") {
		t.Errorf("a project with mix.lock is warned of it:\n%s", r.stderr)
	}

	replace(t, filepath.Join(dir, "lib/shop.ex"), `", "`, `"; "`)
	build.env = []string{"HEX_MIRROR_URL=http://127.0.0.1:1"} // nothing answers there
	build.ok(t)
	if got := says(t, imageOf(dir, "shop", "1.0.0"), "Shop.says()"); got != "top on base and rebar3; shelf" {
		t.Errorf("after the edit, the release says %q", got)
	}
	if asked := m.requests(); len(asked) > 0 {
		t.Errorf("the second build fetched %v", asked)
	}
}

func (m *mirror) unlocked(t *testing.T) {
	dir := shop(t, "")
	m.requests()
	build := dram{args: []string{"image", dir}, env: m.env()}
	if r := build.ok(t); !strings.Contains(r.stderr, "there is no mix.lock") {
		t.Errorf("nobody is told of the missing mix.lock:\n%s", r.stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "mix.lock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the build wrote mix.lock into the project: %v", err)
	}
	for _, path := range m.requests() {
		if strings.Contains(path, "hx_tool") {
			t.Errorf("a dependency for tests alone was asked for: %s", path)
		}
	}
	replace(t, filepath.Join(dir, "lib/shop.ex"), `", "`, `"; "`)
	build.ok(t)
	if got := tarballs(m.requests()); len(got) > 0 {
		t.Errorf("the second build fetched %v again", got)
	}
}

func (m *mirror) git(t *testing.T) {
	m.gitRepository(t, "hx_git", "HxGit")
	dir := shop(t, `, {:hx_git, git: "`+m.server.URL+`/hx_git.git"}`)
	replace(t, filepath.Join(dir, "lib/shop.ex"), `HxTop.says()`, `HxGit.says()`)
	m.lock(t, dir)
	m.requests()
	build := dram{args: []string{"image", dir}, env: m.env()}
	first := build.ok(t).digest(t)
	if got := says(t, imageOf(dir, "shop", "1.0.0"), "Shop.says()"); got != "git, shelf" {
		t.Errorf("the release says %q", got)
	}
	m.requests()
	replace(t, filepath.Join(dir, "lib/shop.ex"), `", "`, `"; "`)
	build.ok(t)
	if asked := m.requests(); len(asked) > 0 {
		t.Errorf("the second build fetched %v", asked)
	}
	replace(t, filepath.Join(dir, "lib/shop.ex"), `"; "`, `", "`)
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	copyTree(t, dir, elsewhere)
	write(t, elsewhere, "nonce", nonce())
	build.args[1] = elsewhere
	if again := build.ok(t).digest(t); again != first {
		t.Errorf("built from scratch elsewhere: %s, at first %s", again, first)
	}
}

func (m *mirror) absent(t *testing.T) {
	dir := shop(t, `, {:hx_nowhere, "~> 1.0"}`)
	dram{args: []string{"image", dir}, env: m.env()}.fails(t, 4,
		`step "fetch"`, "No package with name hx_nowhere")
	if _, err := os.Stat(filepath.Join(dir, "releases")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a failed build left results: %v", err)
	}
}

func (m *mirror) tamperedPackage(t *testing.T) {
	dir := shop(t, "")
	m.lock(t, dir)
	replace(t, filepath.Join(dir, "mix.exs"), "defmodule", "# "+nonce()+"\ndefmodule") // what others fetched is not taken
	m.tamperWith(t, "/tarballs/hx_base-1.0.0.tar")
	dram{args: []string{"image", dir}, env: m.env()}.fails(t, 4, `step "fetch"`, "hx_base", "checksum")
}

// What is secret in the environment goes to the steps that fetch, and nowhere
// else.
func (m *mirror) secret(t *testing.T) {
	const secret = "5ecre7-hex-api-key-0f-the-te5t"
	dir := shop(t, "")
	replace(t, filepath.Join(dir, "mix.exs"), `version: "1.0.0"`, `version: "2.0.0"`)
	write(t, dir, "priv/readme", "", "lib/leak.ex", `File.write!("priv/environment", inspect(System.get_env(), limit: :infinity))
`)
	env := append(m.env(), "HEX_API_KEY="+secret)
	out := filepath.Join(t.TempDir(), "layout")
	built := dram{args: []string{"image", dir, "-o", "oci:" + out}, env: env}.ok(t)
	planned := dram{args: []string{"plan", dir, "--format", "json"}, env: env}.ok(t)
	for _, text := range []string{built.stdout, built.stderr, planned.stdout, planned.stderr} {
		if strings.Contains(text, secret) {
			t.Errorf("the secret is printed:\n%s", text)
		}
	}
	if found := grep(t, out, "MIX_ENV"); len(found) == 0 {
		t.Fatal("the layers do not hold the build's environment, so that this test would find nothing")
	}
	for _, place := range []string{out, dir, cacheDir} {
		for _, path := range grep(t, place, secret) {
			t.Errorf("the secret is in %s", path)
		}
	}
}

// grep finds the files below dir that hold text, gzipped or not. Toolchain
// roots, which nobody writes to, and packages are left out.
func grep(t *testing.T, dir, text string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // another test is done with it
			return nil
		case err != nil:
			return err
		case d.IsDir() && p == filepath.Join(cacheDir, "trees"):
			return filepath.SkipDir
		case !d.Type().IsRegular() || filepath.Ext(p) == ".deb":
			return nil
		}
		raw, err := os.ReadFile(p)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if holds(raw, text) {
			found = append(found, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func holds(raw []byte, text string) bool {
	if bytes.Contains(raw, []byte(text)) {
		return true
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return false
	}
	plain, _ := io.ReadAll(io.LimitReader(z, 256<<20)) // of a damaged one, what can be read
	return bytes.Contains(plain, []byte(text))
}
