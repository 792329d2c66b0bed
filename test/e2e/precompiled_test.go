package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
)

// protocol is as much of rustler_precompiled as the others of its users see: it writes
// down what it would fetch, takes a verified archive from its cache, else fetches it,
// and raises where it is told to build.
const protocol = `defmodule RustlerPrecompiled do
  defmacro __using__(opts) do
    quote bind_quoted: [opts: opts] do
      RustlerPrecompiled.load(__MODULE__, opts)
      @external_resource "checksum"
      def told, do: File.read!(Application.app_dir(unquote(opts[:otp_app]), "priv/native/told"))
    end
  end

  def load(module, opts) do
    name = "lib#{opts[:otp_app]}-v#{opts[:version]}-nif-2.15-x86_64-unknown-linux-gnu.so.tar.gz"
    home = :filename.basedir(:user_cache, "rustler_precompiled")
    path = Path.join([home, "precompiled_nifs", name])
    metadata = %{otp_app: opts[:otp_app], base_url: {opts[:base_url], []}, file_name: name, cached_tar_gz: path, version: opts[:version]}
    File.mkdir_p!(Path.join(home, "metadata"))
    File.write!(Path.join([home, "metadata", "metadata-#{module}.exs"]), inspect(metadata, pretty: true))
    if System.get_env("RUSTLER_PRECOMPILED_FORCE_BUILD_ALL") in ["1", "true"], do: raise("Rustler dependency is needed to force the build")
    archive = if File.exists?(path), do: File.read!(path), else: fetch(opts[:base_url] <> "/" <> name)
    {%{^name => "sha256:" <> sum}, _} = Code.eval_string(File.read!("checksum-#{module}.exs"))
    ^sum = Base.encode16(:crypto.hash(:sha256, archive), case: :lower)
    :ok = :erl_tar.extract({:binary, archive}, [:compressed, cwd: String.to_charlist(Application.app_dir(opts[:otp_app], "priv/native"))])
  end

  defp fetch(url) do
    {:ok, _} = Application.ensure_all_started(:inets)
    {:ok, {{_, 200, _}, _, body}} = :httpc.request(:get, {String.to_charlist(url), []}, [], body_format: :binary)
    body
  end
end
`

// A package's precompiled NIF comes in a step of its own, verified by the checksum that
// the package brings; a tampered one, and one that is not there, are refused by name.
func TestPrecompiledNIF(t *testing.T) {
	real(t)
	const name = "libhx_nif-v1.0.0-nif-2.15-x86_64-unknown-linux-gnu.so.tar.gz"
	archive := tarGz(t, "told", "by a precompiled NIF")
	served := archive
	artefacts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1.0.0/"+name || served == nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(served)
	}))
	defer artefacts.Close()
	m := precompiledMirror(t, artefacts.URL, fmt.Sprintf("%%{%q => \"sha256:%x\"}\n", name, sha256.Sum256(archive)))
	project := func() (string, dram) {
		dir := write(t, filepath.Join(t.TempDir(), "nifs"),
			"mix.exs", `# `+nonce()+`
defmodule Nifs.MixProject do
  use Mix.Project
  def project, do: [app: :nifs, version: "1.0.0", deps: [{:hx_nif, "~> 1.0"}]]
  def application, do: [extra_applications: [:logger]]
end
`,
			"lib/nifs.ex", "defmodule Nifs do\n  def told, do: HxNif.told()\nend\n")
		m.lock(t, dir)
		return dir, dram{args: []string{"image", dir}, env: m.env()}
	}
	dir, build := project()
	build.ok(t)
	if got := says(t, imageOf(dir, "nifs", "1.0.0"), "Nifs.told()"); got != "by a precompiled NIF" {
		t.Errorf("the release says %q", got)
	}
	served = bytes.Clone(archive)
	served[len(served)/2] ^= 1
	_, build = project()
	build.fails(t, 4, `step "fetch precompiled"`, name, "hx_nif says", "refused")
	served = nil
	_, build = project()
	build.fails(t, 4, `step "fetch precompiled"`, name, "the server answers 404", "force_build, hx_nif: true")
}

func tarGz(t *testing.T, name, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	_, err := w.Write([]byte(text))
	for _, e := range []error{err, w.Close(), z.Close()} {
		if e != nil {
			t.Fatal(e)
		}
	}
	return b.Bytes()
}

// precompiledMirror is a Hex repository with hx_nif, whose NIF lies at url.
func precompiledMirror(t *testing.T, url, checksums string) *mirror {
	t.Helper()
	const project = `defmodule %s.MixProject do
  use Mix.Project

  def project do
    [app: :%s, version: "1.0.0", description: "made for a test", deps: [%s],
     package: [licenses: ["Apache-2.0"], links: %%{}, files: ["lib", "priv", "mix.exs", "checksum-*.exs"]]]
  end

  def application, do: [extra_applications: [:inets, :ssl, :crypto]]
end
`
	work := write(t, t.TempDir(),
		"rustler_precompiled-1.0.0/mix.exs", fmt.Sprintf(project, "RustlerPrecompiled", "rustler_precompiled", ""),
		"rustler_precompiled-1.0.0/lib/rustler_precompiled.ex", protocol,
		"rustler_precompiled-1.0.0/priv/readme", "", "rustler_precompiled-1.0.0/checksum-none.exs", "%{}\n", // its files are named as hx_nif's
		"hx_nif-1.0.0/mix.exs", fmt.Sprintf(project, "HxNif", "hx_nif", `{:rustler_precompiled, "~> 1.0"}`),
		"hx_nif-1.0.0/priv/native/readme", "",
		"hx_nif-1.0.0/lib/hx_nif.ex", `defmodule HxNif do
  use RustlerPrecompiled, otp_app: :hx_nif, version: "1.0.0", base_url: "`+url+`/v#{1}.0.0"
end
`,
		"hx_nif-1.0.0/checksum-Elixir.HxNif.exs", checksums)
	return serveHex(t, work, "rustler_precompiled-1.0.0", "hx_nif-1.0.0")
}
