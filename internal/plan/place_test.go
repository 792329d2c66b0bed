package plan

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/distro"
	"dram/internal/distro/distros"
	"dram/internal/match"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/target"
)

var update = flag.Bool("update", false, "rewrite golden files")

// runningAt has inputs be for a release that runs at a place.
func runningAt(t *testing.T, in Inputs, place string) Inputs {
	t.Helper()
	where, err := target.Open(t.Context(), place, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = where.Close() })
	if in.Config, err = in.Config.WithFlag("for", []string{place}); err != nil {
		t.Fatal(err)
	}
	in.Place = match.New(place, where, distros.All())
	in.Versions = func(_ context.Context, suite string) (distro.Versions, error) {
		return map[string]distro.Versions{
			"debian/13": {Elixir: "1.18.3", Erlang: "27.3.4.1"}, "debian/12": {Elixir: "1.14.0", Erlang: "25.2.3"},
			"debian/11": {Elixir: "1.10.3", Erlang: "23.2.6"}, "debian/forky": {Elixir: "1.20.4", Erlang: "29.1.1"},
		}[suite], nil
	}
	return in
}

// offline has no registry be there.
func offline(in Inputs) Inputs {
	in.Tags = func(context.Context, string, string) ([]string, error) {
		return nil, problem.New(problem.Failure, "", "no registry can be reached")
	}
	return in
}

// choice is what a plan for a place comes to, a line each.
func choice(p *Plan, err error) string {
	if err != nil {
		return fmt.Sprintf("  exit %d: %v\n", problem.Code(err), err)
	}
	var b strings.Builder
	for _, d := range p.Decisions {
		switch d.Name {
		case "toolchain", "considered", "portable":
			_, _ = fmt.Fprintf(&b, "  %-10s  %s: %s\n", d.Name, d.Value, d.Reason)
		}
	}
	return b.String()
}

// What is chosen for each system that is built in, and why all else was refused: for a
// project that any Elixir builds, and where no registry can be asked.
func TestForEveryProfile(t *testing.T) {
	all, err := target.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, l := range all {
		in := runningAt(t, offline(inputs(project.Project{App: "shop"})), "profile:"+l.Name+"/amd64")
		p, err := Make(t.Context(), in)
		_, _ = fmt.Fprintf(&got, "%s\n%s", l.Name, choice(p, err))
		if err == nil && p.Check.Target != "profile:"+l.Name+"/amd64" {
			t.Errorf("%s: it is checked against %q", l.Name, p.Check.Target)
		}
	}
	golden := filepath.Join("testdata", "for.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil { //nolint:gosec // a source file
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Errorf("-update rewrites it (-want +got):\n%s", d)
	}
}

// What else there is to choose from: what is asked for, images, what was set.
func TestFor(t *testing.T) {
	asked := func(elixir, erlang string) project.Asked {
		return project.Asked{Elixir: project.Version{Version: elixir, File: ".tool-versions"}, Erlang: project.Version{Version: erlang, File: ".tool-versions"}}
	}
	images := func(tags ...string) func(*Inputs) {
		return func(in *Inputs) {
			in.Tags = func(context.Context, string, string) ([]string, error) { return tags, nil }
		}
	}
	set := func(flag, value string) func(*Inputs) {
		return func(in *Inputs) { in.Config, _ = in.Config.WithFlag(flag, []string{value}) }
	}
	const jammy, bookworm, trixie = "1.18.3-erlang-27.3-ubuntu-jammy-20250126", "1.18.3-erlang-27.3-debian-bookworm-20250203", "1.18.3-erlang-27.3-debian-trixie-20250203"
	for name, c := range map[string]struct {
		place   string
		project project.Project
		with    func(*Inputs)
		want    string // the toolchain, or the error
		brings  bool
	}{
		"the system itself":                 {"debian/12", project.Project{}, nil, "distro:debian/12", false},
		"one that is not released":          {"debian/forky", project.Project{}, nil, "distro:debian/forky", false},
		"an image of the system itself":     {"ubuntu/22.04", project.Project{}, images(jammy, trixie), "image:hexpm/elixir:" + jammy, false},
		"an image of Alpine":                {"alpine/3.20", project.Project{}, images("1.18.3-erlang-27.3-alpine-3.20.6", "1.18.3-erlang-27.3-alpine-3.20.10", "1.18.4-erlang-27.3-alpine-3.21.3"), "image:hexpm/elixir:1.18.3-erlang-27.3-alpine-3.20.10", false},
		"no image of that Alpine":           {"alpine/3.20", project.Project{}, images("1.18.4-erlang-27.3-alpine-3.21.3"), "distro:debian/13", true},
		"an image with the asked versions":  {"debian/12", project.Project{Asked: asked("1.18.3", "27.3")}, images(bookworm, trixie), "image:hexpm/elixir:" + bookworm, false},
		"its own image has others":          {"ubuntu/22.04", project.Project{Asked: asked("1.18.3", "27.3")}, images("1.17.1-erlang-26.0-ubuntu-jammy-20250126", trixie), "image:hexpm/elixir:" + trixie, true},
		"too old for mix.exs":               {"debian/12", project.Project{ElixirRequirement: "~> 1.15"}, nil, "distro:debian/13", true},
		"an older one will do":              {"debian/13", project.Project{ElixirRequirement: "~> 1.14.0"}, nil, "distro:debian/12", false},
		"set, and it fits":                  {"debian/12", project.Project{}, set("toolchain", "distro:debian/12"), "distro:debian/12", false},
		"set, and it is older":              {"debian/13", project.Project{}, set("toolchain", "distro:debian/12"), "distro:debian/12", false},
		"set, and it does not fit":          {"debian/11", project.Project{}, set("toolchain", "distro:debian/13"), "what toolchain distro:debian/13 builds does not run on profile:debian/11/amd64", false},
		"an image that does not fit":        {"debian/11", project.Project{}, set("toolchain", "image:hexpm/elixir:"+trixie), "what toolchain image:hexpm/elixir:" + trixie + " builds does not run on", false},
		"set, and nobody knows":             {"debian/11", project.Project{}, set("toolchain", "tar:x.tar"), "tar:x.tar", false},
		"another processor":                 {"debian/11", project.Project{}, func(in *Inputs) { in.Arch = "arm64" }, "profile:debian/11/amd64 is linux/amd64, and the build is for linux/arm64", false},
		"another place to be checked":       {"debian/11", project.Project{}, set("target", "profile:debian/12"), "--for names profile:debian/11/amd64, and --target names profile:debian/12", false},
		"versions that do not go together":  {"debian/12", project.Project{Asked: asked("1.18", "27"), ElixirRequirement: "~> 1.17.0"}, images(bookworm), `.tool-versions asks for Elixir 1.18, and mix.exs requires "~> 1.17.0"`, false},
		"a kernel that nothing built suits": {"rhel/6", project.Project{}, nil, "nothing that is built here runs on RHEL 6: the target lacks Linux 3.2 (it has 2.6.32)", false},
	} {
		t.Run(name, func(t *testing.T) {
			c.project.App = "shop"
			in := runningAt(t, offline(inputs(c.project)), "profile:"+c.place+"/amd64")
			if c.with != nil {
				c.with(&in)
			}
			if _, err := CheckTarget(in.Config); err != nil { // before anything else
				if problem.Code(err) != 2 || !strings.Contains(err.Error(), c.want) {
					t.Errorf("exit %d: %v", problem.Code(err), err)
				}
				return
			}
			p, err := Make(t.Context(), in)
			switch {
			case err != nil && (problem.Code(err) != 2 || problem.Hint(err) == "" || !strings.Contains(err.Error(), c.want)):
				t.Errorf("exit %d, hint %q: %v", problem.Code(err), problem.Hint(err), err)
			case err == nil && (p.Toolchain != c.want || p.Portable != c.brings):
				t.Errorf("chose %q, portable %v:\n%s", p.Toolchain, p.Portable, choice(p, nil))
			}
		})
	}
}

// A place that nobody cancels for.
func TestForCancelled(t *testing.T) {
	in := runningAt(t, inputs(project.Project{App: "shop"}), "profile:ubuntu/22.04")
	ctx, cancel := context.WithCancel(t.Context())
	in.Tags = func(ctx context.Context, _, _ string) ([]string, error) {
		cancel()
		return nil, ctx.Err()
	}
	if _, err := Make(ctx, in); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
