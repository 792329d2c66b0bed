package plan

import (
	"slices"
	"strings"
	"testing"

	"dram/internal/project"
	"dram/internal/source"
	"dram/internal/toolchain"
)

// A plan is never silent about what the result will lack.
func TestGapsAreNoted(t *testing.T) {
	esbuild := project.Dep{Name: "esbuild", Source: project.Hex}
	for _, tt := range []struct {
		name    string
		project project.Project
		flags   []string // flag, value
		want    string   // a note, "" for none
	}{
		{"nothing is missing", project.Project{}, nil, ""},
		{
			"an escript",
			project.Project{Shown: project.Shown{Escript: true}},
			nil,
			"mix.exs has escript: and no releases: dram makes a release, which starts the applications and calls no main/1; the escript is made by `mix escript.build`",
		},
		{"an escript beside a release", project.Project{Shown: project.Shown{Escript: true}, Releases: []project.Release{{Name: "shop"}}}, nil, ""},
		{
			"firmware",
			project.Project{Deps: []project.Dep{{Name: "nerves", Source: project.Hex}}},
			nil,
			"Nerves makes firmware (mix firmware), which holds a release for its own system: this one is for the toolchain's",
		},
		{
			"JavaScript and no alias",
			project.Project{Assets: project.Assets{Packages: []string{"assets"}}},
			nil,
			"assets/package.json is there and no step makes its assets: give it the alias assets.deploy (and assets.setup for what has the network)",
		},
		{
			"a manifest and no alias",
			project.Project{Assets: project.Assets{Manifest: "config/prod.exs"}},
			nil,
			"config/prod.exs has a cache_static_manifest and no step makes it: give it the alias assets.deploy (and assets.setup for what has the network)",
		},
		{
			"computed aliases",
			project.Project{Shown: project.Shown{AliasesOpen: true}, Assets: project.Assets{Packages: []string{"."}}},
			nil,
			"mix.exs computes its aliases, so that no assets are made: name assets.setup and assets.deploy in a literal list",
		},
		{"computed aliases of a project without assets", project.Project{Shown: project.Shown{AliasesOpen: true}}, nil, ""},
		{
			"what downloads while it is compiled",
			project.Project{Shown: project.Shown{Locked: []string{"bundlex"}}},
			nil,
			"bundlex downloads while it is compiled, and compiling has no network: --build-network host gives it one",
		},
		{
			"a server",
			project.Project{Shown: project.Shown{Reads: []string{"PHX_SERVER"}}},
			nil,
			"the release listens only where PHX_SERVER is set: --image-env PHX_SERVER=true, or give it when it is started",
		},
		{"a server that is told to listen", project.Project{Shown: project.Shown{Reads: []string{"PHX_SERVER"}}}, []string{"image-env", "PHX_SERVER=true"}, ""},
		{
			"no Erlang",
			project.Project{Releases: []project.Release{{Name: "shop", NoERTS: true}}},
			nil,
			"include_erts is false: the release brings no Erlang, and no image can be made of it",
		},
		{
			"packages that nobody installs",
			project.Project{Assets: project.Assets{Deploy: true, Needs: true, Packages: []string{"assets"}, Deploys: []string{"phx.digest"}}},
			nil,
			"assets/package.json names packages and neither assets.setup nor assets.deploy installs them: as with \"cmd --cd assets npm ci\" in assets.setup",
		},
		{
			"Node.js",
			project.Project{Assets: project.Assets{Deploy: true, Needs: true, Packages: []string{"assets"}, Deploys: []string{"cmd --cd assets npm ci", "phx.digest"}}},
			nil,
			`"cmd --cd assets npm ci" needs Node.js, which a toolchain has only if it is asked for: --package nodejs --package npm`,
		},
		{
			"Node.js that is there",
			project.Project{Assets: project.Assets{Deploy: true, Needs: true, Packages: []string{"assets"}, Setups: []string{"cmd --cd assets yarn"}, Setup: true}},
			[]string{"package", "nodejs"},
			"",
		},
		{"installers", project.Project{Deps: []project.Dep{esbuild}, Assets: project.Assets{Deploy: true, Deploys: []string{"esbuild default"}}}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.project.App, tt.project.HasLock = "shop", true
			in := inputs(tt.project)
			for i := 0; i+1 < len(tt.flags); i += 2 {
				var err error
				if in.Config, err = in.Config.WithFlag(tt.flags[i], tt.flags[i+1:i+2]); err != nil {
					t.Fatal(err)
				}
			}
			p, err := Make(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if tt.want != "" && !slices.Contains(p.Notes, tt.want) || tt.want == "" && len(p.Notes) > 0 {
				t.Errorf("notes:\n%s", strings.Join(p.Notes, "\n"))
			}
		})
	}
}

// The programs that assets.deploy calls are installed, with the network, where no
// alias does it.
func TestInstallersOfAssets(t *testing.T) {
	in := inputs(project.Project{
		App: "shop", HasLock: true,
		Deps:   []project.Dep{{Name: "esbuild", Source: project.Hex}, {Name: "tailwind", Source: project.Hex}},
		Assets: project.Assets{Deploy: true, Deploys: []string{"tailwind shop --minify", "esbuild shop --minify", "esbuild other", "phx.digest"}},
	})
	p, err := Make(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, s := range p.Job(&toolchain.Toolchain{}, "/root", toolchain.Facts{Hex: true, Rebar3: "/usr/bin/rebar3"}, &source.Tree{}, nil).Steps {
		if strings.Contains(s.Name, "install") && s.Network {
			steps = append(steps, strings.Join(s.Argv, " "))
		}
	}
	if want := []string{"mix tailwind.install --if-missing", "mix esbuild.install --if-missing"}; !slices.Equal(steps, want) {
		t.Errorf("steps %q, want %q", steps, want)
	}
}

// What the release reads when it starts is listed.
func TestEnvironmentIsListed(t *testing.T) {
	p, err := Make(t.Context(), inputs(project.Project{App: "shop", HasLock: true, Shown: project.Shown{Reads: []string{"DATABASE_URL", "PORT"}}}))
	if err != nil {
		t.Fatal(err)
	}
	want := Decision{"environment", "DATABASE_URL, PORT", "config/runtime.exs reads them when the release starts"}
	if !slices.Contains(p.Decisions, want) {
		t.Errorf("decisions: %v", p.Decisions)
	}
}
