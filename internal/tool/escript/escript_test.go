package escript

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/engine"
	"dram/internal/problem"
	"dram/internal/source"
	"dram/internal/tool"
	"dram/internal/tool/tooltest"
)

// plan reads and plans the project in a tree of files; a nil build is none of the
// tool's.
func plan(t *testing.T, tree string, flags ...string) (*tooltest.Plan, tool.Build, tool.Release, error) {
	t.Helper()
	n, p, err := tooltest.Read(t, Tool{}, tree, flags...)
	if err != nil || p == nil {
		return n, nil, tool.Release{}, err
	}
	b, err := p.Plan(n)
	if err != nil {
		return n, nil, tool.Release{}, err
	}
	r, err := b.Release()
	if err == nil {
		_, err = b.Work("with the network")
	}
	return n, b, r, err
}

func mixed(options string) string {
	return "-- mix.exs --\ndefmodule A.MixProject do\n  use Mix.Project\n  def project, do: [app: :words, version: \"1.2.0\", " + options + "]\nend\n"
}

const erlang = "-- src/words.app.src --\n{application, words, [{vsn, \"1.2.0\"}]}.\n-- rebar.config --\n"

func TestPlan(t *testing.T) {
	const apps = "applications: those of Erlang/OTP that the code names or calls: what is called by computed names alone has to be among its applications"
	for _, c := range []struct {
		name, tree string
		flags      []string
		want       []string
	}{
		{"of Mix", mixed("escript: [main_module: A]"), nil, []string{
			"project: escript: mix.exs has escript: and no releases:; --tool mix makes a release of it instead", apps, "mix env: prod: default",
			"release: words: mix.exs has an escript and declares no release", "version: 1.2.0: the application's",
			"fetch: no: no dependency comes over the network",
		}},
		{"with a name and a place", mixed(`escript: [main_module: A, name: "x", path: "bin/my-words"]`), []string{"release=my-words"}, []string{
			"project: escript: mix.exs has escript: and no releases:; --tool mix makes a release of it instead", apps, "mix env: prod: default",
			"release: my-words: default", "version: 1.2.0: the application's", "fetch: no: no dependency comes over the network",
		}},
		{"of rebar3", erlang + "{escript_name, \"w\"}.\n{deps, [getopt]}.\n", nil, []string{
			"project: escript: rebar.config has escript_* and no release; --tool rebar3 makes a release of it instead", apps, "profile: prod: default",
			"release: w: rebar.config has an escript and declares no release", "version: 1.2.0: the application's",
			"fetch: rebar3 get-deps, with the network: dependencies and plugins: getopt",
			"note: there is no rebar.lock: run `rebar3 get-deps` and commit it, or builds may differ",
		}},
		{"of an umbrella of rebar3", "-- rebar.config --\n{escript_main_app, cli}.\n-- apps/cli/src/cli.app.src --\n{application, cli, [{vsn, git}]}.\n-- apps/core/src/core.app.src --\n", nil, []string{
			"project: escript: rebar.config has escript_* and no release; --tool rebar3 makes a release of it instead", apps, "profile: prod: default",
			"release: cli: rebar.config has an escript and declares no release", "version: 0: an escript has none, and the application's is computed",
			"fetch: no: no dependency and no plugin comes over the network",
		}},
		{"releases of Mix", mixed("escript: [main_module: A], releases: [words: []]"), nil, nil},
		{"releases that are computed", mixed("escript: [main_module: A], releases: X.y()"), nil, nil},
		{"a release of rebar3", erlang + "{escript_name, \"w\"}.\n{relx, [{release, {words, \"1\"}, [words]}]}.\n", nil, nil},
		{"a release in a profile", erlang + "{escript_name, \"w\"}.\n{profiles, [{rel, [{relx, [{release, {words, \"1\"}, [words]}]}]}]}.\n", nil, nil},
		{"no escript", mixed("deps: []"), nil, nil},
		{"no escript of rebar3", erlang + "{deps, []}.\n", nil, nil},
		{"none", "-- README.md --\n", nil, nil},
		{"what others are to refuse", "-- rebar.config --\n{a\n", nil, nil},
	} {
		n, _, _, err := plan(t, c.tree, c.flags...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, n.Lines); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name, tree string
		flags      []string
		says, hint string
	}{
		{"another name", mixed("escript: [main_module: A]"), []string{"release=b"}, `the project has no release "b": it makes the escript "words"`, "name the escript: words"},
		{"a computed place", mixed("escript: [main_module: A, path: X.y()]"), nil, "mix.exs computes where the escript goes", "--tool mix"},
		{"computed options", mixed("escript: X.y()"), nil, "mix.exs computes where the escript goes", "--tool mix"},
		{"a place outside", mixed(`escript: [main_module: A, path: "../out/x"]`), nil, `mix.exs puts the escript at "../out/x", outside of the project`, "leave path: out"},
		{"an absolute place", mixed(`escript: [main_module: A, path: "/usr/bin/x"]`), nil, `"/usr/bin/x", outside of the project`, "leave path: out"},
		{"a name that is none", mixed(`escript: [main_module: A, name: "a b; rm"]`), nil, "the release's name: ", "give it another name"},
		{"a name that is none, of rebar3", erlang + "{escript_name, \"../x\"}.\n", nil, "the escript's name: ", "give it another name"},
		{"no name", "-- rebar.config --\n{escript_emu_args, \"%%! +A 1\"}.\n", nil, "rebar.config computes the escript's name", "--release NAME"},
		{"no such profile", erlang + "{escript_name, \"w\"}.\n", []string{"release-env=x"}, `rebar.config has no profile "x"`, "choose one of: default, prod"},
	} {
		_, _, _, err := plan(t, c.tree, c.flags...)
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		if !strings.Contains(err.Error(), c.says) || !strings.Contains(problem.Hint(err), c.hint) || problem.Code(err) != 2 {
			t.Errorf("%s: code %d, error %q, hint %q", c.name, problem.Code(err), err, problem.Hint(err))
		}
	}
}

// The script goes through the steps of its tool, and then into a release of its name.
func TestJob(t *testing.T) {
	for _, c := range []struct {
		tree, export string
		argv         []string // of the step that makes the script
		assembled    []string // the last arguments of the last one
	}{
		{
			mixed(`escript: [main_module: A, path: "bin/w"]`), "/app/_build/prod/rel/w",
			[]string{"mix", "escript.build"},
			[]string{"escript", "/app/bin/w", "w", "1.2.0", "/app/_build/prod/rel/w"},
		},
		{
			erlang + "{escript_name, \"w\"}.\n", "/app/_build/prod/rel/w",
			[]string{"rebar3", "as", "prod", "escriptize"},
			[]string{"escript", "/app/_build/prod/bin/w", "w", "1.2.0", "/app/_build/prod/rel/w"},
		},
	} {
		_, b, _, err := plan(t, c.tree)
		if err != nil {
			t.Fatal(err)
		}
		job := b.Job(tool.Circumstances{Source: &source.Tree{}, Toolchain: tool.Toolchain{Rebar3: "/usr/bin/rebar3", Hex: true}})
		made, last := job.Steps[len(job.Steps)-2], job.Steps[len(job.Steps)-1]
		if diff := cmp.Diff(c.argv, made.Argv); diff != "" || made.Name != engine.StepRelease || job.Export != c.export {
			t.Errorf("%s to %s: %s", made.Name, job.Export, diff)
		}
		if diff := cmp.Diff(c.assembled, last.Argv[len(last.Argv)-5:]); diff != "" {
			t.Error(diff)
		}
	}
}
