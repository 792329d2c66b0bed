package project_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/project"
	"dram/internal/tool/tooltest"
)

func readFor(t *testing.T, tree string, given project.Given) *project.Project {
	t.Helper()
	d, err := project.Open(tooltest.Tree(t, tree))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	d.Given = given
	p, err := d.Mix()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What makes something else than a release is recognised, and said; an application is
// not taken for it.
func TestKinds(t *testing.T) {
	mix := func(config string) string {
		return "-- mix.exs --\ndefmodule A.MixProject do\n use Mix.Project\n def project, do: [app: :a, version: \"1\", " + config + "]\nend\n"
	}
	for _, c := range []struct{ name, tree, says string }{
		{"an application", mix("deps: []"), ""},
		{"a library", mix("package: [licenses: []], deps: []"), "looks like a library"},
		{"an application that Hex has, too", mix("package: [], deps: []") + "-- config/runtime.exs --\n", ""},
		{"one with releases", mix("package: [], deps: [], releases: [a: []]"), ""},
		{"a server with an escript beside", mix("escript: [main_module: A], deps: [], releases: [a: []]"), ""},
		{"firmware", mix(`archives: [nerves_bootstrap: "~> 1.0"], deps: [{:nerves, "~> 1.10"}], releases: [a: []]`), "firmware of Nerves"},
		{"a server for firmware", mix(`deps: [{:nerves_hub_link, "~> 2.0"}]`), ""},
		{"Burrito", mix(`deps: [{:burrito, "~> 1.0"}], releases: [a: [steps: [:assemble, &Burrito.wrap/1]]]`), "Burrito wraps"},
		{"Burrito of developers alone", mix(`deps: [{:burrito, "~> 1.0", only: :dev}]`), ""},
		{"a target", mix(`deps: deps(Mix.target())`), "MIX_TARGET=NAME"},
		{"a private repository", mix("deps: []") + "-- mix.lock --\n%{\n  \"oban_pro\": {:hex, :oban_pro, \"1.0.0\", \"aa\", [:mix], [], \"oban\", \"bb\"},\n  \"jason\": {:hex, :jason, \"1.0.0\", \"aa\", [:mix], [], \"hexpm\", \"bb\"},\n}\n", "packages of oban (oban_pro)"},
	} {
		notes := strings.Join(readFor(t, c.tree, project.Given{MixEnv: "prod"}).Notes, "\n")
		if c.says == "" && notes != "" || !strings.Contains(notes, c.says) {
			t.Errorf("%s: %q", c.name, notes)
		}
	}
}

// What the build reads of its environment is listed, and what only a start reads is not.
func TestBuildReads(t *testing.T) {
	p := readFor(t, `-- mix.exs --
defmodule A.MixProject do
  use Mix.Project
  def project, do: [app: :a, version: System.get_env("APP_VERSION", "0.0.0"), deps: deps(Mix.target())]
  # System.get_env("NOT_THIS")
  defp deps(_), do: []
end
-- config/config.exs --
import Config
config :a, sha: System.get_env("GIT_SHA"), again: System.fetch_env!("APP_VERSION")
-- config/runtime.exs --
import Config
config :a, key: System.fetch_env!("SECRET_KEY_BASE")
`, project.Given{MixEnv: "prod", Env: []string{"MIX_TARGET=rpi"}})
	if diff := cmp.Diff([]string{"APP_VERSION", "GIT_SHA"}, p.BuildReads); diff != "" {
		t.Error(diff)
	}
	if slices.ContainsFunc(p.Notes, func(n string) bool { return strings.Contains(n, "Mix.target") }) {
		t.Errorf("a target that is given is noted: %q", p.Notes)
	}
}

// Which file asks git while the project is compiled.
func TestAsksGit(t *testing.T) {
	mix := func(version string) string {
		return "-- mix.exs --\ndefmodule A.MixProject do\n use Mix.Project\n def project, do: [app: :a, version: " + version + ", deps: []]\nend\n"
	}
	for tree, want := range map[string]string{
		mix(`"1"`): "",
		mix(`elem(System.cmd("git", ["describe"]), 0)`):                      "mix.exs",
		mix(`System.shell("git describe") |> elem(0)`):                       "mix.exs",
		mix(`to_string(:os.cmd(~c"git rev-parse HEAD"))`):                    "mix.exs",
		mix(`to_string(:os.cmd('git rev-parse HEAD'))`):                      "mix.exs",
		mix(`"1", aliases: [tag: ["cmd git tag v1"]]`):                       "mix.exs",
		mix(`"1", source_url: "https://github.com/a/a", x: "git"`):           "",
		mix(`"1"`) + "-- config/config.exs --\nSystem.cmd( \"git\", [])\n":   "config/config.exs",
		mix(`"1"`) + "-- config/config.exs --\n# System.cmd(\"git\", [])\n":  "",
		mix(`"1"`) + "-- config/runtime.exs --\nSystem.cmd(\"git\", [])\n":   "",
		mix(`"1"`) + "-- config/config.exs --\nSystem.cmd(\"gitlab\", [])\n": "",
	} {
		if got := readFor(t, tree, project.Given{MixEnv: "prod"}).AsksGit; got != want {
			t.Errorf("%q asks git in the calls of:\n%s", got, tree)
		}
	}
}
