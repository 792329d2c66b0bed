package plan

import (
	"slices"
	"strings"
	"testing"

	"dram/internal/problem"
	"dram/internal/project"
)

// What files that dram does not obey build with is offered where dram builds with
// something else, and so is a version file's word where a flag says otherwise.
func TestOtherVersionsAreNoted(t *testing.T) {
	docker := project.Offer{File: "Dockerfile", Image: "hexpm/elixir:1.17.3-erlang-27.1", Elixir: "1.17.3", Erlang: "27.1"}
	for _, tt := range []struct {
		name, set string
		project   project.Project
		want      string // the note, "" for none
	}{
		{"a Dockerfile", "", project.Project{Elsewhere: project.Elsewhere{Offers: []project.Offer{docker}}}, "Dockerfile builds with hexpm/elixir:1.17.3-erlang-27.1: --toolchain image:hexpm/elixir:1.17.3-erlang-27.1 does so, too"},
		{"a Dockerfile with the same", "", project.Project{Elsewhere: project.Elsewhere{Offers: []project.Offer{{File: "Dockerfile", Image: "elixir:1.18", Elixir: "1.18"}}}}, ""},
		{"a Dockerfile that does not say", "", project.Project{Elsewhere: project.Elsewhere{Offers: []project.Offer{{File: "Dockerfile", Image: "elixir:latest"}}}}, ""},
		{"a Dockerfile beside a toolchain that was set", "distro:debian/13", project.Project{Elsewhere: project.Elsewhere{Offers: []project.Offer{docker}}}, ""},
		{"a Dockerfile beside a version file", "", project.Project{Elsewhere: project.Elsewhere{Offers: []project.Offer{docker}}, Asked: project.Asked{Elixir: project.Version{Version: "1.18.3", File: ".tool-versions"}}}, ""},
		{
			"a buildpack", "",
			project.Project{Elsewhere: project.Elsewhere{Offers: []project.Offer{{File: "elixir_buildpack.config", Elixir: "1.16.2", Erlang: "26.2"}}}},
			"elixir_buildpack.config asks for Elixir 1.16.2, Erlang 26.2: write elixir 1.16.2 and erlang 26.2 into .tool-versions to have that",
		},
		{
			"a version file and another toolchain", "distro:debian/12",
			project.Project{Asked: project.Asked{Elixir: project.Version{Version: "1.18", File: ".tool-versions"}}},
			".tool-versions asks for Elixir 1.18, and toolchain distro:debian/12 (set by --toolchain) has 1.14.0",
		},
		{"a version file and a toolchain that has it", "distro:debian/13", project.Project{Asked: project.Asked{Elixir: project.Version{Version: "1.18", File: ".tool-versions"}}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.project.App, tt.project.HasLock = "shop", true
			in := inputs(tt.project)
			if tt.set != "" {
				in.Config, _ = in.Config.WithFlag("toolchain", []string{tt.set})
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

// Where nothing fits, the hint has what other files build with.
func TestHintHasOffers(t *testing.T) {
	in := inputs(project.Project{App: "shop", ElixirRequirement: "~> 2.0", Elsewhere: project.Elsewhere{Offers: []project.Offer{{File: "Dockerfile", Image: "elixir:2.0", Elixir: "2.0"}}}})
	_, err := Make(t.Context(), in)
	if err == nil || !strings.Contains(problem.Hint(err), "--toolchain image:elixir:2.0") {
		t.Errorf("err = %v, hint %q", err, problem.Hint(err))
	}
}

// Packages that a toolchain does not get are said to be missing.
func TestPackagesOfImages(t *testing.T) {
	for ref, want := range map[string]string{
		"distro:debian/12": "",
		"tar:x.tar":        "packages are added to distro: toolchains alone: tar:x.tar is taken as it is, without git, cmake",
	} {
		in := inputs(project.Project{App: "shop", HasLock: true})
		var err error
		for flag, values := range map[string][]string{"toolchain": {ref}, "package": {"git", "cmake"}} {
			if in.Config, err = in.Config.WithFlag(flag, values); err != nil {
				t.Fatal(err)
			}
		}
		p, err := Make(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		added := slices.ContainsFunc(p.Decisions, func(d Decision) bool { return d.Name == "packages" && d.Value == "git, cmake" })
		if got := strings.Join(p.Notes, "\n"); got != want || added != (want == "") {
			t.Errorf("%s: notes %q, want %q; added: %v", ref, got, want, added)
		}
	}
}

// Images for asked versions hold no git and no compiler.
func TestWhatImagesLack(t *testing.T) {
	asked := project.Asked{Elixir: project.Version{Version: "1.18.3", File: ".tool-versions"}}
	for _, tt := range []struct {
		name    string
		project project.Project
		want    string
	}{
		{"nothing that they lack", project.Project{Asked: asked}, ""},
		{
			"a git dependency",
			project.Project{Asked: asked, Deps: []project.Dep{{Name: "fork", Source: project.Git}, {Name: "dev", Source: project.Git, Only: []string{"dev"}}}},
			"the images of hexpm/elixir have no git, which is to fetch fork: build in one that does, as image:elixir:VERSION, or in a distro: toolchain",
		},
		{
			"native code",
			project.Project{Asked: asked, Shown: project.Shown{NativeCode: []string{"c_src/nif.c"}}},
			"the images of hexpm/elixir have no C compiler and no make, which c_src/nif.c needs: build in one that does, as image:elixir:VERSION, or in a distro: toolchain",
		},
		{"a git dependency in a root", project.Project{Deps: []project.Dep{{Name: "fork", Source: project.Git}}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.project.App, tt.project.HasLock = "shop", true
			p, err := Make(t.Context(), inputs(tt.project))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(p.Notes, "\n"); got != tt.want {
				t.Errorf("notes %q, want %q", got, tt.want)
			}
		})
	}
}
