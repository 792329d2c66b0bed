package check_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// elixirs is a release with a module of Elixir's own, so that others are missed.
func elixirs() tree {
	rel := mixed().with("lib/stdlib-6/ebin/lists.beam", made("lists", 182))
	for name := range strings.FieldsSeq("Kernel System String File Config Config.Reader") {
		rel = rel.with("lib/elixir-1.18/ebin/Elixir."+name+".beam", made("Elixir."+name, 182))
	}
	return rel
}

// What a runtime.exs uses and insists on is told by its text; the oracle has each of these
// started (lifelikeCases).
func TestRunReadsTheCodeOfRuntimeExs(t *testing.T) {
	const file = "releases/0.1.0/runtime.exs"
	says := func(verdict string, texts ...string) (out []string) {
		for _, text := range texts {
			out = append(out, verdict+" config "+file+": "+text)
		}
		return out
	}
	unset := func(name string) []string {
		return []string{"WARN environment " + file + ": it ends the start unless " + name + " is set"}
	}
	for name, tt := range map[string]struct {
		code string
		want []string
	}{
		"nothing":                         {"config :a, b: 1", nil},
		"a variable that must be set":     {`config :a, b: System.fetch_env!("KEY9")`, unset("KEY9")},
		"a variable or an error":          {"a = System.get_env(\"KEY9\") || raise \"no\"", unset("KEY9")},
		"a number of a variable":          {`config :a, b: String.to_integer(System.get_env("PORT9"))`, unset("PORT9")},
		"a number of a variable, or else": {`config :a, b: System.get_env("PORT9") || "4000"`, nil},
		"a variable that everybody has":   {`config :a, b: System.fetch_env!("HOME")`, nil},
		"in a comment":                    {`# System.fetch_env!("KEY9")`, nil},
		"behind code":                     {`config :a, b: 1 # System.fetch_env!("KEY9")`, nil},
		"in a text":                       {"config :a, b: \"\"\"\nSystem.fetch_env!(\"KEY9\")\n\"\"\"", nil},
		"in another environment":          {"if config_env() == :dev do\n  config :a, b: System.fetch_env!(\"KEY9\")\nend", nil},
		"in this environment":             {"if config_env() == :prod do\n  config :a, b: System.fetch_env!(\"KEY9\")\nend", unset("KEY9")},
		"a module that is not there":      {`config :a, b: Gone.Vault.get("x")`, says("WARN", "it uses the module Gone.Vault, which is not in the release")},
		"a module by its alias":           {"alias Gone.Vault\nconfig :a, b: Vault.get(\"x\")", says("WARN", "it uses the module Gone.Vault, which is not in the release")},
		"a module by another alias":       {"alias Gone.Vault, as: V\nconfig :a, b: V.get(\"x\")", says("WARN", "it uses the module Gone.Vault, which is not in the release")},
		"a module that is named":          {"config :a, Gone.Repo, url: \"x\"\nconfig :a, b: Gone.Adapter", nil},
		"a module of its own":             {"defmodule Own do\n  def get(x), do: x\nend\nconfig :a, b: Own.get(1)", nil},
		"a module in a text":              {`config :a, b: "Gone.get(1)"`, nil},
		"an import of what is not there":  {"import Gone", says("WARN", "it uses the module Gone, which is not in the release")},
		"a module of Erlang":              {"config :a, b: :lists.reverse([])", nil},
		"a module of every VM":            {"config :a, b: :erlang.node()", nil},
		"one of Erlang that is not there": {"config :a, b: :gone9.get()", says("WARN", "it uses the module :gone9, which is not in the release")},
		"a file that is not there":        {`config :a, b: File.read!("/opt/gone9")`, says("WARN", "it reads /opt/gone9, which is not there")},
		"a file that may be mounted":      {`config :a, b: File.read!("/run/secrets/x")`, nil},
		"a bracket that is not closed":    {"config :a, b: [1", says("WARN", `line 2 is no Elixir: unexpected end: "[" of line 2 column 15 is not closed by "]"`)},
		"a comma too many":                {"config :a, b: 1,", says("WARN", "line 2 is no Elixir: it ends where more has to follow")},
		"a raise":                         {"raise \"no\"", says("WARN", "line 2 raises, whatever is configured")},
		"another file":                    {"import_config \"gone.exs\"", says("WARN", "it reads releases/0.1.0/gone.exs, which is not there")},
		"an end too many":                 {"config :a, b: 1\nend", says("WARN", `line 3 is no Elixir: unexpected "end": nothing is open here`)},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, said(t, elixirs().with(file, "644 import Config\n"+tt.code))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff(says("FAIL", "it calls config, and does not import it"), said(t, elixirs().with(file, "644 config :a, b: 1\n"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string(nil), said(t, mixed().with(file, "644 import Config\nGone.x()\n"))); diff != "" {
		t.Errorf("of a release whose Elixir is elsewhere (-want +got):\n%s", diff)
	}
}

// What provides settings at the start has to be there.
func TestRunLooksForProviders(t *testing.T) {
	rel := elixirs()
	rel["releases/0.1.0/sys.config"] = strings.Replace(rel["releases/0.1.0/sys.config"], "Elixir.Config.Reader", "Elixir.Gone.Provider", 1)
	want := []string{"FAIL config releases/0.1.0/sys.config: it has Gone.Provider provide settings at the start, which is not in the release"}
	if diff := cmp.Diff(want, said(t, rel)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A task before the start, and limits and files that it makes; the oracle has each of these
// started.
func TestRunKnowsWhatAStartDoesBefore(t *testing.T) {
	const env = "releases/0.1.0/env.sh"
	eval := func(code string) tree {
		return elixirs().with("bin/hello", "#!/bin/sh\nset -e\n\"${0%/*}/../erts-15.2.7/bin/erl\" -noshell -extra --eval '"+code+"'\n# RELEASE_BOOT_SCRIPT\n"+execElixir)
	}
	args := func(write string) tree {
		return started(write).with("releases/0.1.0/elixir", "#!/bin/sh\nexec \"${0%/*}/../../erts-15.2.7/bin/erl\" -noshell -args_file /tmp/vm9.args\n")
	}
	for _, tt := range []struct {
		name string
		rel  tree
		want []string
	}{
		{"a task", eval("Kernel.node()"), nil},
		{"a task of no module", eval("Gone.migrate()"), []string{"WARN start bin/hello: before the VM starts it evaluates Gone.…, a module that is not in the release"}},
		{"a task of no grammar", eval("Kernel.("), []string{`WARN start bin/hello: before the VM starts it evaluates what is no Elixir: unexpected end: "(" of line 1 column 8 is not closed by ")"`}},
		{"few files", started("ulimit -n 10"), []string{"FAIL start " + env + ": line 2 sets a limit with which the VM does not start: ulimit -n 10"}},
		{"some files", started("ulimit -n 64"), nil},
		{"little memory", started("ulimit -v 100000"), []string{"WARN start " + env + ": line 2 sets a limit with which the VM does not start: ulimit -v 100000"}},
		{"arguments that it writes", args("echo '+A 4' > /tmp/vm9.args"), nil},
		{"arguments that it writes, and that are none", args("echo '+Zzzz 4' > /tmp/vm9.args"), []string{"FAIL vm-args /tmp/vm9.args: it gives the VM the flag +Zzzz, which Erlang/OTP 27 does not know"}},
		{"arguments that it writes in lines", args("echo '+A 4' > /tmp/vm9.args\necho '+P x' >> /tmp/vm9.args"), []string{"FAIL vm-args /tmp/vm9.args: it gives the VM +P x, which is no value of that flag"}},
		{"arguments that it copies", args("cat /app/releases/0.1.0/vm.args > /tmp/vm9.args"), []string{"FAIL vm-args /tmp/vm9.args: it gives the VM +Q 1, which is no value of that flag"}},
		{"arguments of what is not known", args("od -c /bin/sh > /tmp/vm9.args"), nil},
		{"a name that is known late", named("-start_epmd false -erl_epmd_port 0 -sname x@$(od -c /bin/sh)"), []string{"UNKNOWN vm-args releases/0.1.0/elixir: it gives the VM -sname x@…, a name that is known only when it starts"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, said(t, tt.rel)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A version that is a link has what its folder has, and a cookie that is kept elsewhere may
// be given.
func TestRunFollowsLinkedFolders(t *testing.T) {
	rel := tree{}
	for name, body := range mixed() {
		rel[strings.Replace(name, "releases/0.1.0/", "releases/v1/", 1)] = body
	}
	rel["releases/0.1.0"] = "-> v1"
	if diff := cmp.Diff([]string(nil), said(t, rel)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
