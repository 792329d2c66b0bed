package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fetched is a world that rebar3 fetches from: a registry of Hex, and a server of git.
type fetched struct {
	*mirror
	git string // its URL
}

// TestRebar3Dependencies has rebar3's own client fetch packages of Hex, a plugin and a
// git dependency, from loopback.
func TestRebar3Dependencies(t *testing.T) {
	real(t)
	w := fetched{mirror: newMirror(t, writeErlangPackages, "hr_base-1.0.0", "hr_base-1.1.0", "hr_top-1.0.0", "hr_cc-1.0.0")}
	bare := t.TempDir()
	w.git = repositories(t, bare).URL
	said := func(text string) []string {
		return []string{
			"src/hr_git.app.src", "{application, hr_git, [{vsn, \"0.1.0\"}, {applications, [kernel, stdlib]}]}.\n",
			"src/hr_git.erl", "-module(hr_git).\n-export([says/0]).\nsays() -> <<\"" + text + "\">>.\n",
		}
	}
	commits(t, filepath.Join(bare, "hr_git.git"), said("git zero"), said("git one"))
	t.Run("unlocked", w.unlocked)
	t.Run("locked", w.locked)
	t.Run("git", w.fromGit)
	t.Run("plugin", w.withPlugin)
	t.Run("tampered", w.tampers)
	t.Run("another key", w.anotherKey)
	t.Run("absent", w.lacks)
}

// till is a project whose release says what an expression is, which may call another
// application.
func (w fetched) till(t *testing.T, app, expression, deps, more string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "till"), "nonce", nonce(),
		"rebar.config", "% "+nonce()+"\n{deps, ["+deps+"]}.\n{relx, [{release, {till, \"0.1.0\"}, [till, sasl]}, {mode, prod}]}.\n"+
			"{hex, [{repos, [#{name => <<\"hexpm\">>, repo_public_key => <<\""+w.public+"\">>}]}]}.\n"+more,
		"src/till.app.src", "{application, till, [{vsn, \"0.1.0\"}, {applications, [kernel, stdlib"+app+"]}, {mod, {till, []}}, {env, []}]}.\n",
		"src/till.erl", `-module(till).
-export([start/2, stop/1]).
start(_, _) ->
    io:format("says: ~ts~n", [`+expression+`]),
    {ok, spawn_link(fun() -> init:stop(), receive after infinity -> ok end end)}.
stop(_) -> ok.
`)
}

func (w fetched) env() []string { return []string{"HEX_CDN=" + w.server.URL} }

// image builds, and is what the release says.
func (w fetched) image(t *testing.T, dir string, env []string) (said, stderr string) {
	t.Helper()
	r := dram{args: []string{"image", dir}, env: env}.ok(t)
	out := dram{args: []string{"run", "-q", imageOf(dir, "till", "0.1.0")}}.ok(t).stdout
	_, said, _ = strings.Cut(out, "says: ")
	said, _, _ = strings.Cut(said, "\n")
	return said, r.stderr
}

const hrTop = `{hr_top, "~> 1.0"}`

func (w fetched) unlocked(t *testing.T) {
	dir := w.till(t, ", hr_top", "hr_top:says()", hrTop, "")
	w.requests()
	said, stderr := w.image(t, dir, w.env())
	if said != "top on base 1.1.0" || !strings.Contains(stderr, "there is no rebar.lock") {
		t.Errorf("the release says %q\n%s", said, stderr)
	}
	if diff := cmp.Diff([]string{"hr_base-1.1.0.tar", "hr_top-1.0.0.tar"}, tarballs(w.requests())); diff != "" {
		t.Errorf("packages fetched: %s", diff)
	}
	if _, err := os.Stat(filepath.Join(dir, "rebar.lock")); err == nil {
		t.Error("the build wrote rebar.lock into the project")
	}
}

// What rebar.lock says is obeyed, and what was fetched once is not fetched again.
func (w fetched) locked(t *testing.T) {
	dir := w.till(t, ", hr_top", "hr_top:says()", hrTop+`, {hr_base, "1.0.0"}`, "")
	w.rebarLock(t, dir)
	replace(t, filepath.Join(dir, "rebar.config"), `, {hr_base, "1.0.0"}`, `, {hr_base, "~> 1.0"}`)
	w.requests()
	said, stderr := w.image(t, dir, w.env())
	if said != "top on base 1.0.0" || strings.Contains(stderr, "rebar.lock") {
		t.Errorf("the release says %q\n%s", said, stderr)
	}
	if diff := cmp.Diff([]string{"hr_base-1.0.0.tar", "hr_top-1.0.0.tar"}, tarballs(w.requests())); diff != "" {
		t.Errorf("packages fetched: %s", diff)
	}
	replace(t, filepath.Join(dir, "src/till.erl"), `"says: ~ts~n"`, `"says: now ~ts~n"`)
	if said, _ := w.image(t, dir, []string{"HEX_CDN=http://127.0.0.1:1"}); said != "now top on base 1.0.0" { // nothing answers there
		t.Errorf("after the edit, the release says %q", said)
	}
	if asked := w.requests(); len(asked) > 0 {
		t.Errorf("the second build fetched %v", asked)
	}
}

// A dependency by git: of a tag, and then locked to an older commit.
func (w fetched) fromGit(t *testing.T) {
	dir := w.till(t, ", hr_git", "hr_git:says()", `{hr_git, {git, "`+w.git+`/hr_git.git", {tag, "v1"}}}`, "")
	if said, _ := w.image(t, dir, w.env()); said != "git one" {
		t.Errorf("the release says %q", said)
	}
	first := dram{args: []string{"image", dir}, env: w.env()}.ok(t).digest(t)
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	copyTree(t, dir, elsewhere)
	if again := (dram{args: []string{"image", elsewhere, "--build-env", "AGAIN=1"}, env: w.env()}).ok(t).digest(t); again != first {
		t.Errorf("image %s, built again elsewhere %s", first, again)
	}
}

// A plugin that has a C compiler make something.
func (w fetched) withPlugin(t *testing.T) {
	dir := w.till(t, "", "os:cmd(filename:join(code:priv_dir(till), \"number\"))", "",
		"{plugins, [{hr_cc, \"1.0.0\"}]}.\n{provider_hooks, [{pre, [{compile, {hr_cc, compile}}]}]}.\n")
	write(t, dir, "c_src/number.c", "#include <stdio.h>\nint main(void) { puts(\"42 from C\"); return 0; }\n")
	w.requests()
	if said, _ := w.image(t, dir, w.env()); said != "42 from C" {
		t.Errorf("the release says %q", said)
	}
	if diff := cmp.Diff([]string{"hr_cc-1.0.0.tar"}, tarballs(w.requests())); diff != "" {
		t.Errorf("packages fetched: %s", diff)
	}
}

func (w fetched) tampers(t *testing.T) {
	dir := w.till(t, ", hr_top", "hr_top:says()", hrTop, "")
	w.rebarLock(t, dir)
	replace(t, filepath.Join(dir, "rebar.config"), "{deps", "% "+nonce()+"\n{deps") // what others fetched is not taken
	w.tamperWith(t, "/tarballs/hr_base-1.1.0.tar")
	dram{args: []string{"image", dir}, env: w.env(), cache: ownCache(t)}.fails(t, 4, `step "fetch"`, "hr_base", "checksum")
	if _, err := os.Stat(filepath.Join(dir, "releases")); err == nil {
		t.Error("a failed build left results")
	}
}

// A registry that is signed by another key than rebar.config names.
func (w fetched) anotherKey(t *testing.T) {
	dir := w.till(t, ", hr_top", "hr_top:says()", hrTop, "")
	text, err := os.ReadFile(filepath.Join(dir, "rebar.config"))
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(text), "{hex,")
	write(t, dir, "rebar.config", before)
	dram{args: []string{"image", dir}, env: w.env()}.fails(t, 4, `step "fetch"`, "hr_top")
}

func (w fetched) lacks(t *testing.T) {
	dir := w.till(t, "", "1", `{hr_nowhere, "1.0.0"}`, "")
	dram{args: []string{"image", dir}, env: w.env()}.fails(t, 4, `step "fetch"`, "hr_nowhere")
	gone := w.till(t, "", "1", `{hr_gone, {git, "`+w.git+`/hr_gone.git", {tag, "v1"}}}`, "")
	dram{args: []string{"image", gone}, env: w.env()}.fails(t, 4, `step "fetch"`, "hr_gone")
}
