package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// start starts a release and says "up" once it listens, or what it printed.
const start = `cd /app; RELEASE_DISTRIBUTION=none bin/hello start > /tmp/out 2>&1 & p=$!
for i in $(seq 1 600); do
  if grep -q listening /tmp/out; then kill $p; wait; echo up; exit 0; fi
  kill -0 $p 2> /dev/null || break
  sleep 0.1
done
tail -c 300 /tmp/out; exit 1`

// TestCheckKnowsStarts changes a release by hand in many ways, asks dram check
// about each, and starts it on the system that it was made on.
func TestCheckKnowsStarts(t *testing.T) {
	real(t)
	const (
		dir   = "releases/0.1.0/"
		ebin  = "lib/hello-0.1.0/ebin/"
		json  = ebin + "Elixir.Hello.JSON.beam"
		lazy  = `; sed -i '2i export RELEASE_MODE=interactive' ` + dir + "env.sh"
		nif   = "lib/hello-0.1.0/priv/hello_nif.so"
		cmake = "gcc -O1 -shared -fPIC -I/usr/lib/erlang/usr/include -o /app/" + nif + " -x c -"
	)
	changes := []struct {
		name, change string
		found        string // "VERDICT rule" of all findings but the cookie's
		starts       bool
	}{
		{"as it is made", "true", "", true},
		{"a module gone", "rm " + json, "FAIL boot", false},
		{"a module gone, loaded when it is called", "rm " + json + lazy, "WARN boot", true},
		{"a kernel module gone", "rm lib/kernel-*/ebin/code_server.beam" + lazy, "FAIL boot, WARN boot", false},
		{"a module in another application", "mv " + json + " lib/iex-*/ebin/", "FAIL boot", false},
		{"a protocol that is not consolidated", "rm -r " + dir + "consolidated", "", true},
		{"another module under the name", "cp lib/iex-*/ebin/Elixir.IEx.Pry.beam " + json, "FAIL beam", false},
		{"another version in .app", "sed -i s/0.1.0/0.2.0/ " + ebin + "hello.app", "WARN consistency", true},
		{"no .app", "rm " + ebin + "hello.app", "WARN consistency", true},
		{"another ERTS in start_erl.data", "echo 15.9.9 0.1.0 > releases/start_erl.data", "WARN consistency", true},
		{"no boot script", "rm " + dir + "start.boot", "FAIL boot", false},
		{"half a boot script", "truncate -s 2000 " + dir + "start.boot", "FAIL boot", false},
		{"no boot script for eval", "rm " + dir + "start_clean.boot", "WARN boot", true},
		{"no configuration", "rm " + dir + "sys.config", "FAIL config", false},
		{"half a configuration", "echo '[{' > " + dir + "sys.config", "FAIL config", false},
		{"no arguments for the VM", "rm " + dir + "vm.args", "FAIL config", false},
		{"a NIF with a function too many", `sed 's/{"uid", 0, [a-z_]*[^}]*}/&, &/; s/}, {"uid"/}, {"other"/' c_src/hello_nif.c | ` + cmake, "FAIL nif-functions", false},
		{"a NIF with a function twice", `sed 's/{"uid", 0, [a-z_]*[^}]*}/&, &/' c_src/hello_nif.c | ` + cmake, "FAIL nif-functions", false},
		{"a NIF for another module", `sed 's/ERL_NIF_INIT(Elixir.Hello.Native/ERL_NIF_INIT(Elixir.Hello.Other/' c_src/hello_nif.c | ` + cmake, "FAIL nif-functions", false},
	}
	for _, suite := range []string{"11", "13"} {
		if suite == "11" && !everyEdit() { // make campaign tries it
			continue
		}
		rel := unpackedRelease(t, suite)
		for i, c := range changes {
			t.Run(fmt.Sprintf("Debian %s/%s", suite, c.name), func(t *testing.T) {
				inSample(t, i%3 == 0)
				made := copied(t, rel)
				if err := os.Mkdir(filepath.Join(made, "c_src"), 0o755); err != nil {
					t.Fatal(err)
				}
				place(t, filepath.Join("..", "..", "examples/hello/c_src/hello_nif.c"), filepath.Join(made, "c_src/hello_nif.c"))
				if r := within(t, suite, made, "sh", "-ec", "cd /app; "+c.change+"; rm -r c_src"); r.code != 0 {
					t.Fatal(r.stderr)
				}
				code := 0
				if strings.Contains(c.found, "FAIL") {
					code = 3
				}
				var got []string
				for _, f := range checked(t, code, made, "distro:debian/"+suite) {
					if s := fmt.Sprintf("%s %s", f.Verdict, f.Rule); !slices.Contains(got, s) {
						got = append(got, s)
					}
				}
				if strings.Join(got, ", ") != c.found {
					t.Errorf("found %q, want %q", got, c.found)
				}
				if r := within(t, suite, made, "sh", "-c", start); (r.code == 0) != c.starts {
					t.Errorf("it was found to be %q; starting it gave exit %d\n%s%s", got, r.code, r.stdout, r.stderr)
				}
			})
		}
	}
}
