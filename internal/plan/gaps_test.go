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
			"JavaScript and no alias",
			project.Project{Assets: project.Assets{Packages: []project.Package{{Dir: "assets", Manager: "npm", Lock: "assets/package-lock.json", Needs: true}}}},
			nil,
			"assets/package.json is there and no step makes its assets: give it the alias assets.deploy, with what makes them and phx.digest (and assets.setup for what has the network)",
		},
		{
			"a manifest and no alias",
			project.Project{Assets: project.Assets{Manifest: "config/prod.exs"}},
			nil,
			"config/prod.exs has a cache_static_manifest and no step makes it: give it the alias assets.deploy, with what makes them and phx.digest (and assets.setup for what has the network)",
		},
		{
			"computed aliases",
			project.Project{Shown: project.Shown{AliasesOpen: true}, Assets: project.Assets{Packages: []project.Package{{Dir: ".", Manager: "npm"}}}},
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
			"headers that no toolchain has by itself",
			project.Project{Shown: project.Shown{Locked: []string{"scenic_driver_local"}}},
			nil,
			"scenic_driver_local is compiled against GLFW and GLEW (glfw3, glew, by pkg-config): --package NAME adds the headers, by the name of the toolchain's distribution",
		},
		{
			"what git knows",
			project.Project{Shown: project.Shown{AsksGit: "mix.exs"}},
			nil,
			"mix.exs asks git, and the build sees no .git: have it read GIT_SHA and GIT_TAG, which --build-git gives, or let .git in by a .dockerignore that does not leave it out",
		},
		{"what git knows, as values", project.Project{Shown: project.Shown{AsksGit: "mix.exs"}}, []string{"build-git", "true"}, ""},
		{"headers, and packages that were set", project.Project{Shown: project.Shown{Locked: []string{"enacl"}}}, []string{"package", "libsodium-dev"}, ""},
		{
			"programs that are called",
			project.Project{Shown: project.Shown{Locked: []string{"pdf_generator"}}},
			nil,
			"pdf_generator calls wkhtmltopdf or chromium when it runs, and the image has none: --image-package NAME adds it",
		},
		{"programs that are called, and there", project.Project{Shown: project.Shown{Locked: []string{"mogrify"}}}, []string{"image-package", "imagemagick"}, ""},
		{
			"a server that nothing tells to listen",
			project.Project{Deps: []project.Dep{{Name: "phoenix", Source: project.Hex}}},
			nil,
			"nothing tells Phoenix's endpoint to listen: give it `server: true` in config/runtime.exs, as where PHX_SERVER is set",
		},
		{"a server that is told to listen", project.Project{Deps: []project.Dep{{Name: "phoenix", Source: project.Hex}}, Shown: project.Shown{Start: project.Start{Serves: true}}}, nil, ""},
		{
			"no Erlang",
			project.Project{Releases: []project.Release{{Name: "shop", NoERTS: true}}},
			nil,
			"include_erts is false: the release brings no Erlang, and no image can be made of it",
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

// What the release reads when it starts is listed, and the image has what makes the
// server listen.
func TestStartIsPlanned(t *testing.T) {
	const file = "config/runtime.exs"
	with := func(start project.Start, flags ...string) *Plan {
		in := inputs(project.Project{App: "shop", HasLock: true, Shown: project.Shown{Start: start}})
		for i := 0; i+1 < len(flags); i += 2 {
			var err error
			if in.Config, err = in.Config.WithFlag(flags[i], flags[i+1:i+2]); err != nil {
				t.Fatal(err)
			}
		}
		p, err := Make(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := with(project.Start{File: file, Reads: []string{"DATABASE_URL", "PHX_SERVER"}, Required: []string{"DATABASE_URL"}}, "image-env", "LANG=de_DE.UTF-8")
	for _, want := range []Decision{
		{"environment", "DATABASE_URL, PHX_SERVER", "config/runtime.exs reads them when the release starts"},
		{"required", "DATABASE_URL", "without them config/runtime.exs ends the start"},
		{"server", "PHX_SERVER=true in the image", "config/runtime.exs has the server listen where it is set"},
		{"image env", "LANG=de_DE.UTF-8", "set by --image-env"},
	} {
		if !slices.Contains(p.Decisions, want) {
			t.Errorf("no decision %v in %v", want, p.Decisions)
		}
	}
	if want := []string{"LANG=de_DE.UTF-8", "PHX_SERVER=true"}; !slices.Equal(p.Image.Env, want) || len(p.Notes) > 0 {
		t.Errorf("the image's environment is %q, want %q; notes %q", p.Image.Env, want, p.Notes)
	}
	p = with(project.Start{File: file, Reads: []string{"PHX_SERVER"}}, "image-env", "PHX_SERVER=")
	if want := []string{"PHX_SERVER="}; !slices.Equal(p.Image.Env, want) {
		t.Errorf("what is set is %q, and the image has %q", want, p.Image.Env)
	}
	if p = with(project.Start{Server: "bin/server"}); p.Image.Start != "bin/server" || with(project.Start{}).Image.Start != "" {
		t.Errorf("the image starts %q", p.Image.Start)
	}
}
