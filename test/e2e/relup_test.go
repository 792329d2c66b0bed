package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// live upgrades a release while it runs, and goes back; the same process answers
// throughout. It is told a port. Of what waits for a request, the next is still answered
// by the code from before.
const live = `
cd /app/release
export PORT="$1" HOME=/tmp NODE="live$1@localhost" RELX_OUT_FILE_PATH=/tmp
bin/greeter foreground > /tmp/log 2>&1 &
for i in $(seq 200); do bin/greeter ping > /dev/null 2>&1 && break; sleep 0.3; done
page() {
  erl -noshell -eval "{ok, S} = gen_tcp:connect(\"localhost\", $PORT, [binary, {active, false}]), gen_tcp:send(S, \"GET / HTTP/1.1\r\n\r\n\"), {ok, B} = gen_tcp:recv(S, 0), io:format(\"~ts\", [B]), halt()." | grep "hello from"
}
before="$(bin/greeter pid)"
page
mkdir -p releases/0.4.0 && cp /app/new.tar.gz releases/0.4.0/greeter.tar.gz
bin/greeter upgrade 0.4.0 > /tmp/upgrade 2>&1 || cat /tmp/upgrade
page > /dev/null; page
bin/greeter versions | grep permanent
bin/greeter downgrade 0.3.0 > /tmp/downgrade 2>&1 || cat /tmp/downgrade
page > /dev/null; page
[ "$(bin/greeter pid)" = "$before" ] && echo the same process
bin/greeter stop > /dev/null
wait
tail -n 3 /tmp/log >&2
`

// A release gets a relup from the one before it, and upgrades that while it runs; what
// would not work is said when the release is made.
func TestRelup(t *testing.T) {
	real(t)
	dir := project(t, "examples/rebar")
	tarball := func(version string) string {
		return filepath.Join(dir, "releases/greeter/releases", version, "greeter.tar.gz")
	}
	// release_handler reads sys.config, and no sys.config.src.
	port := freePort(t)
	replace(t, filepath.Join(dir, "rebar.config"), `{sys_config_src, "config/sys.config.src"}`, `{sys_config, "config/sys.config"}`)
	if err := os.Remove(filepath.Join(dir, "config/sys.config.src")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "config/sys.config", "[{greeter, [{port, "+port+"}, {greeting, \"hello\"}]}].\n")
	dram{args: []string{"build", dir, "--release", "greeter"}}.ok(t)
	if err := os.Mkdir(filepath.Join(dir, "rel"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tarball("0.3.0"), filepath.Join(dir, "rel/old.tar.gz")); err != nil {
		t.Fatal(err)
	}
	build := dram{args: []string{"build", dir, "--release", "greeter", "--upgrade-from", "rel/old.tar.gz"}}
	build.fails(t, 4, `step "relup"`, "the earlier release is 0.3.0, as this one is")
	replace(t, filepath.Join(dir, "rebar.config"), `{greeter, "0.3.0"}`, `{greeter, "0.4.0"}`)
	replace(t, filepath.Join(dir, "apps/greeter/src/greeter.erl"), "2 + 3 = ~b", "2 and 3 make ~b")
	build.fails(t, 4, `step "relup"`, "greeter is 0.3.0 in both releases, and its code is not the same")
	replace(t, filepath.Join(dir, "apps/greeter/src/greeter.app.src"), `"0.3.0"`, `"0.4.0"`)
	build.fails(t, 4, `step "relup"`, "no appup says how these are upgraded: greeter from 0.3.0 to 0.4.0")
	write(t, dir, "apps/greeter/src/greeter.appup", `{"0.4.0", [{"0.3.0", [{load_module, greeter, soft_purge, soft_purge, []}]}], [{"0.3.0", [{load_module, greeter, soft_purge, soft_purge, []}]}]}.`+"\n")
	build.ok(t)
	if r := (dram{args: []string{"check", tarball("0.4.0")}}).ok(t); strings.Contains(r.stdout, "[relup]") {
		t.Errorf("the check says of the relup:\n%s", r.stdout)
	}

	work := write(t, t.TempDir(), "live.sh", live, "rebar.config", "[].\n")
	unpack(t, filepath.Join(dir, "rel/old.tar.gz"), filepath.Join(work, "release"))
	if err := os.Rename(tarball("0.4.0"), filepath.Join(work, "new.tar.gz")); err != nil {
		t.Fatal(err)
	}
	r := dram{args: []string{"shell", "-q", "-C", work, "sh", "/app/live.sh", port}}.ok(t)
	want := "hello from live" + port + "@localhost, 2 + 3 = 5\nhello from live" + port + "@localhost, 2 and 3 make 5\n* 0.4.0\tpermanent\n" +
		"hello from live" + port + "@localhost, 2 + 3 = 5\nthe same process\n"
	if r.stdout != want {
		t.Errorf("the release says\n%swanted\n%s%s", r.stdout, want, r.stderr)
	}
}
