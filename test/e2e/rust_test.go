package e2e

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
)

// crate is a crate's file, as registries have it.
func crate(t *testing.T, word string) []byte {
	t.Helper()
	return packed(t, map[string]string{
		"tidy-1.0.0/Cargo.toml": "[package]\nname = \"tidy\"\nversion = \"1.0.0\"\nedition = \"2021\"\n",
		"tidy-1.0.0/src/lib.rs": "pub fn word() -> &'static str { \"" + word + "\" }\n",
	})
}

// crates is a registry of crates on this machine's loopback that serves a file, and knows
// it by its checksum.
func crates(t *testing.T, file []byte, sum string) string {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("/config.json", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"dl":"%s/dl"}`, server.URL)
	})
	mux.HandleFunc("/ti/dy/tidy", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"name":"tidy","vers":"1.0.0","deps":[],"cksum":"%s","features":{},"yanked":false}`+"\n", sum)
	})
	mux.HandleFunc("/dl/tidy/1.0.0/download", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(file) })
	return server.URL
}

const rustMix = `defmodule Mix.Tasks.Compile.Calc do
  use Mix.Task.Compiler
  def run(_) do
    {_, 0} = System.cmd("cargo", ~w(build --release --locked --manifest-path native/calc/Cargo.toml --target-dir _build/calc), into: IO.stream())
    File.mkdir_p!("priv")
    File.cp!("_build/calc/release/calc", "priv/calc")
    :ok
  end
end

defmodule Sums.MixProject do
  use Mix.Project
  def project, do: [app: :sums, version: "0.1.0", deps: [], compilers: [:calc] ++ Mix.compilers()]
end
`

// Code in Rust is compiled without the network, of crates that a step before fetched and
// held against Cargo.lock.
func TestRustFromSource(t *testing.T) {
	real(t)
	t.Parallel()
	file := crate(t, "tidy")
	sum := fmt.Sprintf("%x", sha256.Sum256(file))
	rust := func(registry string) string {
		return write(t, t.TempDir(), "nonce", nonce(), "priv/.keep", "", "mix.exs", rustMix,
			"lib/sums.ex", "defmodule Sums do\n  def says, do: :sums |> Application.app_dir(\"priv/calc\") |> System.cmd([]) |> elem(0)\nend\n",
			".cargo/config.toml", "[source.crates-io]\nreplace-with = \"here\"\n[source.here]\nregistry = \"sparse+"+registry+"/\"\n",
			"native/calc/Cargo.toml", "[package]\nname = \"calc\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\ntidy = \"1\"\n",
			"native/calc/src/main.rs", "fn main() { print!(\"{}\", tidy::word()); }\n",
			"native/calc/Cargo.lock", `version = 3

[[package]]
name = "calc"
version = "0.1.0"
dependencies = [
 "tidy",
]

[[package]]
name = "tidy"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "`+sum+`"
`)
	}
	dir := rust(crates(t, file, sum))
	dram{args: []string{"image", dir}}.ok(t)
	if got := says(t, imageOf(filepath.Clean(dir), "sums", "0.1.0"), "Sums.says()"); got != "tidy" {
		t.Errorf("the release says %q", got)
	}
	dram{args: []string{"build", rust(crates(t, crate(t, "another"), sum))}}.fails(t, 4, "crates")
}
