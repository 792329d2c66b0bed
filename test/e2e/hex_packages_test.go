package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// toolchainRef is the toolchain of the tests that need any one.
const toolchainRef = "distro:debian/13"

// mirror is a Hex repository, and bare git repositories beside it, on
// loopback: made by Hex itself, served by a file server that remembers what it
// was asked for.
type mirror struct {
	dir    string // what is served
	server *httptest.Server

	mu       sync.Mutex
	asked    []string
	tampered string // the path that is served with one byte changed
	key      string // without which nothing is served, "" for none
}

// hexMirror has hx_top, which needs hx_base and hx_erl; hx_erl is built by
// rebar3; hx_tool is for tests alone.
func hexMirror(t *testing.T) *mirror {
	t.Helper()
	work := t.TempDir()
	writePackages(t, work)
	return serveHex(t, work, "hx_base-1.0.0", "hx_erl-1.0.0", "hx_top-1.0.0", "hx_tool-1.0.0")
}

// serveHex makes a Hex repository of packages, each in a directory NAME-VERSION of
// work, and serves it.
func serveHex(t *testing.T, work string, packages ...string) *mirror {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	write(t, work, "key.pem", string(private), "make.exs", makeRegistry, "packages", strings.Join(packages, " "))
	if err := os.MkdirAll(filepath.Join(work, "public", "tarballs"), 0o755); err != nil {
		t.Fatal(err)
	}
	inside(t, work, "elixir", "/w/make.exs")
	m := &mirror{dir: filepath.Join(work, "public")}
	m.server = httptest.NewServer(m)
	t.Cleanup(m.server.Close)
	return m
}

// makeRegistry builds the packages and the registry in one virtual machine.
const makeRegistry = `
Mix.start()
Mix.env(:prod)
Mix.shell(Mix.Shell.Quiet)

for package <- String.split(File.read!("/w/packages")) do
  Mix.Project.in_project(String.to_atom(package), "/w/" <> package, fn _ ->
    Mix.Task.rerun("hex.build", ["-o", "/w/public/tarballs/#{package}.tar"])
  end)
end

Mix.Task.run("hex.registry", ["build", "/w/public", "--name=hexpm", "--private-key=/w/key.pem"])
`

func writePackages(t *testing.T, dir string) {
	t.Helper()
	mix := func(name, module, more, options string) string {
		return hexPackage(name, module, "1.0.0", more, options)
	}
	write(t, dir,
		"hx_base-1.0.0/mix.exs", mix("hx_base", "HxBase", "", ""),
		"hx_base-1.0.0/lib/hx_base.ex", "defmodule HxBase do\n  def says, do: \"base\"\nend\n",
		"hx_tool-1.0.0/mix.exs", mix("hx_tool", "HxTool", "", ""),
		"hx_tool-1.0.0/lib/hx_tool.ex", "defmodule HxTool do\nend\n",
		"hx_top-1.0.0/mix.exs", mix("hx_top", "HxTop", `, deps: [{:hx_base, "~> 1.0"}, {:hx_erl, "~> 1.0"}]`, ""),
		"hx_top-1.0.0/lib/hx_top.ex", "defmodule HxTop do\n  def says, do: \"top on #{HxBase.says()} and #{:hx_erl.says()}\"\nend\n",
		"hx_erl-1.0.0/mix.exs", mix("hx_erl", "HxErl", "", `, files: ["src", "rebar.config"], build_tools: ["rebar3"]`),
		"hx_erl-1.0.0/rebar.config", "{erl_opts, [debug_info]}.\n",
		"hx_erl-1.0.0/src/hx_erl.erl", "-module(hx_erl).\n-export([says/0]).\nsays() -> <<\"rebar3\">>.\n",
		"hx_erl-1.0.0/src/hx_erl.app.src", "{application, hx_erl, [{description, \"\"}, {vsn, \"1.0.0\"}, {applications, [kernel, stdlib]}]}.\n",
	)
}

// hexPackage is the mix.exs of a package.
func hexPackage(name, module, version, more, options string) string {
	return fmt.Sprintf(`defmodule %s.MixProject do
  use Mix.Project

  def project do
    [app: :%s, version: "%s", description: "made for a test"%s,
     package: [licenses: ["Apache-2.0"], links: %%{}%s]]
  end
end
`, module, name, version, more, options)
}

// inside runs a command in the toolchain, with dir at /w.
func inside(t *testing.T, dir string, argv ...string) result {
	t.Helper()
	return dram{args: append([]string{"toolchain", "exec", toolchainRef, "--bind", dir + ":/w", "-e", "HEX_HOME=/tmp/hex", "-e", "HEX_OFFLINE=1", "--"}, argv...)}.ok(t)
}

func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	m.asked = append(m.asked, r.URL.Path)
	tamper, key := m.tampered == r.URL.Path, m.key
	m.mu.Unlock()
	if key != "" && r.Header.Get("Authorization") != key {
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	if strings.HasSuffix(r.URL.Path, ".tar") { // rebar3 takes no package without
		w.Header().Set("ETag", strconv.Quote(fmt.Sprint(path.Base(r.URL.Path), tamper)))
	}
	if tamper {
		raw, err := os.ReadFile(filepath.Join(m.dir, filepath.FromSlash(r.URL.Path)))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		raw[len(raw)/2] ^= 1
		_, _ = w.Write(raw)
		return
	}
	http.FileServer(http.Dir(m.dir)).ServeHTTP(w, r)
}

// requests are the paths that were asked for since the last call.
func (m *mirror) requests() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	asked := m.asked
	m.asked = nil
	return asked
}

// tamperWith serves one path with a byte changed until the test ends.
func (m *mirror) tamperWith(t *testing.T, path string) {
	t.Helper()
	set := func(path string) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.tampered = path
	}
	set(path)
	t.Cleanup(func() { set("") })
}

// env makes Hex use the mirror. The packages are signed by the test's key, not
// by the public registry's, so Hex must be told to trust them.
func (m *mirror) env() []string {
	return []string{"HEX_MIRROR_URL=" + m.server.URL, "HEX_UNSAFE_REGISTRY=1", "HEX_NO_VERIFY_REPO_ORIGIN=1"}
}

// lock has Mix write mix.lock of the project in dir, as a developer does. The
// sandbox has a loopback of its own: the mirror is served there again, on the
// port it has outside.
func (m *mirror) lock(t *testing.T, dir string) {
	t.Helper()
	u, err := url.Parse(m.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf(`
{:ok, _} = Application.ensure_all_started(:inets)
{:ok, _} = :inets.start(:httpd, port: %s, bind_address: {127, 0, 0, 1}, server_name: ~c"mirror",
  server_root: ~c"/tmp", document_root: ~c"/mirror", mime_types: [])
{out, code} = System.cmd("mix", ["deps.get"], cd: "/w", stderr_to_stdout: true)
IO.puts(out)
System.halt(code)
`, u.Port())
	args := []string{"toolchain", "exec", toolchainRef, "--bind", dir + ":/w", "--bind", m.dir + ":/mirror"}
	for _, kv := range append(m.env(), "HEX_HOME=/tmp/hex", "MIX_DEPS_PATH=/tmp/deps", "MIX_REBAR3=/usr/bin/rebar3") {
		args = append(args, "-e", kv)
	}
	dram{args: append(args, "--", "elixir", "-e", script)}.ok(t)
	if _, err := os.Stat(filepath.Join(dir, "mix.lock")); err != nil {
		t.Fatal(err)
	}
}

// gitRepository adds a bare repository of one Mix package, ready for git's
// plain HTTP protocol.
func (m *mirror) gitRepository(t *testing.T, name, module string) {
	t.Helper()
	work := write(t, t.TempDir(),
		"mix.exs", fmt.Sprintf("defmodule %s.MixProject do\n  use Mix.Project\n  def project, do: [app: :%s, version: \"0.3.0\"]\nend\n", module, name),
		"lib/"+name+".ex", fmt.Sprintf("defmodule %s do\n  def says, do: \"git\"\nend\n", module))
	inside(t, work, "sh", "-ec", `cd /w
git init -q -b main . && git add . && git -c user.name=t -c user.email=t@example.invalid commit -q -m one
git clone -q --bare . bare.git && git -C bare.git update-server-info`)
	if err := os.Rename(filepath.Join(work, "bare.git"), filepath.Join(m.dir, name+".git")); err != nil {
		t.Fatal(err)
	}
}

// ask has nothing served to whoever does not bring this key; "" opens to all.
func (m *mirror) ask(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.key = key
}

// tarballs are those of the requests that are for packages.
func tarballs(requests []string) []string {
	var out []string
	for _, r := range requests {
		if after, ok := strings.CutPrefix(r, "/tarballs/"); ok {
			out = append(out, after)
		}
	}
	slices.Sort(out)
	return out
}
