package project_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/project"
)

const plainMix = "defmodule A.MixProject do\n  use Mix.Project\n  def project, do: [app: :a, version: \"1.0.0\"]\nend\n"

// read reads a project in the directory sub of a tree that is made of files.
func readIn(t *testing.T, files map[string]string, sub string) *project.Project {
	t.Helper()
	top := t.TempDir()
	if err := os.Chmod(top, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(top, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d, err := project.Open(filepath.Join(top, sub))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	p, err := d.Mix()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// How people write versions.
func TestVersionFiles(t *testing.T) {
	v := func(version, file string) project.Version { return project.Version{Version: version, File: file} }
	for _, tt := range []struct {
		name  string
		files map[string]string // beside mix.exs in app/, or above
		want  project.Asked
	}{
		{"asdf", map[string]string{"app/.tool-versions": "erlang 27.2\nelixir 1.18.1\n"}, project.Asked{Elixir: v("1.18.1", ".tool-versions"), Erlang: v("27.2", ".tool-versions")}},
		{"with the OTP that it is compiled for", map[string]string{"app/.tool-versions": "elixir 1.18.3-otp-27\n"}, project.Asked{Elixir: v("1.18.3", ".tool-versions"), Erlang: v("27", ".tool-versions")}},
		{"with a v, as tags have it", map[string]string{"app/.tool-versions": "elixir v1.18.3-otp-27\nerlang v27.1\n"}, project.Asked{Elixir: v("1.18.3", ".tool-versions"), Erlang: v("27.1", ".tool-versions")}},
		{"with a byte order mark", map[string]string{"app/.tool-versions": "\ufeffelixir 1.18.3\r\nerlang 27.2\r\n"}, project.Asked{Elixir: v("1.18.3", ".tool-versions"), Erlang: v("27.2", ".tool-versions")}},
		{"several, the first counts", map[string]string{"app/.tool-versions": "erlang 27.2 26.2 # both\nelixir 1.18.3 system\n"}, project.Asked{Elixir: v("1.18.3", ".tool-versions"), Erlang: v("27.2", ".tool-versions")}},
		{"mise", map[string]string{"app/mise.toml": "[tools]\nelixir = \"v1.18.3-otp-27\"\nerlang = [\"27.2\"]\n"}, project.Asked{Elixir: v("1.18.3", "mise.toml"), Erlang: v("27.2", "mise.toml")}},
		{"a file a tool", map[string]string{"app/.elixir-version": "v1.17.0\n", "app/.erlang-version": "OTP-26.2\n"}, project.Asked{Elixir: v("1.17.0", ".elixir-version"), Erlang: v("26.2", ".erlang-version")}},
		{"in the directory above", map[string]string{".tool-versions": "erlang 27.2\nelixir 1.18.1\n"}, project.Asked{Elixir: v("1.18.1", "../.tool-versions"), Erlang: v("27.2", "../.tool-versions")}},
		{"the nearest of each", map[string]string{".tool-versions": "erlang 27.2\nelixir 1.18.1\n", "app/.tool-versions": "elixir 1.17.3\n"}, project.Asked{Elixir: v("1.17.3", ".tool-versions"), Erlang: v("27.2", "../.tool-versions")}},
		{"not above a repository's top", map[string]string{".tool-versions": "elixir 1.18.1\n", "app/.git/HEAD": "ref: x\n"}, project.Asked{}},
		{"what is no version", map[string]string{"app/.tool-versions": "elixir latest\nerlang ref:master\n"}, project.Asked{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.files["app/mix.exs"] = plainMix
			p := readIn(t, tt.files, "app")
			if diff := cmp.Diff(tt.want, p.Asked); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A directory that others may write to says nothing: anybody could have said it.
func TestVersionsOfOthers(t *testing.T) {
	top := t.TempDir()
	for dir, text := range map[string]string{".": "elixir 1.18.1\n", "app": ""} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if text != "" {
			if err := os.WriteFile(filepath.Join(top, dir, ".tool-versions"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(top, "app", "mix.exs"), []byte(plainMix), 0o644); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]string{0o755: "1.18.1", 0o777 | os.ModeSticky: "", 0o775: ""} {
		if err := os.Chmod(top, mode); err != nil {
			t.Fatal(err)
		}
		d, err := project.Open(filepath.Join(top, "app"))
		if err != nil {
			t.Fatal(err)
		}
		p, err := d.Mix()
		if err != nil {
			t.Fatal(err)
		}
		_ = d.Close()
		if p.Asked.Elixir.Version != want {
			t.Errorf("with %v: Elixir %q, want %q", mode, p.Asked.Elixir.Version, want)
		}
	}
}

// What an umbrella's applications require counts as well.
func TestRequirementsOfApplications(t *testing.T) {
	p := readIn(t, map[string]string{
		"mix.exs":          strings.Replace(plainMix, "app: :a", "apps_path: \"apps\", elixir: \"~> 1.14\"", 1),
		"apps/web/mix.exs": strings.Replace(plainMix, "app: :a", "app: :web, elixir: \"~> 1.15\"", 1),
		"apps/db/mix.exs":  strings.Replace(plainMix, "app: :a", "app: :db", 1),
	}, ".")
	want := []project.Version{{Version: "~> 1.15", File: "apps/web/mix.exs"}}
	if diff := cmp.Diff(want, p.Requirements); diff != "" || p.ElixirRequirement != "~> 1.14" {
		t.Errorf("own %q, others (-want +got):\n%s", p.ElixirRequirement, diff)
	}
}

// What other files build with is offered.
func TestOffers(t *testing.T) {
	const phoenix = `ARG ELIXIR_VERSION=1.17.3
ARG OTP_VERSION=27.1.2
ARG DEBIAN_VERSION=bookworm-20241016-slim

ARG BUILDER_IMAGE="hexpm/elixir:${ELIXIR_VERSION}-erlang-${OTP_VERSION}-debian-${DEBIAN_VERSION}"
ARG RUNNER_IMAGE="debian:${DEBIAN_VERSION}"

FROM ${BUILDER_IMAGE} as builder
FROM ${RUNNER_IMAGE}
`
	for _, tt := range []struct {
		name, file, text string
		want             []project.Offer
	}{
		{"Phoenix's Dockerfile", "Dockerfile", phoenix, []project.Offer{{
			File: "Dockerfile", Image: "hexpm/elixir:1.17.3-erlang-27.1.2-debian-bookworm-20241016-slim", Elixir: "1.17.3", Erlang: "27.1.2",
		}}},
		{"the official image", "Dockerfile", "FROM --platform=linux/amd64 elixir:1.16-otp-26-slim AS build\n", []project.Offer{{
			File: "Dockerfile", Image: "elixir:1.16-otp-26-slim", Elixir: "1.16", Erlang: "26",
		}}},
		{"a default in place", "Dockerfile", "FROM registry.example/team/elixir:${V:-1.15.7}\n", []project.Offer{{
			File: "Dockerfile", Image: "registry.example/team/elixir:1.15.7", Elixir: "1.15.7",
		}}},
		{"an image of somebody's own", "Dockerfile", "FROM bitwalker/alpine-elixir-phoenix:1.13\n", []project.Offer{{
			File: "Dockerfile", Image: "bitwalker/alpine-elixir-phoenix:1.13", Elixir: "1.13",
		}}},
		{"a name that only begins like it", "Dockerfile", "FROM team/elixirish:1.13\n", nil},
		{"a shell of Nix", "shell.nix", "pkgs.mkShell {\n  packages = [ beam27Packages.elixir_1_18 ]; # elixir_1_17\n}\n", []project.Offer{{File: "shell.nix", Elixir: "1.18", Erlang: "27"}}},
		{"a flake", "flake.nix", "elixir = beam.packages.erlang_28.elixir_1_19;\n", []project.Offer{{File: "flake.nix", Elixir: "1.19", Erlang: "28"}}},
		{"a flake that says no series", "flake.nix", "packages = [ pkgs.elixir pkgs.erlang_28 ];\n", nil},
		{"a tag that says nothing", "Dockerfile", "FROM elixir:latest\n", []project.Offer{{File: "Dockerfile", Image: "elixir:latest"}}},
		{"no default", "Dockerfile", "ARG V\nFROM elixir:$V\n", nil},
		{"another image", "Dockerfile", "FROM debian:bookworm\nRUN apt-get install elixir\n", nil},
		{"Heroku's buildpack", "elixir_buildpack.config", "# versions\nerlang_version=26.2.5\nelixir_version=v1.16.2 # the last\nalways_rebuild=false\n", []project.Offer{{
			File: "elixir_buildpack.config", Elixir: "1.16.2", Erlang: "26.2.5",
		}}},
		{"a buildpack's branch", "elixir_buildpack.config", "elixir_version=(branch main)\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := readIn(t, map[string]string{"mix.exs": plainMix, tt.file: tt.text}, ".")
			if diff := cmp.Diff(tt.want, p.Offers); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Where Dockerfiles lie and how they are called, what gives them arguments, and what the
// pipelines say of a project that nothing else says anything of.
func TestOffersElsewhere(t *testing.T) {
	const builds = "ARG OTP\nFROM erlang:${OTP} AS build\nCOPY . .\nRUN mix release\n"
	const ci = "jobs:\n  test:\n    steps:\n      - uses: erlef/setup-beam@v1\n        with:\n          elixir-version: 1.10\n          otp-version: '22.3.4'\n"
	offer := func(file, image, elixir, erlang string) []project.Offer {
		return []project.Offer{{File: file, Image: image, Elixir: elixir, Erlang: erlang}}
	}
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []project.Offer
	}{
		{"a Containerfile", map[string]string{"Containerfile": "FROM elixir:1.13\nRUN mix release\n"}, offer("Containerfile", "elixir:1.13", "1.13", "")},
		{"two folders down", map[string]string{"devops/docker/Dockerfile-web": "FROM elixir:1.13\nRUN mix release\n"}, offer("devops/docker/Dockerfile-web", "elixir:1.13", "1.13", "")},
		{"not of a project of its own", map[string]string{"infra/other/Dockerfile": "FROM elixir:1.13\nRUN mix release\n", "infra/other/mix.exs": plainMix}, nil},
		{"an argument of .env", map[string]string{"Dockerfile": builds, ".env": "OTP=28.5\nTOKEN=x\n"}, offer("Dockerfile with OTP of .env", "erlang:28.5", "", "28.5")},
		{"an argument of a Makefile", map[string]string{"Dockerfile": builds, "Makefile": "OTP ?= 24\nall:\n\tdocker build\n"}, offer("Dockerfile with OTP of Makefile", "erlang:24", "", "24")},
		{"an argument of Compose", map[string]string{"Dockerfile": builds, "compose.yaml": "services:\n  web:\n    build:\n      args:\n        - OTP=26.2\n"}, offer("Dockerfile with OTP of compose.yaml", "erlang:26.2", "", "26.2")},
		{"an argument that two things are said of", map[string]string{"Dockerfile": builds, "Makefile": "OTP = 24\nOTP = 25\n"}, nil},
		{"a pipeline", map[string]string{".github/workflows/ci.yml": ci}, offer(".github/workflows/ci.yml", "", "1.10", "22.3.4")},
		{"a pipeline's matrix of one", map[string]string{".github/workflows/ci.yaml": "strategy:\n  matrix:\n    elixir: [1.14.3, 1.14.x]\n    otp:\n      - 25\n"}, offer(".github/workflows/ci.yaml", "", "1.14.3", "25")},
		{"a pipeline's matrix of several", map[string]string{".github/workflows/ci.yml": "matrix:\n  elixir: ['1.14', '1.15']\n  otp: [25]\n"}, offer(".github/workflows/ci.yml", "", "", "25")},
		{"a pipeline's image", map[string]string{".gitlab-ci.yml": "image: hexpm/elixir:1.15.7-erlang-26.1-debian-bookworm-1\n"}, offer(".gitlab-ci.yml", "", "1.15.7", "26.1")},
		{"a pipeline beside a Dockerfile", map[string]string{".github/workflows/ci.yml": ci, "Dockerfile": "FROM elixir:1.13\n"}, offer("Dockerfile", "elixir:1.13", "1.13", "")},
		{"a pipeline that is none", map[string]string{".github/workflows/ci.yml": "\tx: [\n"}, nil},
		{"a pipeline that takes the version elsewhere", map[string]string{".github/workflows/ci.yml": "elixir-version: ${{ matrix.elixir }}\n"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.files["mix.exs"] = plainMix
			if diff := cmp.Diff(tt.want, readIn(t, tt.files, ".").Offers); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What the configuration shows without being evaluated, and what a lock names.
func TestConfiguration(t *testing.T) {
	p := readIn(t, map[string]string{
		"mix.exs": strings.Replace(plainMix, "app: :a", "app: :a, aliases: aliases() ++ []", 1),
		"mix.lock": `%{
  "jason": {:hex, :jason, "1.4.1", "a", [:mix], [], "hexpm", "b"},
  "bandit": {:hex, :bandit, "1.5.0", "a", [:mix], [], "hexpm", "b"},
}
`,
		"config/prod.exs": "import Config\nconfig :a, A.Endpoint, cache_static_manifest: \"priv/static/cache_manifest.json\"\n",
		"config/runtime.exs": `import Config
if System.get_env("PHX_SERVER"), do: config(:a, A.Endpoint, server: true)
# System.get_env("NOT_THIS")
config :a, A.Repo, url: System.fetch_env!("DATABASE_URL"), pool: System.get_env("POOL_SIZE") || "10"
config :a, again: System.get_env( "PHX_SERVER")
`,
	}, ".")
	want := project.Start{File: "config/runtime.exs", Reads: []string{"DATABASE_URL", "PHX_SERVER", "POOL_SIZE"}, Required: []string{"DATABASE_URL"}, Serves: true, Listens: true}
	if diff := cmp.Diff(want, p.Start); diff != "" {
		t.Errorf("start (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"bandit", "jason"}, p.Locked); diff != "" {
		t.Errorf("locked (-want +got):\n%s", diff)
	}
	if p.Assets.Manifest != "config/prod.exs" || !p.AliasesOpen {
		t.Errorf("manifest %q, aliases open: %v", p.Assets.Manifest, p.AliasesOpen)
	}
}

// The package.json of any folder where the Dockerfile runs something.
func TestPackagesOfTheDockerfile(t *testing.T) {
	p := readIn(t, map[string]string{
		"mix.exs": plainMix, "webapp/package.json": `{"scripts": {"deploy": "x"}}`, "admin/package.json": `{"scripts": {"css": "x"}}`, "other/package.json": "{}",
		"Dockerfile": "FROM elixir:1.17\nWORKDIR /s\nCOPY . .\nRUN cd webapp && npm run deploy\nRUN yarn --cwd ./admin css\nRUN npm --prefix ../x run y\nRUN mix release\n",
	}, ".")
	want := []project.Package{{Dir: "webapp", Manager: "npm", Scripts: []string{"deploy"}, Script: "deploy", Apart: true}, {Dir: "admin", Manager: "npm", Scripts: []string{"css"}, Apart: true}}
	if diff := cmp.Diff(want, p.Assets.Packages); diff != "" {
		t.Error(diff)
	}
}
