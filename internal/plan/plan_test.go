package plan

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/distro/distros"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/project/dockerfile"
	"dram/internal/tool/mix"
)

// inputs are what is known where nothing is set, of a project as given.
func inputs(p project.Project) Inputs {
	if p.Dir == "" {
		p.Dir = "/src/shop"
	}
	packaged := map[string]distro.Versions{
		"debian/13": {Elixir: "1.18.3", Erlang: "27.3.4.1"}, "debian/12": {Elixir: "1.14.0", Erlang: "25.2.3"}, "debian/forky": {Elixir: "1.20.4", Erlang: "29.1.1"},
	}
	return Inputs{
		Engine: func(_ context.Context, asked string) (string, string, error) {
			if asked == "auto" {
				return "native", "it works here", nil
			}
			return asked, "asked for", nil
		},
		Project: mix.New(&p), Arch: "amd64",
		Distro: distros.All().Default().Info(),
		Versions: func(_ context.Context, suite string) (distro.Versions, error) {
			return packaged[suite], nil
		},
		Tags: func(context.Context, string, string) ([]string, error) {
			return []string{
				"1.18.3-erlang-27.3.4-debian-bookworm-20250428", "1.18.3-erlang-27.3.4-debian-bookworm-20250428-slim",
				"1.18.3-erlang-27.3.4-debian-trixie-20250101", "1.18.3-erlang-27.3.4-debian-trixie-20250203", "1.18.3-erlang-27.3.4.5-debian-trixie-20250303",
				"1.18.10-erlang-27.3.4.6-debian-trixie-20250203", "1.19.0-rc.1-erlang-28.0-debian-trixie-20250203",
				"1.18.10-erlang-26.2.5-alpine-3.20.1", "latest",
				"1.17.1-erlang-27.0-debian-bookworm-20250203", "1.17.1-erlang-27.0-debian-forky-20250203",
			}, nil
		},
	}
}

// reason finds a decision.
func reason(p *Plan, name string) string {
	for _, d := range p.Decisions {
		if d.Name == name {
			return d.Value + ": " + d.Reason
		}
	}
	return ""
}

func TestRelease(t *testing.T) {
	two := []project.Release{{Name: "web", Version: "2.0.0"}, {Name: "worker", Cookie: true}}
	for _, c := range []struct {
		name, asked   string
		project       project.Project
		command, says string // or the error
		hint          string
	}{
		{"none declared", "", project.Project{App: "shop"}, "mix release --overwrite", "shop: mix.exs declares none: Mix names it after the application", ""},
		{"none declared, asked for", "shop", project.Project{App: "shop"}, "mix release --overwrite", "shop: set by --release", ""},
		{"one declared", "", project.Project{App: "shop", Releases: two[:1]}, "mix release web --overwrite", "web: the only one that mix.exs declares", ""},
		{"one declared, the application asked for", "shop", project.Project{App: "shop", Releases: two[:1]}, "", `the project has no release "shop"`, "choose one of: web"},
		{"several", "", project.Project{App: "shop", Releases: two}, "", "mix.exs declares several releases: web, worker", "--release NAME"},
		{"several, one asked for", "worker", project.Project{App: "shop", Releases: two}, "mix release worker --overwrite", "worker: set by --release", ""},
		{"several, a default", "", project.Project{App: "shop", Releases: two, DefaultRelease: "web"}, "mix release web --overwrite", "web: default_release in mix.exs", ""},
		{"a default that is not declared", "", project.Project{App: "shop", Releases: two, DefaultRelease: "all"}, "", `default_release in mix.exs is "all", and it declares no such release`, "--release NAME, or have default_release name one: web, worker"},
		{"computed", "", project.Project{App: "shop", ReleasesOpen: true}, "", "mix.exs computes its releases", "--release NAME"},
		{"computed, asked for", "x", project.Project{App: "shop", ReleasesOpen: true}, "mix release x --overwrite --path /app/_build/prod/rel/x", "x: set by --release", ""},
		{"assembled elsewhere", "", project.Project{App: "shop", Releases: []project.Release{{Name: "web", Elsewhere: true}}}, "mix release web --overwrite --path /app/_build/prod/rel/web", "web: the only one", ""},
		{"umbrella", "", project.Project{Umbrella: true, Releases: two[:1]}, "mix release web --overwrite", "web: the only one", ""},
		{"umbrella that computes them", "", project.Project{Umbrella: true, ReleasesOpen: true}, "", "mix.exs computes its releases", "--release NAME"},
		{"umbrella without any", "", project.Project{Umbrella: true, OwnApps: []string{"a", "b"}}, "", "an umbrella needs a release declared", "releases: [my_release: [applications: [a: :permanent, b: :permanent]]]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := inputs(c.project)
			if c.asked != "" {
				in.Config, _ = in.Config.WithFlag("release", []string{c.asked})
			}
			p, err := Make(t.Context(), in)
			if err != nil {
				if problem.Code(err) != 2 || c.command != "" || !strings.Contains(err.Error(), c.says) || !strings.Contains(problem.Hint(err), c.hint) {
					t.Errorf("code %d, %q, hint %q", problem.Code(err), err, problem.Hint(err))
				}
				return
			}
			if got, _, _ := strings.Cut(reason(p, "build"), ","); got != c.command || !strings.HasPrefix(reason(p, "release"), c.says) {
				t.Errorf("%q, %q", got, reason(p, "release"))
			}
		})
	}
}

// A command by hand needs a toolchain and no release: it may be what makes one
// possible.
// A tool that knows no upgrade of a release that runs refuses one.
func TestRelupOfMix(t *testing.T) {
	p := own(dockerfile.Recipe{})
	_, err := Make(t.Context(), flags(t, inputs(p), "upgrade-from rel/old.tar.gz"))
	if problem.Code(err) != 2 || !strings.Contains(err.Error(), "`mix release` makes no relup") {
		t.Error(err)
	}
}

func TestByHandNeedsNoRelease(t *testing.T) {
	for name, p := range map[string]project.Project{
		"an umbrella without any":     {Umbrella: true, OwnApps: []string{"a"}, ElixirRequirement: "~> 1.14.0"},
		"several":                     {App: "shop", Releases: []project.Release{{Name: "a"}, {Name: "b"}}, ElixirRequirement: "~> 1.14.0"},
		"a dependency that is astray": {App: "shop", Deps: []project.Dep{{Name: "a", Source: project.Path, Where: "../a"}}, ElixirRequirement: "~> 1.14.0"},
	} {
		in := inputs(p)
		if _, err := Make(t.Context(), in); err == nil {
			t.Errorf("%s: it can be built, so that nothing is seen here", name)
		}
		in.ByHand = true
		if got, err := Make(t.Context(), in); err != nil || got.Toolchain != "distro:debian/12" {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestToolchain(t *testing.T) {
	asked := func(elixir, erlang string) project.Asked {
		return project.Asked{Elixir: project.Version{Version: elixir, File: ".tool-versions"}, Erlang: project.Version{Version: erlang, File: ".tool-versions"}}
	}
	for _, c := range []struct {
		name, set string
		project   project.Project
		want      string // or the error
		code      int
	}{
		{"nothing asked", "", project.Project{}, "distro:debian/13", 0},
		{"the newest satisfies", "", project.Project{ElixirRequirement: "~> 1.14"}, "distro:debian/13", 0},
		{"only an older one satisfies", "", project.Project{ElixirRequirement: "~> 1.14.0"}, "distro:debian/12", 0},
		{"only one that is not stable satisfies", "", project.Project{ElixirRequirement: "~> 1.19"}, `no Debian stable has an Elixir that satisfies elixir: "~> 1.19"`, 2},
		{"no requirement at all", "", project.Project{ElixirRequirement: ">= 1.14"}, `elixir: ">= 1.14" is not a version requirement: version`, 4},
		{"versions asked for", "", project.Project{Asked: asked("1.18.3", "27.3.4")}, "image:hexpm/elixir:1.18.3-erlang-27.3.4-debian-trixie-20250203", 0},
		{"in part", "", project.Project{Asked: asked("1.18", "27")}, "image:hexpm/elixir:1.18.10-erlang-27.3.4.6-debian-trixie-20250203", 0},
		{"Elixir alone", "", project.Project{Asked: asked("1.18.3", "")}, "image:hexpm/elixir:1.18.3-erlang-27.3.4.5-debian-trixie-20250303", 0},
		{"a release candidate", "", project.Project{Asked: asked("1.19.0-rc.1", "28")}, "image:hexpm/elixir:1.19.0-rc.1-erlang-28.0-debian-trixie-20250203", 0},
		{"not a Debian that is not released", "", project.Project{Asked: asked("1.17.1", "27")}, "image:hexpm/elixir:1.17.1-erlang-27.0-debian-bookworm-20250203", 0},
		{"versions that no image has", "", project.Project{Asked: asked("1.18", "26")}, "hexpm/elixir has no Debian image with Elixir 1.18, Erlang 26, as .tool-versions asks", 2},
		{"exactly, not a longer one", "", project.Project{Asked: asked("1.18.3", "27.3.4")}, "image:hexpm/elixir:1.18.3-erlang-27.3.4-debian-trixie-20250203", 0},
		{"asked for and required", "", project.Project{Asked: asked("1.18", "27"), ElixirRequirement: "~> 1.18.0 and < 1.18.5"}, "image:hexpm/elixir:1.18.3-erlang-27.3.4.5-debian-trixie-20250303", 0},
		{"asked for and forbidden", "", project.Project{Asked: asked("1.17.1", "27"), ElixirRequirement: "~> 1.18"}, `.tool-versions asks for Elixir 1.17.1, and mix.exs requires "~> 1.18"`, 2},
		{"in part, and forbidden", "", project.Project{Asked: asked("1.17", "27"), ElixirRequirement: "~> 1.18"}, `.tool-versions asks for Elixir 1.17, and mix.exs requires "~> 1.18"`, 2},
		{"an application requires more", "", project.Project{ElixirRequirement: "~> 1.14", Elsewhere: project.Elsewhere{Requirements: []project.Version{{Version: "~> 1.14.0", File: "apps/web/mix.exs"}}}}, "distro:debian/12", 0},
		{
			"applications that go together nowhere", "",
			project.Project{ElixirRequirement: "~> 1.18", Elsewhere: project.Elsewhere{Requirements: []project.Version{{Version: "~> 1.14.0", File: "apps/web/mix.exs"}}}},
			`no Debian stable has an Elixir that satisfies elixir: "~> 1.18" and "~> 1.14.0" of apps/web/mix.exs`, 2,
		},
		{"an application's cannot be read", "", project.Project{Elsewhere: project.Elsewhere{Requirements: []project.Version{{Version: "1.x", File: "apps/web/mix.exs"}}}}, `apps/web/mix.exs: elixir: "1.x"`, 4},
		{"set and forbidden", "distro:debian/12", project.Project{ElixirRequirement: "~> 1.18"}, `toolchain distro:debian/12 has Elixir 1.14.0, and mix.exs requires "~> 1.18"`, 2},
		{"set, forbidden by its tag", "image:x.example/elixir:1.14.5-erlang-25.0-debian-bookworm-20240101", project.Project{ElixirRequirement: "~> 1.18"}, `Elixir 1.14.5, and mix.exs requires "~> 1.18"`, 2},
		{"set", "tar:x.tar", project.Project{Asked: asked("1.18", "26")}, "tar:x.tar", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.project.App = "shop"
			in := inputs(c.project)
			if c.set != "" {
				in.Config, _ = in.Config.WithFlag("toolchain", []string{c.set})
			}
			p, err := Make(t.Context(), in)
			switch {
			case err != nil && (problem.Code(err) != c.code || !strings.Contains(err.Error(), c.want)):
				t.Errorf("code %d, %v", problem.Code(err), err)
			case err == nil && (c.code != 0 || p.Toolchain != c.want):
				t.Errorf("chose %q", p.Toolchain)
			}
		})
	}
}

func TestNoStableSatisfies(t *testing.T) {
	_, err := Make(t.Context(), inputs(project.Project{App: "shop", ElixirRequirement: "~> 9.0"}))
	for _, line := range []string{"debian/13 has Elixir 1.18.3 on OTP 27.3.4.1", "debian/12 has Elixir 1.14.0", "debian/forky has Elixir 1.20.4"} {
		if !strings.Contains(problem.Hint(err), line) {
			t.Errorf("hint %q lacks %q", problem.Hint(err), line)
		}
	}
}

func TestFetch(t *testing.T) {
	for _, c := range []struct {
		name  string
		deps  []project.Dep
		open  bool
		fetch bool
	}{
		{"none", nil, false, false},
		{"Hex", []project.Dep{{Name: "a", Source: project.Hex}}, false, true},
		{"git", []project.Dep{{Name: "a", Source: project.Git}}, false, true},
		{"development alone", []project.Dep{{Name: "a", Source: project.Hex, Only: []string{"dev"}}}, false, false},
		{"path and sibling", []project.Dep{{Name: "a", Source: project.Path, Where: "libs/a"}, {Name: "b", Source: project.Sibling}}, false, false},
		{"computed", nil, true, true},
	} {
		p, err := Make(t.Context(), inputs(project.Project{App: "shop", Deps: c.deps, DepsOpen: c.open}))
		if err != nil || p.Fetch != c.fetch {
			t.Errorf("%s: %+v, %v", c.name, p, err)
		}
	}
	_, err := Make(t.Context(), inputs(project.Project{App: "shop", Deps: []project.Dep{{Name: "a", Source: project.Path, Where: "../a"}}}))
	if problem.Code(err) != 2 || !strings.Contains(err.Error(), `dependency "a" lies outside the project, at "../a"`) {
		t.Error(err)
	}
}

// Plans of large projects stay readable, and say what is not done.
func TestLongListsAndNotes(t *testing.T) {
	var deps []project.Dep
	for name := range strings.SplitSeq("abcdefghij", "") {
		deps = append(deps, project.Dep{Name: name, Source: project.Hex})
	}
	p, err := Make(t.Context(), inputs(project.Project{App: "shop", Deps: deps, HasLock: true, Assets: project.Assets{Setup: true}}))
	if err != nil {
		t.Fatal(err)
	}
	if got := reason(p, "fetch"); !strings.HasSuffix(got, "dependencies: a, b, c, d, e, f and 4 more") {
		t.Error(got)
	}
	if len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "no assets.deploy") {
		t.Errorf("notes: %q", p.Notes)
	}
}

func TestOutput(t *testing.T) {
	in := inputs(project.Project{App: "shop", Version: "1.0.0"})
	p, err := Make(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	in.Config, err = config.Config{}.WithFlag("output-dir", []string{"out"})
	elsewhere, err2 := Make(t.Context(), in)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	got := []string{p.TarballPath("1.0.0"), p.ImagePath("1.0.0"), elsewhere.TarballPath("1.0.0")}
	want := []string{
		"/src/shop/releases/shop/releases/1.0.0/shop.tar.gz", "/src/shop/releases/shop/shop-1.0.0-linux-amd64.tar",
		"/src/shop/out/releases/1.0.0/shop.tar.gz",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Where no image has the pair that is asked for, the hint says what each of the two
// comes with, the newest first.
func TestVersionsNearby(t *testing.T) {
	in := inputs(project.Project{App: "shop", Asked: project.Asked{
		Elixir: project.Version{Version: "1.18.3", File: ".tool-versions"}, Erlang: project.Version{Version: "27.0", File: ".tool-versions"},
	}})
	in.Tags = func(context.Context, string, string) ([]string, error) {
		return []string{
			"1.18.3-erlang-26.2.5-debian-trixie-20250101", "1.18.3-erlang-27.3.4-debian-trixie-20250101", "1.18.3-erlang-26.2.5-debian-bookworm-20250101",
			"1.16.0-erlang-27.0-debian-trixie-20250101", "1.17.3-erlang-27.0-debian-trixie-20250101",
		}, nil
	}
	_, err := Make(t.Context(), in)
	const want = "with Elixir 1.18.3 there are Erlang 27.3.4, 26.2.5\nwith Erlang 27.0 there are Elixir 1.17.3, 1.16.0\n"
	if hint := problem.Hint(err); !strings.HasPrefix(hint, want) {
		t.Errorf("hint %q, want %q", hint, want)
	}
}

// A registry tells the tags of one series at a time: where that of the version that is
// asked for has none, those beside it are what the hint offers.
func TestSeriesNearby(t *testing.T) {
	in := inputs(project.Project{App: "shop", Asked: project.Asked{
		Elixir: project.Version{Version: "1.18.99", File: ".tool-versions"}, Erlang: project.Version{Version: "27.0", File: ".tool-versions"},
	}})
	in.Tags = func(_ context.Context, _, series string) ([]string, error) {
		switch {
		case strings.HasPrefix(series, "1.17"):
			return []string{"1.17.3-erlang-27.0-debian-trixie-20250101"}, nil
		case strings.HasPrefix(series, "1.19"):
			return nil, errors.New("the registry is gone")
		}
		return nil, nil
	}
	_, err := Make(t.Context(), in)
	if hint := problem.Hint(err); !strings.HasPrefix(hint, "with Erlang 27.0 there are Elixir 1.17.3\n") {
		t.Errorf("%v: hint %q", err, hint)
	}
}

// Where no engine works, that is the end of it.
func TestNoEngine(t *testing.T) {
	in := inputs(project.Project{App: "shop"})
	none := errors.New("no engine works on this machine")
	in.Engine = func(context.Context, string) (string, string, error) { return "", "", none }
	if _, err := Make(t.Context(), in); !errors.Is(err, none) {
		t.Errorf("got %v", err)
	}
}

// Each engine that gives less than the sandbox says so in the plan.
func TestNotesOfEngines(t *testing.T) {
	for _, tt := range []struct{ flag, value, note string }{
		{"engine", "host", "the host engine isolates nothing"},
		{"build-network", "host", "compiling has the network"},
		{"engine", "native", ""},
	} {
		in := inputs(project.Project{App: "shop"})
		var err error
		if in.Config, err = in.Config.WithFlag(tt.flag, []string{tt.value}); err != nil {
			t.Fatal(err)
		}
		pl, err := Make(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if notes := strings.Join(pl.Notes, "\n"); !strings.HasPrefix(notes, tt.note) || (tt.note == "") != (notes == "") {
			t.Errorf("--%s %s: notes %q, want %q", tt.flag, tt.value, notes, tt.note)
		}
	}
}
