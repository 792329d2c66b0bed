package project_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/project"
	"dram/internal/tool/tooltest"
)

const asking = `-- VERSION --
3.1.4
-- mix.exs --
defmodule Shop.MixProject do
  use Mix.Project

  def project do
    [
      app: :shop,
      version: version(),
      deps: deps(Mix.env()),
      releases: if(Mix.env() == :prod, do: [web: []], else: []),
      aliases: Keyword.merge([setup: ["deps.get"]], "assets.deploy": ["esbuild default"])
    ]
  end

  defp version do
    base = "VERSION" |> File.read!() |> String.trim()
    case System.get_env("GIT_SHA") do
      nil -> base
      sha -> "#{base}+#{sha}"
    end
  end

  defp deps(:prod), do: [{:jason, "~> 1.4"}] ++ deps(:all)
  defp deps(_), do: [{:plug, "~> 1.16"}]
end
`

// What mix.exs computes of the build's environment is that of the build it is read for.
func TestGiven(t *testing.T) {
	for _, c := range []struct {
		name              string
		given             project.Given
		version, releases string
		deps              string
		open              bool
	}{
		{"production", project.Given{MixEnv: "prod"}, "3.1.4", "web", "jason plug", false},
		{"another environment", project.Given{MixEnv: "staging"}, "3.1.4", "", "plug", false},
		{"a variable that is set", project.Given{MixEnv: "prod", Env: []string{"GIT_SHA=abc"}}, "3.1.4+abc", "web", "jason plug", false},
		{"an environment with more in it", project.Given{MixEnv: "prod", EnvOpen: true}, "", "web", "jason plug", false},
		{"nothing", project.Given{}, "", "", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := project.Open(tooltest.Tree(t, asking))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = d.Close() }()
			d.Given = c.given
			p, err := d.Mix()
			if err != nil {
				t.Fatal(err)
			}
			var releases, deps []string
			for _, r := range p.Releases {
				releases = append(releases, r.Name)
			}
			for _, dep := range p.Deps {
				deps = append(deps, dep.Name)
			}
			got := []any{p.Version, strings.Join(releases, " "), strings.Join(deps, " "), p.DepsOpen, p.Assets.Deploy}
			if diff := cmp.Diff([]any{c.version, c.releases, c.deps, c.open, true}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The environment of a build is known but for what its toolchain and dram have in it.
func TestGivenOfTheToolchain(t *testing.T) {
	for name, known := range map[string]bool{"GIT_SHA": true, "MIX_TARGET": true, "PATH": false, "OTP_VERSION": false, "HEX_API_KEY": false, "MIX_OS_DEPS_COMPILE_PARTITION_COUNT": false} {
		text := strings.ReplaceAll(asking, "GIT_SHA", name)
		d, err := project.Open(tooltest.Tree(t, text))
		if err != nil {
			t.Fatal(err)
		}
		d.Given = project.Given{MixEnv: "prod"}
		p, err := d.Mix()
		_ = d.Close()
		if err != nil || (p.Version == "3.1.4") != known {
			t.Errorf("%s: version %q, %v", name, p.Version, err)
		}
	}
}
