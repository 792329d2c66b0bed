package e2e

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rebarMirror is a Hex repository of packages of rebar3: rb_top needs rb_base, of
// which there are two versions; rb_stamp is a plugin that writes what a release says.
func rebarMirror(t *testing.T) *mirror {
	t.Helper()
	const files = `, files: ["src", "rebar.config"], build_tools: ["rebar3"]`
	app := func(name, version, applications, code string) []string {
		return []string{
			"rebar.config", "{erl_opts, [debug_info]}.\n",
			"src/" + name + ".app.src", fmt.Sprintf("{application, %s, [{description, \"\"}, {vsn, %q}, {applications, [%s]}]}.\n", name, version, applications),
			"src/" + name + ".erl", code,
		}
	}
	work := t.TempDir()
	for _, c := range []struct{ name, version, deps, applications, code string }{
		{"rb_base", "1.0.0", "", "kernel, stdlib", "-module(rb_base).\n-export([says/0]).\nsays() -> \"base 1.0\".\n"},
		{"rb_base", "1.1.0", "", "kernel, stdlib", "-module(rb_base).\n-export([says/0]).\nsays() -> \"base 1.1\".\n"},
		{"rb_top", "1.0.0", `, deps: [{:rb_base, "~> 1.0"}]`, "kernel, stdlib, rb_base", "-module(rb_top).\n-export([says/0]).\nsays() -> \"top on \" ++ rb_base:says().\n"},
		{"rb_stamp", "1.0.0", "", "kernel, stdlib", stamp},
	} {
		dir := filepath.Join(work, c.name+"-"+c.version)
		write(t, dir, "mix.exs", hexPackage(c.name, strings.ReplaceAll(c.name, "r", "R"), c.version, c.deps, files))
		write(t, dir, app(c.name, c.version, c.applications, c.code)...)
	}
	return serveHex(t, work, "rb_base-1.0.0", "rb_base-1.1.0", "rb_top-1.0.0", "rb_stamp-1.0.0")
}

// stamp is a plugin of rebar3: its provider comes before the project is compiled.
const stamp = `-module(rb_stamp).
-export([init/1, do/1, format_error/1]).
init(State) ->
    {ok, rebar_state:add_provider(State, providers:create([
        {name, stamp}, {module, ?MODULE}, {bare, true}, {deps, []}, {example, "rebar3 stamp"}, {short_desc, ""}, {desc, ""}, {opts, []}
    ]))}.
do(State) ->
    File = filename:join([rebar_state:dir(State), "priv", "stamp"]),
    ok = filelib:ensure_dir(File),
    ok = file:write_file(File, "stamped"),
    {ok, State}.
format_error(Reason) -> io_lib:format("~p", [Reason]).
`

// stall is a project of rebar3 with dependencies and a plugin out of the mirror.
func (m *mirror) stall(t *testing.T) string {
	t.Helper()
	public, err := os.ReadFile(filepath.Join(m.dir, "public_key"))
	if err != nil {
		t.Fatal(err)
	}
	return write(t, filepath.Join(t.TempDir(), "stall"),
		"rebar.config", `%% `+nonce()+`
{hex, [{repos, [#{name => <<"hexpm">>, repo_public_key => <<"`+string(public)+`">>}]}]}.
{deps, [{rb_top, "~> 1.0"}]}.
{plugins, [rb_stamp]}.
{provider_hooks, [{pre, [{compile, stamp}]}]}.
{relx, [{release, {stall, "1.0.0"}, [stall]}, {mode, prod}]}.
`,
		"src/stall.app.src", "{application, stall, [{vsn, \"1.0.0\"}, {mod, {stall, []}}, {applications, [kernel, stdlib, rb_top]}]}.\n",
		"src/stall.erl", `-module(stall).
-behaviour(application).
-export([start/2, stop/1]).
start(_, _) ->
    {ok, Stamp} = file:read_file(filename:join(code:priv_dir(stall), "stamp")),
    io:format("~ts, ~ts~n", [rb_top:says(), Stamp]),
    {ok, spawn_link(fun() -> receive stop -> ok end end)}.
stop(_) -> io:format("closed~n").
`)
}

// lockRebar writes rebar.lock of a project, as rebar3 has it: for each package the
// checksums of its tarball and of what is in that.
func (m *mirror) lockRebar(t *testing.T, dir string, packages ...string) {
	t.Helper()
	var names, inner, outer []string
	for level, p := range packages {
		raw, err := os.ReadFile(filepath.Join(m.dir, "tarballs", p+".tar"))
		if err != nil {
			t.Fatal(err)
		}
		name, version, _ := strings.Cut(p, "-")
		names = append(names, fmt.Sprintf("{<<%q>>,{pkg,<<%q>>,<<%q>>},%d}", name, name, version, len(packages)-1-level))
		inner = append(inner, fmt.Sprintf(" {<<%q>>, <<%q>>}", name, member(t, raw, "CHECKSUM")))
		outer = append(outer, fmt.Sprintf(" {<<%q>>, <<%q>>}", name, fmt.Sprintf("%X", sha256.Sum256(raw))))
	}
	write(t, dir, "rebar.lock", fmt.Sprintf("{\"1.2.0\",\n[%s]}.\n[\n{pkg_hash,[\n%s]},\n{pkg_hash_ext,[\n%s]}\n].\n",
		strings.Join(names, ",\n "), strings.Join(inner, ",\n"), strings.Join(outer, ",\n")))
}

// member is a file of a tar.
func member(t *testing.T, raw []byte, name string) string {
	t.Helper()
	for r := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			t.Fatalf("the tar has no %s", name)
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Name != name {
			continue
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

func (m *mirror) cdn() []string { return []string{"HEX_CDN=" + m.server.URL} }

// A project of rebar3 with dependencies and a plugin from a real Hex repository.
func TestRebar3Dependencies(t *testing.T) {
	real(t)
	m := rebarMirror(t)
	t.Run("locked", m.rebarLocked)
	t.Run("unlocked", m.rebarUnlocked)
	t.Run("checksum", m.rebarChecksum)
	t.Run("tampered", m.rebarTampered)
	t.Run("absent", m.rebarAbsent)
	t.Run("plugin", m.rebarPlugin)
	t.Run("key", m.rebarKey)
}

// What the lock has is taken, though there is something newer; then nothing is asked
// for any more.
func (m *mirror) rebarLocked(t *testing.T) {
	dir := m.stall(t)
	m.lockRebar(t, dir, "rb_base-1.0.0", "rb_top-1.0.0")
	m.requests()
	build := dram{args: []string{"image", dir}, env: m.cdn()}
	r := build.ok(t)
	runsUntil(t, imageOf(dir, "stall", "1.0.0"), "top on base 1.0, stamped", "closed")
	want := []string{"rb_base-1.0.0.tar", "rb_stamp-1.0.0.tar", "rb_top-1.0.0.tar"}
	if diff := cmp.Diff(want, tarballs(m.requests())); diff != "" {
		t.Errorf("packages fetched: %s", diff)
	}
	if strings.Contains(r.stderr, "rebar.lock") {
		t.Errorf("a project with rebar.lock is warned of it:\n%s", r.stderr)
	}
	replace(t, filepath.Join(dir, "src/stall.erl"), `~ts, ~ts~n`, `~ts; ~ts~n`)
	build.env = []string{"HEX_CDN=http://127.0.0.1:1"} // nothing answers there
	build.ok(t)
	runsUntil(t, imageOf(dir, "stall", "1.0.0"), "top on base 1.0; stamped", "closed")
	if asked := m.requests(); len(asked) > 0 {
		t.Errorf("the second build fetched %v", asked)
	}
}

func (m *mirror) rebarUnlocked(t *testing.T) {
	dir := m.stall(t)
	r := dram{args: []string{"image", dir}, env: m.cdn()}.ok(t)
	if !strings.Contains(r.stderr, "there is no rebar.lock") {
		t.Errorf("nobody is told of the missing rebar.lock:\n%s", r.stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "rebar.lock")); err == nil {
		t.Error("the build wrote rebar.lock into the project")
	}
	runsUntil(t, imageOf(dir, "stall", "1.0.0"), "top on base 1.1, stamped", "closed")
}

// A lock with another checksum than the repository's is not obeyed, and not passed over.
func (m *mirror) rebarChecksum(t *testing.T) {
	dir := m.stall(t)
	m.lockRebar(t, dir, "rb_base-1.0.0", "rb_top-1.0.0")
	lock, err := os.ReadFile(filepath.Join(dir, "rebar.lock"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(lock), "pkg_hash_ext")
	_, sum, _ := strings.Cut(after, `<<"rb_base">>, <<"`)
	replace(t, filepath.Join(dir, "rebar.lock"), sum[:64], strings.Repeat("A", 64))
	r := dram{args: []string{"image", dir}, env: m.cdn()}.fails(t, 4, `step "fetch"`, "rb_base")
	if !strings.Contains(strings.ToLower(r.stderr), "checksum") {
		t.Errorf("nobody speaks of the checksum:\n%s", r.stderr)
	}
}

func (m *mirror) rebarTampered(t *testing.T) {
	dir := m.stall(t)
	m.lockRebar(t, dir, "rb_base-1.0.0", "rb_top-1.0.0")
	m.tamperWith(t, "/tarballs/rb_base-1.0.0.tar")
	dram{args: []string{"image", dir}, env: m.cdn()}.fails(t, 4, `step "fetch"`, "rb_base")
}

func (m *mirror) rebarAbsent(t *testing.T) {
	dir := m.stall(t)
	replace(t, filepath.Join(dir, "rebar.config"), `{rb_top, "~> 1.0"}`, `{rb_top, "~> 1.0"}, {rb_nowhere, "1.0.0"}`)
	dram{args: []string{"image", dir}, env: m.cdn()}.fails(t, 4, `step "fetch"`, "rb_nowhere")
}

// rebar3 goes on without a plugin that it cannot fetch; dram does not, and a later
// build looks for it again.
func (m *mirror) rebarPlugin(t *testing.T) {
	dir := m.stall(t)
	m.lockRebar(t, dir, "rb_base-1.0.0", "rb_top-1.0.0")
	aside := filepath.Join(m.dir, "aside")
	packaged := filepath.Join(m.dir, "packages", "rb_stamp")
	if err := os.Rename(packaged, aside); err != nil {
		t.Fatal(err)
	}
	build := dram{args: []string{"image", dir}, env: m.cdn()}
	build.fails(t, 4, `step "fetch"`, "the plugin rb_stamp was not fetched")
	if err := os.Rename(aside, packaged); err != nil {
		t.Fatal(err)
	}
	build.ok(t)
}

// A repository that wants a key is asked with the one that the environment has.
func (m *mirror) rebarKey(t *testing.T) {
	dir := m.stall(t)
	m.lockRebar(t, dir, "rb_base-1.0.0", "rb_top-1.0.0")
	m.ask("5ecre7-key")
	t.Cleanup(func() { m.ask("") })
	build := dram{args: []string{"image", dir}, env: m.cdn()}
	build.fails(t, 4, `step "fetch"`)
	build.env = append(m.cdn(), "HEX_REPOS_KEY=wr0n9-key")
	if r := build.fails(t, 4, `step "fetch"`); strings.Contains(r.stderr, "wr0n9-key") {
		t.Errorf("the key is printed:\n%s", r.stderr)
	}
	build.env = append(m.cdn(), "HEX_REPOS_KEY=5ecre7-key")
	build.ok(t)
	runsUntil(t, imageOf(dir, "stall", "1.0.0"), "top on base 1.0, stamped", "closed")
	for _, place := range []string{dir, cacheDir} {
		for _, path := range grep(t, place, "5ecre7-key") {
			t.Errorf("the key is in %s", path)
		}
	}
}
