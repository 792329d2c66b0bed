package e2e

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http/cgi"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// public is a key as rebar.config has it, in a binary.
func public(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	raw, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: raw})))
}

// writeErlangPackages has hr_top, which needs hr_base; two versions of hr_base; hr_cc, a
// plugin that has cc make a file of what lies in c_src. All are rebar3's.
func writeErlangPackages(t *testing.T, dir string) {
	t.Helper()
	mix := func(name, version, deps string) string {
		return fmt.Sprintf(`defmodule %s.MixProject do
  use Mix.Project

  def project do
    [app: :%s, version: "%s", description: "made for a test", deps: [%s],
     package: [licenses: ["Apache-2.0"], links: %%{}, files: ["src", "rebar.config"], build_tools: ["rebar3"]]]
  end
end
`, strings.ToUpper(name[:1])+strings.NewReplacer("_", "", ".", "").Replace(name[1:]+version), name, version, deps)
	}
	app := func(name, version, more string) string {
		return fmt.Sprintf("{application, %s, [{description, \"\"}, {vsn, %q}, {applications, [kernel, stdlib%s]}]}.\n", name, version, more)
	}
	for _, version := range []string{"1.0.0", "1.1.0"} {
		write(t, filepath.Join(dir, "hr_base-"+version), "mix.exs", mix("hr_base", version, ""), "rebar.config", "{erl_opts, []}.\n",
			"src/hr_base.app.src", app("hr_base", version, ""), "src/hr_base.erl", "-module(hr_base).\n-export([says/0]).\nsays() -> <<\"base "+version+"\">>.\n")
	}
	write(t, filepath.Join(dir, "hr_top-1.0.0"), "mix.exs", mix("hr_top", "1.0.0", `{:hr_base, "~> 1.0"}`), "rebar.config", "{deps, [{hr_base, \"~> 1.0\"}]}.\n",
		"src/hr_top.app.src", app("hr_top", "1.0.0", ", hr_base"), "src/hr_top.erl", "-module(hr_top).\n-export([says/0]).\nsays() -> [<<\"top on \">>, hr_base:says()].\n")
	write(t, filepath.Join(dir, "hr_cc-1.0.0"), "mix.exs", mix("hr_cc", "1.0.0", ""), "rebar.config", "{erl_opts, []}.\n",
		"src/hr_cc.app.src", app("hr_cc", "1.0.0", ""), "src/hr_cc.erl", plugin)
}

// plugin is a provider of rebar3, as pc is one.
const plugin = `-module(hr_cc).
-export([init/1, do/1, format_error/1]).

init(State) ->
    Provider = providers:create([{name, compile}, {namespace, hr_cc}, {module, ?MODULE}, {deps, [{default, app_discovery}]}, {desc, ""}]),
    {ok, rebar_state:add_provider(State, Provider)}.

do(State) ->
    [cc(rebar_app_info:dir(App)) || App <- apps(State)],
    {ok, State}.

apps(State) ->
    case rebar_state:current_app(State) of
        undefined -> rebar_state:project_apps(State);
        App -> [App]
    end.

cc(Dir) ->
    ok = filelib:ensure_dir(filename:join([Dir, "priv", "x"])),
    {ok, _} = rebar_utils:sh("cc -o priv/number c_src/number.c", [{cd, Dir}, {use_stdout, false}, abort_on_error]).

format_error(Reason) -> io_lib:format("~p", [Reason]).
`

// repositories serves bare repositories of a directory by git's own protocol.
func repositories(t *testing.T, dir string) *httptest.Server {
	t.Helper()
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	})
	t.Cleanup(s.Close)
	return s
}

// commits puts files into a bare repository, each map a commit with the tag of its number.
func commits(t *testing.T, bare string, all ...[]string) {
	t.Helper()
	work := t.TempDir()
	git := func(args ...string) {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", work, "-c", "user.name=t", "-c", "user.email=t@example.invalid"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	git("init", "-q", "-b", "main", ".")
	for i, files := range all {
		write(t, work, files...)
		git("add", ".")
		git("commit", "-q", "-m", fmt.Sprint(i))
		git("tag", fmt.Sprintf("v%d", i))
	}
	git("clone", "-q", "--bare", ".", bare)
}

// rebarLock has rebar3 write rebar.lock of the project in dir, as a developer does: see
// lock.
func (m *mirror) rebarLock(t *testing.T, dir string, more ...string) {
	t.Helper()
	u, err := url.Parse(m.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf(`
{:ok, _} = Application.ensure_all_started(:inets)
{:ok, _} = :inets.start(:httpd, port: %s, bind_address: {127, 0, 0, 1}, server_name: ~c"mirror",
  server_root: ~c"/tmp", document_root: ~c"/mirror", mime_types: [])
{out, code} = System.cmd("rebar3", ["get-deps"], cd: "/w", stderr_to_stdout: true)
IO.puts(out)
System.halt(code)
`, u.Port())
	args := []string{"toolchain", "exec", toolchainRef, "--bind", dir + ":/w", "--bind", m.dir + ":/mirror"}
	for _, kv := range append([]string{"HEX_CDN=" + m.server.URL, "REBAR_BASE_DIR=/tmp/build", "REBAR_CACHE_DIR=/tmp/cache"}, more...) {
		args = append(args, "-e", kv)
	}
	dram{args: append(args, "--", "elixir", "-e", script)}.ok(t)
	if _, err := os.Stat(filepath.Join(dir, "rebar.lock")); err != nil {
		t.Fatal(err)
	}
}
