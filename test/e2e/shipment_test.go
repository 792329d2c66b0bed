package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// A shipment of Gleam, laid out by hand as `gleam export erlang-shipment` does, becomes an
// image: its program takes arguments, calls OTP that nothing names, and ends with its code.
func TestShipment(t *testing.T) {
	real(t)
	work := write(t, t.TempDir(), "rebar.config", "[].\n",
		"src/shop.erl", `-module(shop).
-export([main/0]).
main() ->
    io:format("~ts ~p ~ts~n", ['gleam@string':uppercase(<<"hi">>), init:get_plain_arguments(), binary:encode_hex(crypto:hash(md5, <<"x">>))]),
    nil.
`,
		"src/shop@@main.erl", `-module('shop@@main').
-export([run/1]).
run(Module) ->
    process_flag(trap_exit, true),
    Pid = spawn_link(fun() -> Module:main() end),
    receive {'EXIT', Pid, normal} -> init:stop(0); {'EXIT', Pid, _} -> init:stop(1) end.
`,
		"src/gleam@string.erl", "-module('gleam@string').\n-export([uppercase/1]).\nuppercase(Text) -> string:uppercase(Text).\n",
		"s/entrypoint.sh", `#!/bin/sh
set -eu
PACKAGE=shop
BASE=$(dirname "$0")
run() {
  exec erl -pa "$BASE"/*/ebin -eval "$PACKAGE@@main:run($PACKAGE)" -noshell -extra "$@"
}
`,
		"s/shop/ebin/shop.app", `{application, shop, [{vsn, "1.2.0"}, {applications, [gleam_stdlib]}, {modules, [shop]}, {registered, []}]}.`+"\n",
		"s/gleam_stdlib/ebin/gleam_stdlib.app", `{application, gleam_stdlib, [{vsn, "0.60.0"}, {applications, []}, {modules, []}, {registered, []}]}.`+"\n")
	const compile = "cd /app && erlc +deterministic -o s/shop/ebin src/shop.erl src/shop@@main.erl && erlc +deterministic -o s/gleam_stdlib/ebin src/gleam@string.erl"
	dram{args: []string{"shell", "-q", "-C", work, "sh", "-c", compile}}.ok(t)
	dir := filepath.Join(work, "s")
	first := dram{args: []string{"image", dir}}.ok(t).digest(t)
	image := imageOf(dir, "shop", "1.2.0")
	if code, out, errOut := told(t, image, "", "run", "a", "b c"); code != 0 || out != "HI [\"a\",\"b c\"] 9DD4E461268C8034F5C8564E155C67A6\n" {
		t.Errorf("exit %d: %q\n%s", code, out, errOut)
	}
	if code, _, errOut := told(t, image, "", "walk"); code != 1 || !strings.HasPrefix(errOut, "usage: shop run [ARGUMENT...]") {
		t.Errorf("exit %d: %q", code, errOut)
	}
	if r := (dram{args: []string{"check", image}}).ok(t); strings.Contains(r.stdout, "WARN") || strings.Contains(r.stdout, "FAIL") {
		t.Errorf("the check says\n%s", r.stdout)
	}
	if again := (dram{args: []string{"image", dir, "--build-env", "AGAIN=1"}}).ok(t).digest(t); again != first {
		t.Errorf("image %s, then %s", first, again)
	}
}
