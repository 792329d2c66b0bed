package plan

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"dram/internal/distro"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/upstream"
)

// Where nobody answers who has toolchains, or no engine works, all else is planned, and
// the error is told.
func TestPlanWithoutToolchain(t *testing.T) {
	silent := problem.New(problem.Environment, "see the network", "nobody answers")
	for _, c := range []struct {
		name string
		set  func(*Inputs)
		open string
	}{
		{"no registry, no sources", func(in *Inputs) {
			in.Tags = func(context.Context, string, string) ([]string, error) { return nil, silent }
			in.Upstream = func(context.Context, upstream.Wanted) (upstream.File, error) { return upstream.File{}, silent }
		}, "toolchain"},
		{"no archive", func(in *Inputs) {
			in.Project.Facts().Asked = project.Asked{}
			in.Project.Facts().ElixirRequirement = "~> 1.15"
			in.Versions = func(context.Context, string) (distro.Versions, error) { return distro.Versions{}, silent }
		}, "toolchain"},
		{"no engine", func(in *Inputs) {
			in.Engine = func(context.Context, string) (string, string, error) { return "", "", silent }
		}, "engine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := inputs(project.Project{
				App: "shop", HasLock: true, Deps: []project.Dep{{Name: "a", Source: project.Git, Where: "https://forge.example/a"}},
				Asked: project.Asked{Elixir: project.Version{Version: "1.16.2", File: ".tool-versions"}, Erlang: project.Version{Version: "26.2", File: ".tool-versions"}},
				Shown: project.Shown{Locked: []string{"bundlex"}, Start: project.Start{File: "config/runtime.exs", Reads: []string{"PORT"}}},
			})
			c.set(&in)
			p, err := Make(t.Context(), in)
			if !errors.Is(err, silent) || p == nil {
				t.Fatalf("%+v, %v", p, err)
			}
			var open []string
			says := map[string]string{}
			for _, d := range p.Decisions {
				says[d.Name] += d.Value
				if d.Value == "open" {
					open = append(open, d.Name)
				}
			}
			if !slices.Equal(open, []string{c.open}) || says["environment"] != "PORT" || !strings.HasPrefix(says["packages"], "git") && c.open == "toolchain" || says["tarball"] == "" {
				t.Errorf("open %q; %q", open, says)
			}
			if len(p.Notes) == 0 || !strings.HasPrefix(p.Notes[0], "bundlex") {
				t.Errorf("notes %q", p.Notes)
			}
			if c.open == "toolchain" && p.Toolchain != "" {
				t.Errorf("toolchain %q", p.Toolchain)
			}
		})
	}
}
