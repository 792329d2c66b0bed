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
	docker := project.Offer{File: "Dockerfile", Image: "hexpm/elixir:1.15.3-erlang-26.1", Elixir: "1.15.3", Erlang: "26.1"}
	for _, tt := range []struct {
		name, set string
		project   project.Project
		want      string // the note, "" for none
	}{
		{"a Dockerfile", "", project.Project{Elsewhere: project.Elsewhere{Offers: []project.Offer{docker}}}, "Dockerfile builds with hexpm/elixir:1.15.3-erlang-26.1: --toolchain image:hexpm/elixir:1.15.3-erlang-26.1 does so, too"},
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
