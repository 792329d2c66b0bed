package rebar3

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/tool/tooltest"
)

// What the script that fetches makes of what rebar3 does: here that is a program which
// says and leaves what rebar3 would.
func TestFetchScript(t *testing.T) {
	const passes = "echo \"===> Errors loading plugin {pc,\\\"1.15.0\\\"}. Run rebar3 with DEBUG=1 set to see errors.\""
	for _, c := range []struct {
		name, rebar3, files string
		env                 []string
		code                int
		says                string
	}{
		{"it ends well", "echo \"$@ ${HEX_REPOS_KEY-no key}\"", "", nil, 0, "get-deps no key\n"},
		{"it fails", "echo no such package; exit 3", "", nil, 3, "no such package\n"},
		{"a plugin is passed over", passes, "", nil, 1, "the plugin pc was not fetched: see that where it comes from answers, and has it; or take it out of {plugins, …}\n"},
		{"as older ones say it", "echo '===> Plugin rebar3_hex not available. It will not be used.'", "", nil, 1, "the plugin rebar3_hex was not fetched: see that where it comes from answers, and has it; or take it out of {plugins, …}\n"},
		{"a plugin does not compile", passes, "-- default/plugins/pc/src/pc.erl --\n", nil, 0, "DEBUG=1 set to see errors.\n"},
		{"a plugin without init", "echo '===> Plugin pc does not export init/1. It will not be used.'", "", nil, 0, "will not be used.\n"},
		{
			"a key", `cat "$REBAR_GLOBAL_CONFIG_DIR/.config/rebar3/hex.config"; echo "${HEX_REPOS_KEY-no key}"`, "",
			[]string{"HEX_REPOS_KEY=abc/1="},
			0,
			`#{<<"hexpm">> => #{repo_key => <<"abc/1=">>}, <<"hexpm:acme">> => #{repo_key => <<"abc/1=">>}}.` + "\nno key\n",
		},
		{"a key that is Erlang", "echo fetched", "", []string{`HEX_REPOS_KEY=a">>}, x`}, 1, "HEX_REPOS_KEY has characters that no key has\n"},
		{"a script that ends", "echo fetched", "-- rebar.config.script --\n", nil, 0, "fetched\n"},
		{"a script that does not", "sleep 60", "-- rebar.config.script --\n", nil, 1, "rebar.config.script did not end within 1 s: see what it waits for; it is run without a terminal\n"},
	} {
		for _, shell := range tooltest.Shells(t) {
			dir := tooltest.Tree(t, c.files)
			if err := os.WriteFile(filepath.Join(dir, "rebar3"), []byte("#!/bin/sh\n"+c.rebar3+"\n"), 0o700); err != nil { //nolint:gosec // it is run
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), shell[0], slices.Concat(shell[1:], []string{"-c", fetchScript, "fetch", "hexpm hexpm:acme", "1", "./rebar3", "get-deps"})...)
			cmd.Dir = dir
			cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "REBAR_BASE_DIR=" + dir, "TMPDIR=" + t.TempDir()}, c.env...)
			out, err := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.HasSuffix(string(out), c.says) {
				t.Errorf("%s, by %s: exit %d (%v)\n%s", c.name, shell, code, err, out)
			}
			for _, kv := range cmd.Env {
				if place, ok := strings.CutPrefix(kv, "TMPDIR="); ok {
					if left, err := os.ReadDir(place); err != nil || len(left) > 0 {
						t.Errorf("%s, by %s: it leaves %v, %v", c.name, shell, left, err)
					}
				}
			}
		}
	}
}

func TestRepositories(t *testing.T) {
	for tree, want := range map[string][]string{
		"": {"hexpm"},
		`{hex, [{repos, [#{name => <<"hexpm:acme">>}, #{name => <<"hexpm">>, repo_url => <<"u">>}]}]}.`: {"hexpm", "hexpm:acme"},
		`{hex, [{repos, replace, [#{name => <<"mine">>}]}, {doc, edoc}]}.`:                              {"hexpm", "mine"},
		`{hex, [{repos, [#{name => <<"a b">>}, #{name => 1}, {name, x}]}, repos]}.`:                     {"hexpm"},
	} {
		_, b, _, err := plan(t, project1("", tree))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.(*build).Project.config.repositories()); diff != "" {
			t.Errorf("%s: %s", tree, diff)
		}
	}
}
