package distillery

import (
	"maps"
	"strings"
	"testing"

	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/tool/tooltest"
)

// read is the project in a tree of files, nil if it is none of Distillery's.
func read(t *testing.T, tree string) (*Project, error) {
	t.Helper()
	d, err := project.Open(tooltest.Tree(t, tree))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	p, err := Tool{}.Read(d)
	if p == nil {
		return nil, err
	}
	return p.(*Project), err
}

func TestReadDistillery(t *testing.T) {
	mix := func(dep string) string {
		return "-- mix.exs --\ndefmodule A do\n def project, do: [app: :a, version: \"0.4.0\", prune_code_paths: false, deps: [" + dep + "]]\nend\n"
	}
	const config = "-- rel/config.exs --\nuse Mix.Releases.Config, default_environment: :prod\nrelease :a do\n set version: current_version(:a)\nend\n"
	for _, c := range []struct{ name, tree, version string }{
		{"the lock's", mix(`{:distillery, "~> 2.0"}`) + config + "-- mix.lock --\n%{\n  \"artificery\": {:hex, :artificery, \"0.4.3\", \"ab\", [:mix], [], \"hexpm\"},\n  \"distillery\": {:hex, :distillery, \"2.1.1\", \"cd\", [:mix], [{:artificery, \"~> 0.2\", [hex: :artificery]}], \"hexpm\"},\n}\n", "2.1.1"},
		{"the lock's tag", mix(`{:distillery, github: "x/distillery"}`) + config + "-- mix.lock --\n%{\"distillery\" => {:git, \"https://example.com/x\", \"abc\", [tag: \"v2.0.14\"]}}\n", ""},
		{"the lock's tag, with a key", mix(`{:distillery, github: "x/distillery"}`) + config + "-- mix.lock --\n%{\"distillery\": {:git, \"https://example.com/x\", \"abc\", [tag: \"v2.0.14\"]}}\n", "2.0.14"},
		{"mix.exs's tag", mix(`{:distillery, github: "x/distillery", tag: "1.5.5"}`) + config, "1.5.5"},
		{"the directory's", mix(`{:distillery, path: "vendor/d"}`) + config + "-- vendor/d/mix.exs --\ndefmodule D do\n def project, do: [app: :distillery, version: \"2.1.0\"]\nend\n", "2.1.0"},
		{"not known", mix(`{:distillery, "~> 2.0"}`) + config, ""},
		{"a lock that is none", mix(`{:distillery, "~> 2.0"}`) + config + "-- mix.lock --\n%{[\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := read(t, c.tree)
			if err != nil {
				t.Fatal(err)
			}
			if p.version != c.version || !p.facts.KeepsCodePaths {
				t.Errorf("version %q, wanted %q, code paths kept: %v", p.version, c.version, p.facts.KeepsCodePaths)
			}
			if p.config == nil || p.config.DefaultEnvironment != "prod" || p.config.Module != "Mix.Releases.Config" {
				t.Errorf("%+v", p.config)
			}
			versions := map[string]string{"a": "0.4.0"}
			if strings.Contains(c.tree, "-- vendor/d/mix.exs --") {
				versions["distillery"] = "2.1.0"
			}
			if !maps.Equal(p.facts.AppVersions, versions) {
				t.Errorf("versions %v, wanted %v", p.facts.AppVersions, versions)
			}
		})
	}
}

func TestReadDistilleryFails(t *testing.T) {
	_, err := read(t, "-- mix.exs --\n"+"defmodule A do\n  def project, do: [app: :a, deps: [{:distillery, \"~> 2.1\"}]]\nend\n"+"-- rel/config.exs --\nrelease :a do\n  set version: [\nend\n")
	if err == nil || problem.Code(err) != 4 || !strings.Contains(err.Error(), `rel/config.exs:3:1: unexpected "end"`) {
		t.Errorf("code %d: %v", problem.Code(err), err)
	}
}
