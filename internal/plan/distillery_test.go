package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/config"
	"dram/internal/engine"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/source"
	"dram/internal/tool/distillery"
	"dram/internal/toolchain"
)

// distilleryInputs are those of a project with the rel/config.exs given.
func distilleryInputs(t *testing.T, config, version string, p project.Project) Inputs {
	t.Helper()
	c := distilleryConfig(t, config)
	p.Dir, p.App, p.AppVersions = "/src/shop", "shop", map[string]string{"shop": "0.4.0"}
	in := inputs(p)
	in.Project = distillery.New(&p, c, version)
	return in
}

func distilleryConfig(t *testing.T, text string) *distillery.Config {
	t.Helper()
	c, err := distillery.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	use21 = "use Distillery.Releases.Config, default_environment: Mix.env()\n"
	use20 = "use Mix.Releases.Config, default_environment: :prod\n"
	shop  = "release :shop do\n  set version: current_version(:shop)\nend\n"
	envs  = "environment :dev do\n set dev_mode: true\nend\nenvironment :prod do\n set include_erts: true\n set cookie: :secret\nend\n"
)

func TestDistillery(t *testing.T) {
	for _, c := range []struct {
		name, config string
		version      string // Distillery's
		project      project.Project
		set          []string
		// what is decided, by name
		want map[string]string
		note string
	}{
		{"as generated", use21 + envs + shop, "", project.Project{ElixirRequirement: "~> 1.6"}, nil, map[string]string{
			"project":     "Distillery, mix distillery.release: rel/config.exs found; it uses Distillery.Releases.Config, which came with 2.1",
			"release":     "shop: the only one in rel/config.exs",
			"release env": "prod: the one in rel/config.exs named like the mix env",
			"version":     "0.4.0: current_version(:shop) in rel/config.exs",
			"toolchain":   "distro:debian/12: the newest Debian stable whose Elixir (1.14.0) Distillery works with",
			"build":       "mix distillery.release --name=shop --env=prod --no-tar, without the network: Mix compiles and assembles",
			"tarball":     "/src/shop/releases/shop/releases/0.4.0/shop.tar.gz: default",
		}, ""},
		{"the lock's version goes first", use20 + shop, "2.1.0", project.Project{}, nil, map[string]string{
			"build": "mix distillery.release --name=shop --env=prod --no-tar, without the network: Mix compiles and assembles",
		}, ""},
		{"before 2.1, in an image", use20 + shop, "2.0.14", project.Project{}, []string{"toolchain", "image:hexpm/elixir:1.8.2-erlang-22.3.4-debian-buster-20210902"}, map[string]string{
			"project": "Distillery, mix release: rel/config.exs found; Distillery is 2.0.14",
			"build":   "mix release --name=shop --env=prod --no-tar, without the network: Mix compiles and assembles",
		}, ""},
		{"Elixir that hides paths", use21 + shop, "", project.Project{ElixirRequirement: "~> 1.17"}, nil, map[string]string{
			"toolchain": `distro:debian/13: the newest Debian stable whose Elixir (1.18.3) satisfies elixir: "~> 1.17"`,
		}, "prune_code_paths: false"},
		{"output_dir", use21 + envs + "release :shop do\n set output_dir: './releases/shop'\nend\n", "", project.Project{}, nil, map[string]string{
			"output_dir": "releases/shop: rel/config.exs says so; dram takes the release from there",
			"version":    "known after the build: rel/config.exs computes it",
		}, ""},
		{"an environment that was set", use21 + "environment :staging do\nend\n" + envs + shop, "", project.Project{}, []string{"release-env", "staging"}, map[string]string{
			"release env": "staging: set by --release-env",
			"build":       "mix distillery.release --name=shop --env=staging --no-tar, without the network: Mix compiles and assembles",
		}, ""},
		{"no environments", use21 + shop, "", project.Project{}, nil, map[string]string{
			"release env": "",
			"build":       "mix distillery.release --name=shop --no-tar, without the network: Mix compiles and assembles",
		}, ""},
		{"several releases and a default", "use Distillery.Releases.Config, default_release: :admin\n" + shop + "release :admin do\n set version: \"1.2.3\"\nend\n", "", project.Project{}, nil, map[string]string{
			"release": "admin: default_release in rel/config.exs",
			"version": "1.2.3: rel/config.exs",
		}, ""},
		{"no ERTS", use21 + "release :shop do\n set include_erts: false\nend\n", "", project.Project{}, nil, map[string]string{}, "no image can be made of it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := distilleryInputs(t, c.config, c.version, c.project)
			in.Config = settings(t, c.set...)
			p, err := Make(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range c.want {
				if diff := cmp.Diff(want, reason(p, name)); diff != "" {
					t.Errorf("%s:\n%s", name, diff)
				}
			}
			if notes := strings.Join(p.Notes, "\n"); !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
				t.Errorf("notes: %s", notes)
			}
		})
	}
}

func TestDistilleryRefuses(t *testing.T) {
	for _, c := range []struct {
		name, config, want string
		set                []string
	}{
		{"no release", use21, "rel/config.exs declares no release", nil},
		{"several", use21 + shop + "release :admin do\nend\n", "rel/config.exs declares several releases: shop, admin", nil},
		{"another", use21 + shop, `rel/config.exs has no release "admin"`, []string{"release", "admin"}},
		{"computed", use21 + "for n <- [:a] do\n release n do\n end\nend\n", "computes its releases", nil},
		{"no such environment", use21 + envs + shop, `rel/config.exs has no environment "qa"`, []string{"release-env", "qa"}},
		{"no environment that is known", "use Distillery.Releases.Config\nenvironment :a do\nend\nenvironment :b do\nend\n" + shop, `rel/config.exs has no environment "prod", and no default that is known`, nil},
		{"dev_mode", use21 + envs + shop, `environment "dev" of rel/config.exs sets dev_mode`, []string{"release-env", "dev"}},
		{"output_dir is computed", use21 + "release :shop do\n set output_dir: System.get_env(\"O\")\nend\n", "computes output_dir", nil},
		{"output_dir is outside", use21 + "release :shop do\n set output_dir: \"../out\"\nend\n", `output_dir "../out"`, nil},
		{"output_dir is absolute", use21 + "release :shop do\n set output_dir: \"/opt/out\"\nend\n", `output_dir "/opt/out"`, nil},
		{"before 2.1", use20 + shop, "needs Elixir before 1.9, whose `mix release` is not yet Mix's own; every Debian", nil},
		{"before 2.1, on a Debian", use20 + shop, "distro:debian/12 has Elixir 1.14.0", []string{"toolchain", "distro:debian/12"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := distilleryInputs(t, c.config, "", project.Project{})
			in.Config = settings(t, c.set...)
			_, err := Make(t.Context(), in)
			if problem.Code(err) != 2 || problem.Hint(err) == "" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("code %d, hint %q: %v", problem.Code(err), problem.Hint(err), err)
			}
		})
	}
	in := inputs(project.Project{})
	in.Project = distillery.New(in.Project.Facts(), nil, "")
	if _, err := Make(t.Context(), in); problem.Code(err) != 2 || !strings.Contains(err.Error(), "depends on Distillery, but has no rel/config.exs") {
		t.Error(err)
	}
}

func TestDistilleryCookie(t *testing.T) {
	for config, want := range map[string]bool{
		use21 + envs + shop: true,
		use21 + shop:        false, // the release's name
		use21 + "release :shop do\n set vm_args: \"rel/vm.args\"\nend\n":                                            true,
		use21 + "release :shop do\n set vm_args: \"rel/vm.args\"\n set cookie: :crypto.strong_rand_bytes(9)\nend\n": false,
		use21 + "release :shop do\n set cookie: \"text\"\nend\n":                                                    true,
	} {
		p, err := Make(t.Context(), distilleryInputs(t, config, "", project.Project{}))
		if err != nil || p.Cookie != want {
			t.Errorf("%s: %v, %v", config, p.Cookie, err)
		}
	}
}

func TestDistilleryJob(t *testing.T) {
	steps := func(config, otp string) string {
		p, err := Make(t.Context(), distilleryInputs(t, config, "", project.Project{}))
		if err != nil {
			t.Fatal(err)
		}
		ref, err := toolchain.ParseRef("distro:debian/12")
		if err != nil {
			t.Fatal(err)
		}
		j := p.Job(&toolchain.Toolchain{Ref: ref}, "/root", toolchain.Facts{OTP: otp}, &source.Tree{}, nil)
		if j.Export != "/app/_build/prod/rel/shop" || slices.ContainsFunc(j.Steps, func(s engine.Step) bool { return s.Network }) {
			t.Errorf("%+v", j)
		}
		var all []string
		for _, s := range j.Steps {
			all = append(all, s.Name+": "+strings.Join(s.Argv, " "))
		}
		return strings.Join(all, "\n")
	}
	if got := steps(use21+shop, "23.2.6"); got != "release: mix distillery.release --name=shop --no-tar" {
		t.Error(got)
	}
	got := steps(use21+"release :shop do\n set output_dir: \"out/\"\nend\n", "25.2.3")
	want := "clear: rm -rf /app/out\nrelease: mix distillery.release --name=shop --no-tar\ncollect: sh -c "
	if !strings.HasPrefix(got, want) || !strings.Contains(got, " collect /app/out /app/_build/prod/rel/shop\nRELEASES: erl -noshell -eval ") {
		t.Error(got)
	}
}

// settings are those given as flags, by turns name and value.
func settings(t *testing.T, pairs ...string) (c config.Config) {
	t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		var err error
		if c, err = c.WithFlag(pairs[i], pairs[i+1:i+2]); err != nil {
			t.Fatal(err)
		}
	}
	return c
}
