package project

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dram/internal/problem"
)

// tree writes files, given as "-- name --" sections, to a new directory.
func tree(t *testing.T, sections string) string {
	t.Helper()
	dir := t.TempDir()
	for section := range strings.SplitSeq("\n"+sections, "\n-- ") {
		name, content, ok := strings.Cut(section, " --\n")
		if !ok {
			continue
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read reads what Mix says of the project in a directory.
func read(t *testing.T, dir string) (*Project, error) {
	t.Helper()
	d, err := Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Mix()
}

const phoenix = `-- mix.exs --
defmodule Shop.MixProject do
  use Mix.Project

  def project do
    [
      app: :shop,
      version: "0.3.0",
      elixir: "~> 1.14",
      elixirc_paths: elixirc_paths(Mix.env()),
      start_permanent: Mix.env() == :prod,
      aliases: aliases(),
      deps: deps()
    ]
  end

  # Configuration for the OTP application.
  def application do
    [mod: {Shop.Application, []}, extra_applications: [:logger, :runtime_tools]]
  end

  defp elixirc_paths(:test), do: ["lib", "test/support"]
  defp elixirc_paths(_), do: ["lib"]

  defp deps do
    [
      {:phoenix, "~> 1.7.14"},
      {:esbuild, "~> 0.8", runtime: Mix.env() == :dev},
      {:heroicons,
       github: "tailwindlabs/heroicons",
       tag: "v2.1.1",
       app: false,
       compile: false,
       depth: 1},
      {:floki, ">= 0.30.0", only: :test},
      {:credo, "~> 1.7", only: [:dev, :test], runtime: false}
    ]
  end

  defp aliases do
    [
      setup: ["deps.get", "assets.setup", "assets.build"],
      "assets.setup": ["tailwind.install --if-missing", "esbuild.install --if-missing"],
      "assets.deploy": [
        "tailwind shop --minify",
        "phx.digest"
      ]
    ]
  end
end
-- mix.lock --
%{
  "phoenix": {:hex, :phoenix, "1.7.14", "a", [:mix], [], "hexpm", "b"},
}
-- .tool-versions --
# the versions of production
erlang 27.3.4 26.2.5
elixir 1.18.3-otp-27
nodejs 22.1.0
-- assets/package.json --
{}
`

const umbrella = `-- mix.exs --
defmodule Acme.MixProject do
  use Mix.Project
  @version File.read!("VERSION") |> String.trim()
  def project do
    [apps_path: "apps", version: @version, start_permanent: true, deps: [], releases: releases()]
  end
  defp releases do
    [
      acme: [
        applications: [acme: :permanent, acme_web: :permanent],
        include_executables_for: [:unix],
        version: @version,
        cookie: "secret",
        include_erts: false,
        steps: [:assemble, &__MODULE__.stamp/1, :tar]
      ]
    ]
  end
end
-- VERSION --
2.0.1
-- apps/acme/mix.exs --
defmodule Acme.Core.MixProject do
  use Mix.Project
  def project, do: [app: :acme, version: "0.1.0", compilers: [:elixir_make] ++ Mix.compilers(), deps: deps()]
  defp deps, do: [{:elixir_make, "~> 0.8", runtime: false}, {:shared, path: "../../libs/shared"}]
end
-- apps/acme/Makefile --
all:
-- apps/acme/c_src/nif.c --
int x;
-- apps/acme_web/mix.exs --
defmodule Acme.Web.MixProject do
  use Mix.Project
  def project, do: [app: :acme_web, version: "0.1.0", deps: [{:acme, in_umbrella: true}]]
end
-- apps/notes/README.md --
no application
-- libs/shared/mix.exs --
defmodule Shared.MixProject do
  use Mix.Project
  def project, do: [app: :shared, version: "1.0.0", deps: [{:decimal, git: "https://example.com/decimal.git"}]]
end
`

const library = `-- mix.exs --
defmodule Tiny.MixProject do
  use Mix.Project
  @version "1.0.0-rc.1"
  def project, do: [app: :tiny, version: @version, elixir: ">= 1.12.0 and < 2.0.0", package: package(), deps: []]
  defp package, do: [licenses: ["MIT"], files: ~w(lib mix.exs)]
end
-- Makefile --
lint:
`

const device = `-- mix.exs --
defmodule Blinky.MixProject do
  use Mix.Project

  @app :blinky
  @all_targets [:rpi0, :rpi4]

  def project do
    [
      app: @app,
      version: version(),
      archives: [nerves_bootstrap: "~> 1.13"],
      deps: deps(),
      releases: [{@app, release()}],
      preferred_cli_target: [run: :host, test: :host]
    ]
  end

  defp version, do: System.get_env("VSN") || "0.0.0"

  def deps do
    [
      {:nerves, "~> 1.10", runtime: false},
      {:nerves_system_rpi4, "~> 1.24", runtime: false, targets: :rpi4}
    ] ++ extra(Mix.target())
  end

  defp extra(:host), do: []
  defp extra(_), do: [{:vintage_net, "~> 0.13"}]

  def release do
    [
      overwrite: true,
      cookie: "#{@app}_cookie",
      include_erts: &Nerves.Release.erts/0,
      steps: [&Nerves.Release.init/1, :assemble],
      strip_beams: Mix.env() == :prod or [keep: ["Docs"]]
    ]
  end
end
-- mise.toml --
[tools]
erlang = { version = "27" }
elixir = ["prefix:1.18", "1.17"]
node = "22"
-- native/led/Cargo.toml --
`

const several = `-- mix.exs --
defmodule Notebook.MixProject do
  use Mix.Project
  @elixir_requirement "~> 1.18"
  @description "Notebooks"
  def project do
    [
      app: :notebook,
      version: "0.15.0-dev",
      elixir: @elixir_requirement,
      name: "Notebook",
      description: @description,
      default_release: :notebook,
      deps: with_lock(deps()),
      releases: releases()
    ]
  end
  defp releases do
    [
      notebook: [include_executables_for: [:unix], include_erts: false, steps: [:assemble]],
      app: [include_erts: true, steps: [:assemble, &standalone/1]]
    ]
  end
  defp deps, do: [{:jason, "~> 1.0"}]
  defp with_lock(deps), do: deps
end
-- .elixir-version --
1.18.3
-- .erlang-version --
OTP-27.3
`

const (
	firmware  = "this is firmware of Nerves, whose image is made by `mix firmware` for a MIX_TARGET: what dram makes is a release for Linux with its own libraries"
	target    = "mix.exs goes by Mix.target(), which is :host unless --build-env MIX_TARGET=NAME says otherwise"
	isLibrary = "this looks like a library (mix.exs has package: and no releases:): a release of it starts nothing but its own applications"
)

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, tree string
		want       Project
	}{
		{"a generated web application", phoenix, Project{
			App: "shop", Version: "0.3.0", ElixirRequirement: "~> 1.14",
			Asked: Asked{Elixir: Version{"1.18.3", ".tool-versions"}, Erlang: Version{"27.3.4", ".tool-versions"}},
			Deps: []Dep{
				{Name: "phoenix", Source: Hex, Requirement: "~> 1.7.14"},
				{Name: "esbuild", Source: Hex, Requirement: "~> 0.8"},
				{Name: "heroicons", Source: Git, Where: "tailwindlabs/heroicons", Tag: "v2.1.1", NoApp: true},
				{Name: "floki", Source: Hex, Requirement: ">= 0.30.0", Only: []string{"test"}},
				{Name: "credo", Source: Hex, Requirement: "~> 1.7", Only: []string{"dev", "test"}},
			},
			UsesHex: true, HasLock: true, OwnApps: []string{"shop"},
			Assets: Assets{
				Setup: true, Deploy: true, SetupApart: true, Dir: ".",
				Packages: []Package{{Dir: "assets", Manager: "npm", Node: Version{"22.1.0", ".tool-versions"}}},
				Setups:   []string{"tailwind.install --if-missing", "esbuild.install --if-missing"}, Deploys: []string{"tailwind shop --minify", "phx.digest"},
			},
			Shown: Shown{Aliases: []string{"assets.deploy", "assets.setup", "setup"}, Locked: []string{"phoenix"}, Keyless: true, LockedDeps: []LockedDep{{Name: "phoenix", Version: "1.7.14", Hex: true, Package: "phoenix", Repository: "hexpm"}}},
		}},
		{"an umbrella", umbrella, Project{
			Umbrella: true, Version: "2.0.1",
			Releases: []Release{{Name: "acme", Version: "2.0.1", Applications: []string{"acme", "acme_web"}, NoERTS: true, Tar: true, Cookie: true}},
			Deps: []Dep{
				{Name: "elixir_make", Source: Hex, Requirement: "~> 0.8"},
				{Name: "shared", Source: Path, Where: "libs/shared"},
				{Name: "acme", Source: Sibling},
				{Name: "decimal", Source: Git, Where: "https://example.com/decimal.git"},
			},
			UsesHex: true, OwnApps: []string{"acme", "acme_web"},
			Shown: Shown{NativeCode: []string{
				"apps/acme/Makefile", "apps/acme/c_src/nif.c",
				"apps/acme/mix.exs: compiler :elixir_make", "apps/acme/mix.exs: dependency :elixir_make",
			}},
		}},
		{"a library", library, Project{
			App: "tiny", Version: "1.0.0-rc.1", ElixirRequirement: ">= 1.12.0 and < 2.0.0", OwnApps: []string{"tiny"}, Notes: []string{isLibrary}, Shown: Shown{Licences: []string{"MIT"}},
		}},
		{"a device's firmware", device, Project{
			App:      "blinky",
			Releases: []Release{{Name: "blinky", Cookie: true}},
			Asked:    Asked{Elixir: Version{"1.18", "mise.toml"}, Erlang: Version{"27", "mise.toml"}},
			Deps: []Dep{
				{Name: "nerves", Source: Hex, Requirement: "~> 1.10"},
				{Name: "nerves_system_rpi4", Source: Hex, Requirement: "~> 1.24"},
			},
			DepsOpen: true, UsesHex: true, OwnApps: []string{"blinky"}, Shown: Shown{NativeCode: []string{"native/led/Cargo.toml"}, BuildReads: []string{"VSN"}}, Notes: []string{firmware, target},
		}},
		{"several releases", several, Project{
			App: "notebook", Version: "0.15.0-dev", ElixirRequirement: "~> 1.18", DefaultRelease: "notebook",
			Releases: []Release{{Name: "notebook", NoERTS: true}, {Name: "app"}},
			Asked:    Asked{Elixir: Version{"1.18.3", ".elixir-version"}, Erlang: Version{"27.3", ".erlang-version"}},
			Deps:     []Dep{{Name: "jason", Source: Hex, Requirement: "~> 1.0"}}, UsesHex: true, OwnApps: []string{"notebook"},
		}},
		{"a project that is computed", "-- mix.exs --\ndefmodule A do\n def project, do: Shared.project(:a)\nend\n", Project{
			DepsOpen: true, ReleasesOpen: true,
			Notes: []string{"mix.exs computes its project: nothing is known of it"},
		}},
		{"versions that are none", "-- mix.exs --\n" + minimal + "-- .tool-versions --\nerlang ref:master\nelixir system\n-- .mise.toml --\n[tools]\nerlang = \"latest\"\n\"core:elixir\" = \"1.17\"\n", Project{
			App: "a", OwnApps: []string{"a"}, Asked: Asked{Elixir: Version{"1.17", ".mise.toml"}},
			Notes: []string{
				`.tool-versions asks for Elixir "system", which is not a version number: ignored`,
				`.tool-versions asks for Erlang "ref:master", which is not a version number: ignored`,
				`.mise.toml asks for Erlang "latest", which is not a version number: ignored`,
			},
		}},
		{"versions that disagree", "-- mix.exs --\n" + minimal + "-- .tool-versions --\nelixir 1.17.3-otp-26\n-- mise.toml --\n[tools]\nelixir = \"1.18.1\"\n", Project{
			App: "a", OwnApps: []string{"a"},
			Asked: Asked{Elixir: Version{"1.17.3", ".tool-versions"}, Erlang: Version{"26", ".tool-versions"}},
			Notes: []string{".tool-versions asks for Elixir 1.17.3, mise.toml for 1.18.1: the first counts"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.Dir = tree(t, c.tree)
			got, err := read(t, c.want.Dir)
			if err != nil {
				t.Fatal(err)
			}
			opts := cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Project{}, "AppVersions")} // they have tests of their own
			if diff := cmp.Diff(&c.want, got, opts); diff != "" {
				t.Error(diff)
			}
		})
	}
}

const minimal = "defmodule A do\n  def project, do: [app: :a, deps: []]\nend\n"

func TestReadFailures(t *testing.T) {
	outside := tree(t, "-- mix.exs --\n"+minimal)
	for _, c := range []struct {
		name, tree string
		prepare    func(t *testing.T, dir string)
		code       int
		want, hint string
	}{
		{"no directory", "", func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Remove(dir); err != nil {
				t.Fatal(err)
			}
		}, 2, `opening project "DIR"`, "name the directory of the project: the one with mix.exs"},
		{
			"mix.exs does not parse", "-- mix.exs --\ndefmodule A do\n  def project do\n    [app: :a\n  end\nend\n", nil, 4,
			`reading mix.exs: mix.exs:4:3: unexpected "end": "[" of line 3 column 5 is not closed by "]"`, "mend the file there; mix would fail on it too",
		},
		{
			"mix.exs of a child does not parse", "-- mix.exs --\ndefmodule A do\n def project, do: [apps_path: \"apps\"]\nend\n-- apps/b/mix.exs --\ndefmodule B do\n", nil, 4,
			`apps/b/mix.exs:2:1: unexpected end: "do" of line 1 column 13 is not closed by "end"`, "mend",
		},
		{"mix.exs too large", "-- mix.exs --\n" + strings.Repeat("# many words\n", 100_000), nil, 2, "larger than 1048576 bytes", "inside the project"},
		{"mix.exs is a link that leaves the project", "", func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Symlink(filepath.Join(outside, "mix.exs"), filepath.Join(dir, "mix.exs")); err != nil {
				t.Fatal(err)
			}
		}, 2, "escapes", "links that leave the project are not followed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := tree(t, c.tree)
			if c.prepare != nil {
				c.prepare(t, dir)
			}
			_, err := read(t, dir)
			if err == nil {
				t.Fatal("no error")
			}
			plain := func(s string) string { return strings.ReplaceAll(s, dir, "DIR") }
			if !strings.Contains(plain(err.Error()), c.want) || !strings.Contains(plain(problem.Hint(err)), c.hint) || problem.Code(err) != c.code {
				t.Errorf("code %d, error %q, hint %q", problem.Code(err), plain(err.Error()), plain(problem.Hint(err)))
			}
		})
	}
}

func TestOutsideDependency(t *testing.T) {
	p, err := read(t, tree(t, "-- mix.exs --\ndefmodule A do\n def project, do: [app: :a, deps: [{:b, path: \"../b\"}, {:c, path: \"c/../d\"}]]\nend\n"))
	if err != nil {
		t.Fatal(err)
	}
	if !p.Deps[0].Outside() || p.Deps[1].Outside() || p.Deps[0].Remote() {
		t.Errorf("%+v", p.Deps)
	}
}

// Mix knows the aliases of an umbrella's application in its own directory alone; there
// they are run where the umbrella has none.
func TestUmbrellaAssets(t *testing.T) {
	const root = "-- mix.exs --\ndefmodule A do\n def project, do: [apps_path: \"apps\", aliases: [%s]]\nend\n" +
		"-- apps/web/mix.exs --\ndefmodule W do\n def project, do: [app: :web, aliases: [\"assets.deploy\": [\"x\"]]]\nend\n"
	const another = "-- apps/admin/mix.exs --\ndefmodule V do\n def project, do: [app: :admin, aliases: [\"assets.deploy\": [\"y\"]]]\nend\n"
	for _, tt := range []struct{ files, dir, command, note string }{
		{strings.Replace(root, "%s", "", 1), "apps/web", "x", ""},
		{strings.Replace(root, "%s", `"assets.deploy": ["do --app web assets.deploy"]`, 1), ".", "do --app web assets.deploy", ""},
		{strings.Replace(root, "%s", "", 1) + another, "apps/admin", "y", "apps/web/mix.exs has the alias assets.deploy as apps/admin/mix.exs has, and only that is run"},
	} {
		p, err := read(t, tree(t, tt.files))
		if err != nil {
			t.Fatal(err)
		}
		a, notes := p.Assets, strings.Join(p.Notes, "\n")
		if !a.Deploy || a.Dir != tt.dir || strings.Join(a.Deploys, ", ") != tt.command || !strings.HasPrefix(notes, tt.note) || tt.note == "" && notes != "" {
			t.Errorf("%+v, notes %q; want %+v", a, notes, tt)
		}
	}
}

func FuzzVersionFiles(f *testing.F) {
	f.Add("erlang 27.3.4\nelixir 1.18.3-otp-27 # x\n")
	f.Add("[tools]\nelixir = [{version = \"1\"}, 2]\n\"a:erlang\" = 27\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, file := range versionFiles {
			a, err := file.read(text)
			if err == nil && numeric(a.elixir) && strings.ContainsAny(a.elixir, " \n") {
				t.Fatalf("%s: %q counts as a version", file.name, a.elixir)
			}
		}
	})
}

// The applications of an umbrella are read in the order of their names, whatever that of
// the file system: a plan is the same on each.
func TestUmbrellaIsReadInOrder(t *testing.T) {
	text := "-- mix.exs --\ndefmodule A do\n  def project, do: [apps_path: \"apps\", version: \"1.0.0\", deps: []]\nend\n"
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(100) { //nolint:gosec // an order, and no secret
		text += fmt.Sprintf("-- apps/a%02d/mix.exs --\ndefmodule A do\n  def project, do: [app: :a%02d, version: \"1.0.0\", deps: [{:d%02d, \"~> 1.0\"}]]\nend\n", i, i, i)
	}
	got, err := read(t, tree(t, text))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(got.Deps, func(a, b Dep) int { return strings.Compare(a.Name, b.Name) }) || len(got.Deps) != 100 {
		t.Errorf("%+v", got.Deps)
	}
}
