package check_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/check"
)

// started is mixed with a line in the script that its start reads first.
func started(line string) tree {
	const env = "releases/0.1.0/env.sh"
	return mixed().with("bin/hello", "#!/bin/sh\nset -e\n. \"${0%/*}/../"+env+"\"\n# RELEASE_BOOT_SCRIPT\n"+execElixir).with(env, "644 #!/bin/sh\n"+line+"\n")
}

const execElixir = "exec \"${0%/*}/../releases/0.1.0/elixir\" \"$@\"\n"

// The oracle has each of these started on a machine.
func TestRunFollowsTheStart(t *testing.T) {
	const env = "releases/0.1.0/env.sh"
	for _, tt := range []struct {
		name string
		rel  tree
		want []string
	}{
		{"nothing", started(""), nil},
		{"a program that is not there", started("A=$(curl x)"), []string{"FAIL program " + env + ": it calls curl, which is not on the target"}},
		{"or else", started("A=$(curl x || echo y)"), []string{"WARN program " + env + ": it calls curl, which is not on the target"}},
		{"by its path", started("/opt/bin/agent"), []string{"FAIL program " + env + ": it calls /opt/bin/agent, which is not on the target"}},
		{"where nobody calls it", started("f() { curl; }"), nil},
		{"its own program", started(`"$PWD/app/bin/x"`).with("bin/x", "644 #!/bin/sh\n"), []string{
			"FAIL start " + env + ": line 2 starts bin/x, which may not be started",
		}},
		{"its own program is gone", started(`/app/bin/x`), []string{"FAIL start " + env + ": line 2 starts bin/x, which is not in the release"}},
		{"a file that is not there", started(". /missing"), []string{"FAIL start " + env + ": line 2 reads /missing, which is not there"}},
		{"what sh does not know", started("A=(1 2)"), []string{"FAIL start " + env + ": sh does not understand line 2: arrays"}},
		{"lines of Windows", started("A=b\r\n\r"), []string{
			"FAIL shebang " + env + ": its lines end in CR LF",
		}},
		{"it insists", started(": ${DATABASE_URL:?}"), []string{"WARN start " + env + ": line 2 ends the start unless DATABASE_URL is set"}},
		{"it ends by itself", started("exit 3"), []string{"FAIL start " + env + ": line 2 ends the start with status 3"}},
		{"it cannot be followed", started("exec $(sed x)"), []string{
			"UNKNOWN start " + env + ": what a start does from line 2 on is not known: which command it calls is not known",
		}},
		{"it starts no VM", mixed().with("bin/hello", "#!/bin/sh\n"), []string{
			"UNKNOWN start bin/hello: that it starts a VM is not known: its script ends without, as far as it can be followed",
		}},
		{"no start script", mixed().without("bin/hello"), []string{"FAIL start bin/hello: it is not there: nothing starts the release"}},
		{"no first line", started("").with("bin/hello", execElixir), []string{"FAIL start bin/hello: it has no first line #!"}},
		{"env and options", started("").with("bin/hello", "#!/usr/bin/env sh -e\n"+execElixir), []string{
			"FAIL shebang bin/hello: its first line has env look for one program called \"sh -e\", as Linux takes all after env for one word",
		}},
		{"a long first line", started("").with("bin/hello", "#!/"+strings.Repeat("x", 300)+"\n"+execElixir), []string{
			"FAIL shebang bin/hello: its first line is longer than the 255 bytes that Linux reads of it",
		}},
		{"no cookie", started(`A=$(cat /app/releases/COOKIE)`).with(env, "644 RELEASE_COOKIE=\"${RELEASE_COOKIE:-\"$(cat /app/releases/COOKIE)\"}\"\n"), []string{
			"WARN start bin/hello: it reads releases/COOKIE, which is not there, unless RELEASE_COOKIE is set",
		}},
		{"no programs of its VM", started("").without(erts+"beam.smp", erts+"erl_child_setup", erts+"inet_gethost"), []string{
			"FAIL start " + erts + "beam.smp: it is not there, and the VM starts it",
			"FAIL start " + erts + "erl_child_setup: it is not there, and the VM starts it",
			"FAIL start " + erts + "inet_gethost: it is not there, and the VM starts it",
		}},
		{"no epmd, which a name wants", named("-sname x"), []string{"FAIL start " + erts + "epmd: it is not there, and the VM starts it"}},
		{"no epmd, which nobody wants", named("-sname x -start_epmd false"), nil},
		{"no heart, which is wanted", named("-heart"), []string{"FAIL start " + erts + "heart: it is not there, and the VM starts it"}},
		{"another script", started("").with("bin/migrate", "#!/bin/sh\nset -e\npsql\n"), []string{"WARN program bin/migrate: it calls psql, which is not on the target"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := check.Run(t.Context(), open(t, tt.rel, bookworm()))
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, slices.Sorted(slices.Values(lines(got)))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			kept(t, got)
		})
	}
}

// named is a release whose VM gets arguments.
func named(args string) tree {
	return started("").with("releases/0.1.0/elixir", "#!/bin/sh\nexec \"${0%/*}/../../erts-15.2.7/bin/erl\" -noshell "+args+"\n")
}
