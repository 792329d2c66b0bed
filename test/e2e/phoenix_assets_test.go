package e2e

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// web is a project with assets as Phoenix's generator lays them out, and the
// things that its tools do: setup leaves packages in the source tree, compiling
// extracts hooks that the bundler needs and makes a library in priv/, and
// deploying writes digested files there.
func web(t *testing.T) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "web"),
		"nonce", nonce(), "assets/app.css", "body { color: black }\n", "priv/readme", "",
		"mix.exs", `defmodule Web.MixProject do
  use Mix.Project

  def project do
    [app: :web, version: "1.0.0", aliases: aliases()]
  end

  defp aliases do
    ["assets.setup": &setup/1, "assets.deploy": &deploy/1]
  end

  defp setup(_) do
    File.mkdir_p!("assets/node_modules/reset")
    File.write!("assets/node_modules/reset/reset.css", "* { margin: 0 }\n")
  end

  defp deploy(_) do
    hooks = File.read!(Path.join(Mix.Project.build_path(), "hooks.css"))
    css = File.read!("assets/node_modules/reset/reset.css") <> File.read!("assets/app.css") <> hooks
    File.mkdir_p!("priv/static")
    File.write!("priv/static/app.css", css)
    File.write!("priv/static/app-#{:erlang.phash2(css)}.css", css)
    File.write!("priv/static/cache_manifest.json", ~s({"digests":{"app.css":{"mtime":#{System.os_time()}}}}))
  end
end
`,
		"c_src/web.c", "int web(void) { return 1; }\n",
		"lib/web.ex", `defmodule Web do
  def files, do: :web |> :code.priv_dir() |> Path.join("**") |> Path.wildcard() |> Enum.map(&Path.basename/1)
  def css, do: File.read!(Application.app_dir(:web, "priv/static/app.css"))
  def edited, do: 0
end
`,
		"lib/web/hooks.ex", `defmodule Web.Hooks do
  File.write!(Path.join(Mix.Project.build_path(), "hooks.css"), "main { color: red }\n")
end
`,
		"lib/web/native.ex", `defmodule Web.Native do
  File.mkdir_p!("priv/native")
  # A real library, made when this module is compiled: images of others are refused.
  {"", 0} = System.cmd("cc", ~w[-shared -fPIC -o priv/native/web.so c_src/web.c])
end
`)
}

// An incremental build has what a fresh one has, whatever earlier builds left
// in the source tree.
func TestAssetsIncrementalIsFresh(t *testing.T) {
	real(t)
	dir := web(t)
	digest := func(dir string) string {
		return dram{args: []string{"image", dir}}.ok(t).digest(t)
	}
	first := digest(dir)
	image := imageOf(dir, "web", "1.0.0")
	if css := says(t, image, "Web.css()"); css != "* { margin: 0 }\nbody { color: black }\nmain { color: red }\n" {
		t.Errorf("assets are %q", css)
	}
	for _, edit := range []struct{ file, old, with, what string }{
		{"lib/web.ex", "edited, do: 0", "edited, do: 1", "code"},
		{"assets/app.css", "black", "blue", "an asset"},
	} {
		replace(t, filepath.Join(dir, edit.file), edit.old, edit.with)
		incremental := digest(dir)
		if incremental == first {
			t.Fatalf("editing %s changed nothing", edit.what)
		}
		if files := says(t, image, `Enum.join(Web.files(), " ")`); strings.Count(files, ".css") != 2 || !strings.Contains(files, "web.so") {
			t.Errorf("after editing %s, priv holds %s", edit.what, files)
		}
		fresh := filepath.Join(t.TempDir(), "fresh")
		copyTree(t, dir, fresh)
		write(t, fresh, "nonce", nonce())
		if got := digest(fresh); got != incremental {
			t.Errorf("after editing %s: %s incrementally, %s from scratch", edit.what, incremental, got)
		}
	}
}

// A builder that cannot switch the network off for the steps that compile says
// so; one that can does not, nor does a build that fetches nothing.
func TestNetworkThatStaysOnIsTold(t *testing.T) {
	withDocker(t)
	major, _, _ := strings.Cut(docker(t, "version", "--format", "{{.Server.Version}}"), ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		t.Fatal(err)
	}
	told := func(dir string) bool {
		r := dram{args: []string{"build", dir, "--engine", "buildkit", "--quiet"}, cache: ownCache(t)}.ok(t)
		return strings.Contains(r.stderr, "cannot switch the network off for the steps that compile")
	}
	if got := told(web(t)); got != (n < 23) {
		t.Errorf("with Docker %d it is told: %t", n, got)
	}
	if told(project(t, "examples/hello")) {
		t.Error("it is told of a build that is without the network as a whole")
	}
}

// Some packages download while they are compiled. That needs to be allowed,
// and where it is not, the error says how.
func TestCompilingHasTheNetworkWhereAllowed(t *testing.T) {
	real(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("precompiled"))
	}))
	defer server.Close()
	dir := write(t, filepath.Join(t.TempDir(), "downloads"),
		"nonce", nonce(),
		"mix.exs", `defmodule Downloads.MixProject do
  use Mix.Project
  def project, do: [app: :downloads, version: "1.0.0"]
  def application, do: [extra_applications: [:logger, :inets, :ssl]]
end
`,
		"lib/downloads.ex", `defmodule Downloads do
  {:ok, _} = Application.ensure_all_started([:inets, :ssl])

  case :httpc.request(:get, {~c"`+server.URL+`", []}, [], body_format: :binary) do
    {:ok, {_, _, body}} -> def body, do: unquote(body)
    {:error, reason} -> raise "downloading failed: #{inspect(reason)}"
  end
end
`)
	build := dram{args: []string{"image", dir}, env: []string{"HEX_API_KEY=none-of-its-business"}}
	build.fails(t, 4, `step "release"`, "downloading failed", "--build-network host")
	build.env = append(build.env, "DRAM_BUILD_NETWORK=host")
	if r := build.ok(t); !strings.Contains(r.stderr, "compiling has the network") {
		t.Errorf("nobody is told what that means:\n%s", r.stderr)
	}
	if body := says(t, imageOf(dir, "downloads", "1.0.0"), "Downloads.body()"); body != "precompiled" {
		t.Errorf("the release says %q", body)
	}
	if r := (dram{args: []string{"plan", dir, "--build-network", "host"}}).ok(t); !strings.Contains(r.stdout, "with the network") || !strings.Contains(r.stdout, "set by --build-network") {
		t.Errorf("the plan does not say so:\n%s", r.stdout)
	}
	dram{args: []string{"plan", dir, "--build-network", "some"}}.fails(t, 2, `"some" is not none or isolated or host`)
}
