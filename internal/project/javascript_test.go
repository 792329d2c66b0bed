package project

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const bare = "-- mix.exs --\ndefmodule A do\n def project, do: [app: :a]\nend\n"

// What is installed, by which package manager, and with which Node.js.
func TestPackages(t *testing.T) {
	for _, tt := range []struct {
		name, files string
		want        []Package
	}{
		{"none", bare, nil},
		{
			"Phoenix 1.4", bare + "-- assets/package-lock.json --\n{}\n-- assets/package.json --\n" +
				`{"scripts": {"watch": "webpack -w", "deploy": "webpack -p"}, "dependencies": {"phoenix": "file:../deps/phoenix", "shop": "file:../shop-ui"}, "devDependencies": {"webpack": "4.4.0"}}`,
			[]Package{{
				Dir: "assets", Manager: "npm", Lock: "assets/package-lock.json", Needs: true, Scripts: []string{"deploy", "watch"}, Script: "deploy", Local: []string{"deps/phoenix", "shop-ui"},
				Node: Version{"<17", "assets/package.json (webpack 4.4.0)"},
			}},
		},
		{
			"a manager that is named", bare + "-- assets/pnpm-lock.yaml --\nlockfileVersion: '9.0'\n-- assets/package-lock.json --\n{}\n-- assets/package.json --\n" +
				`{"packageManager": "pnpm@9.1.0+sha512.abc", "engines": {"node": ">=20"}, "scripts": {"build": "vite build"}}`,
			[]Package{{
				Dir: "assets", Manager: "pnpm", ManagerVersion: "9.1.0", Lock: "assets/pnpm-lock.yaml", Others: []string{"assets/package-lock.json"}, Scripts: []string{"build"}, Script: "build",
				Node: Version{">=20", "assets/package.json"},
			}},
		},
		{
			"only the lock of another one", bare + "-- yarn.lock --\n# yarn lockfile v1\n-- package.json --\n" + `{"packageManager": "npm@10.1.0"}`,
			[]Package{{Dir: ".", Manager: "npm", ManagerVersion: "10.1.0", Others: []string{"yarn.lock"}}},
		},
		{"yarn 1", bare + "-- package.json --\n{}\n-- yarn.lock --\n# THIS\n# yarn lockfile v1\n", []Package{{Dir: ".", Manager: "yarn", ManagerVersion: "1", Lock: "yarn.lock"}}},
		{"yarn 4", bare + "-- package.json --\n{}\n-- yarn.lock --\n# THIS\n\n__metadata:\n  version: 8\n", []Package{{Dir: ".", Manager: "yarn", ManagerVersion: "4", Lock: "yarn.lock"}}},
		{"pnpm 8", bare + "-- package.json --\n{}\n-- pnpm-lock.yaml --\nlockfileVersion: '6.0'\n", []Package{{Dir: ".", Manager: "pnpm", ManagerVersion: "8", Lock: "pnpm-lock.yaml"}}},
		{"bun", bare + "-- package.json --\n{}\n-- bun.lockb --\n\x00\n", []Package{{Dir: ".", Manager: "bun", Lock: "bun.lockb"}}},
		{
			"the nearest version file", bare + "-- .tool-versions --\nnodejs 18.1.0\n-- .nvmrc --\nv20\n-- assets/.node-version --\n22.1.0\n-- assets/package.json --\n" +
				`{"engines": {"node": "14"}, "volta": {"node": "12.0.0"}}` + "\n-- package.json --\n{}\n",
			[]Package{{Dir: "assets", Manager: "npm", Node: Version{"22.1.0", "assets/.node-version"}}, {Dir: ".", Manager: "npm", Node: Version{"20", ".nvmrc"}}},
		},
		{"mise", bare + "-- mise.toml --\n[tools]\nnode = \"lts\"\n-- package.json --\n{}\n", []Package{{Dir: ".", Manager: "npm", Node: Version{"lts", "mise.toml"}}}},
		{"Volta", bare + "-- package.json --\n" + `{"volta": {"node": "16.20.2"}}`, []Package{{Dir: ".", Manager: "npm", Node: Version{"16.20.2", "package.json"}}}},
		{
			"fields of other forms", bare + "-- package.json --\n" + `{"engines": {"node": 22}, "scripts": {"build": ["x"]}, "dependencies": {"a": {"version": "1"}}}`,
			[]Package{{Dir: ".", Manager: "npm", Needs: true}},
		},
		{
			"an application of an umbrella", "-- mix.exs --\ndefmodule A do\n def project, do: [apps_path: \"apps\"]\nend\n" +
				"-- apps/web/mix.exs --\ndefmodule W do\n def project, do: [app: :web]\nend\n-- apps/web/assets/package.json --\n{}\n",
			[]Package{{Dir: "apps/web/assets", Manager: "npm"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := read(t, tree(t, tt.files))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, p.Assets.Packages); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBrokenPackage(t *testing.T) {
	p, err := read(t, tree(t, bare+"-- assets/package.json --\n{\"name\": \n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Assets.Packages; len(got) != 1 || !got[0].Needs || !strings.Contains(got[0].Broken, "JSON") {
		t.Errorf("%+v", got)
	}
}

// Which packages use another, and whether all is public, stands in mix.lock.
func TestLockTells(t *testing.T) {
	const lock = `%{
  "explorer": {:hex, :explorer, "0.10.0", "a", [:mix], [{:rustler_precompiled, "~> 0.7", [hex: :rustler_precompiled, repo: "hexpm", optional: false]}], "hexpm", "b"},
  "exqlite": {:hex, :exqlite, "0.2", "a", [:make, :mix], [{:elixir_make, "~> 0.8", [hex: :elixir_make]}, {:cc_precompiler, "~> 0.1", []}], "hexpm", "b"},
  "fork": {:git, "https://git.invalid/fork.git", "c0ffee", []},
  "old": {:hex, :old, "1.0.0", "a"},
  "rustler_precompiled": {:hex, :rustler_precompiled, "0.8.4", "a", [:mix], [], "hexpm", "b"},
}
`
	for _, tt := range []struct {
		name, mix, lock string
		keyless         bool
	}{
		{"public", "[app: :a]", lock, true},
		{"of an organisation", "[app: :a]", strings.Replace(lock, `[]}], "hexpm"`, `[]}], "hexpm:acme"`, 1), false},
		{"of an organisation, and not locked yet", `[app: :a, deps: [{:b, "~> 1.0", organization: "acme"}]]`, lock, false},
		{"nothing locked", "[app: :a]", "%{}\n", false},
	} {
		p, err := read(t, tree(t, "-- mix.exs --\ndefmodule A do\n def project, do: "+tt.mix+"\nend\n-- mix.lock --\n"+tt.lock))
		if err != nil {
			t.Fatal(err)
		}
		if p.Keyless != tt.keyless {
			t.Errorf("%s: keyless is %t", tt.name, p.Keyless)
		}
		if tt.name == "public" {
			if diff := cmp.Diff([]string{"explorer"}, p.Rustler); diff != "" {
				t.Error(diff)
			}
		}
	}
}

func FuzzPackageJSON(f *testing.F) {
	f.Add(`{"packageManager": "pnpm@9", "engines": {"node": ">=1"}, "dependencies": {"a": "file:../../../etc"}}`, "lockfileVersion: '9.0'\n")
	f.Fuzz(func(t *testing.T, doc, lock string) {
		if strings.Contains(doc+lock, "\n-- ") {
			return
		}
		p, err := read(t, tree(t, bare+"-- assets/package.json --\n"+doc+"\n-- assets/pnpm-lock.yaml --\n"+lock))
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range p.Assets.Packages[0].Local {
			if !insideProject(dir) {
				t.Errorf("%q leads out of the project", dir)
			}
		}
	})
}

// Phoenix's own bin/server does what the image does anyway; one that does more starts
// it.
func TestServerScript(t *testing.T) {
	const enter = "cd -P -- \"$(dirname -- \"$0\")\"\n"
	for script, want := range map[string]string{
		"#!/bin/sh\nset -eu\n\n" + enter + "PHX_SERVER=true exec ./my_app start\n":                         "",
		"#!/bin/sh\n" + enter + "PHX_SERVER=true exec ./my_app start\n":                                    "",
		"#!/bin/sh\n" + enter + "./my_app eval MyApp.Release.migrate\nPHX_SERVER=true exec ./my_app start": "bin/server",
		"#!/bin/sh\n" + enter + "exec ./my_app start_iex\n":                                                "bin/server",
	} {
		p, err := read(t, tree(t, bare+"-- rel/overlays/bin/server --\n"+script))
		if err != nil || p.Start.Server != want {
			t.Errorf("%q: %q, want %q, %v", script, p.Start.Server, want, err)
		}
	}
}
