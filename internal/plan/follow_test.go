package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/project"
	"dram/internal/project/dockerfile"
)

// own is a project with a Dockerfile that does this.
func own(r dockerfile.Recipe) project.Project {
	r.Makes = true
	return project.Project{App: "shop", Version: "1.0.0", HasLock: true, Elsewhere: project.Elsewhere{Docker: r, DockerFile: "Dockerfile"}}
}

// flags are settings, "flag value" each.
func flags(t *testing.T, in Inputs, pairs ...string) Inputs {
	t.Helper()
	for _, pair := range pairs {
		flag, value, _ := strings.Cut(pair, " ")
		var err error
		if in.Config, err = in.Config.WithFlag(flag, []string{value}); err != nil {
			t.Fatal(err)
		}
	}
	return in
}

// What the project's own Dockerfile installs, sets and runs is in the plan and in what
// obeys it, unless a setting says otherwise.
func TestFollows(t *testing.T) {
	all := dockerfile.Recipe{
		Build: []string{"gmp-dev", "nobody-knows", "rustup", "npm"}, BuildBy: "apk", Run: []string{"ffmpeg"}, RunBy: "apk",
		Commands: []dockerfile.Command{
			{Text: "mix sentry.package_source_code", Run: "mix sentry.package_source_code", Dir: ".", Before: "release"},
			{Text: "mix ecto.migrate", Run: "mix ecto.migrate", Dir: ".", Before: "release"},
			{Text: "mix tag $(date)", Dir: ".", Before: "release"},
			{Text: "./configure", Run: "./configure", Dir: ".", Before: "compile"},
			{Text: "mix phx.digest", Run: "mix phx.digest", Dir: "apps/web", Before: "release"},
		},
		Args: []string{"GIT_SHA"}, Env: []string{"SELF_HOSTED=1", "TITLE=a"}, RunEnv: []string{"PORT=4000", "SECRET_KEY_BASE=abc"},
		Expose: []int{4000}, Laid: dockerfile.Laid{Health: true, Volumes: []string{"/app/bin"}},
	}
	p := make1(t, inputs(own(all)))
	want := []string{
		`build env: SELF_HOSTED=1, TITLE=a: Dockerfile sets them`, `image env: PORT=4000: Dockerfile sets them`,
		`build arguments: GIT_SHA: none is set: Dockerfile gives them no value either: --build-env NAME=VALUE does`,
		`step: mix sentry.package_source_code, before release, without the network: Dockerfile runs it`,
		`packages: cargo: Dockerfile needs cargo`, `packages: npm: Dockerfile needs npm`,
		`packages: gmp-dev, by the names of the toolchain's distribution, as far as that has them: Dockerfile installs them to build`,
		`packages: ffmpeg, by the names of the toolchain's distribution, as far as that has them: Dockerfile installs them into its image: so does dram`,
		`expose: 4000: set by Dockerfile`,
	}
	for _, line := range want {
		if !slices.ContainsFunc(p.Decisions, func(d Decision) bool { return d.Name+": "+d.Value+": "+d.Reason == line }) {
			t.Errorf("no decision %q in %+v", line, p.Decisions)
		}
	}
	notes := strings.Join(p.Notes, "\n")
	for _, text := range []string{
		"installs nobody-knows to build", "also runs, to build: mix ecto.migrate, mix tag $(date), ./configure, mix phx.digest; give each as a step",
		"declares the volumes /app/bin", "has a HEALTHCHECK",
	} {
		if !strings.Contains(notes, text) {
			t.Errorf("no note %q in\n%s", text, notes)
		}
	}
	if strings.Contains(notes, "ffmpeg") || strings.Contains(notes, "gmp-dev") || strings.Contains(notes, "GIT_SHA") {
		t.Errorf("noted although it is done:\n%s", notes)
	}
	wants := []distro.Want{{Package: "gmp-dev", Family: distro.Apk}, {Package: "ffmpeg", Family: distro.Apk}}
	if diff := cmp.Diff(wants, p.Needs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(wants[1:], p.Image.Offered); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]config.Step{{Run: "mix sentry.package_source_code", Before: "release"}}, p.Steps); diff != "" {
		t.Error(diff)
	}
	if !slices.Equal(p.BuildEnv, []string{"SELF_HOSTED=1", "TITLE=a"}) || !slices.Equal(p.Image.Env, []string{"PORT=4000"}) || !slices.Equal(p.Image.Expose, []int{4000}) {
		t.Errorf("%q, %q, %d", p.BuildEnv, p.Image.Env, p.Image.Expose)
	}
}

// What fetches has the network: a task once all is compiled, what is no code of anybody's
// where it is; and what reaches further is noted.
func TestFollowsWhatFetches(t *testing.T) {
	command := func(run, before string) dockerfile.Command {
		return dockerfile.Command{Text: run, Run: run, Dir: ".", Before: before}
	}
	p := make1(t, inputs(own(dockerfile.Recipe{Commands: []dockerfile.Command{
		command("mix download_geoip", "release"), command("mix run -e 'A.b()'", "compile"), command("curl https://x.example/a.pem -o priv/a.pem", "compile"),
		command("curl http://x.example/a.pem -o priv/b.pem", "compile"), command("curl https://x.example/a.pem -o /usr/bin/a", "compile"),
		command("mix escript.install hex x", "compile"), command("mix hex.publish", "release"), command("mix fetch.late", ""),
	}})))
	want := []config.Step{
		{Run: "mix download_geoip", After: "compile", Network: true},
		{Run: "mix run -e 'A.b()'", After: "compile", Network: true},
		{Run: "curl https://x.example/a.pem -o priv/a.pem", Before: "compile", Network: true},
	}
	if diff := cmp.Diff(want, p.Steps); diff != "" {
		t.Error(diff)
	}
	if got := reason(p, "step"); got != "mix download_geoip, after compile, with the network: Dockerfile runs it" {
		t.Error(got)
	}
	if got := reason(p, "packages"); got != "curl: Dockerfile needs curl" {
		t.Error(got)
	}
	notes := strings.Join(p.Notes, "\n")
	for _, text := range []string{`the step "mix download_geoip" has the network: what it downloads is not checked by dram`, "also runs, to build: curl http://x.example/a.pem -o priv/b.pem, curl https://x.example/a.pem -o /usr/bin/a, mix escript"} {
		if !strings.Contains(notes, text) {
			t.Errorf("no note %q in\n%s", text, notes)
		}
	}
}

// What a stage takes of another is copied where all is run that makes it, and noted where
// not.
func TestTakesWhatStagesMake(t *testing.T) {
	takes := dockerfile.Command{Text: "COPY --from=web /web/dist priv", Run: "cp -R web/dist/. priv", Dir: ".", Stage: "build", Takes: "web", Before: "release"}
	made := dockerfile.Command{Text: "mix gen.web", Run: "mix gen.web", Dir: ".", Stage: "Web", Before: "release"}
	p := make1(t, inputs(own(dockerfile.Recipe{Commands: []dockerfile.Command{made, takes}})))
	want := []config.Step{{Run: "mix gen.web", Before: "release"}, {Run: "cp -R web/dist/. priv", Before: "release"}}
	if diff := cmp.Diff(want, p.Steps); diff != "" {
		t.Error(diff)
	}
	made.Text, made.Run = "./configure", "./configure"
	p = make1(t, inputs(own(dockerfile.Recipe{Commands: []dockerfile.Command{made, takes}})))
	if len(p.Steps) > 0 || !strings.Contains(strings.Join(p.Notes, "\n"), "also runs, to build: ./configure, COPY --from=web /web/dist priv; give each") {
		t.Errorf("%+v\n%q", p.Steps, p.Notes)
	}
}

// A Dockerfile that is not understood is not passed over.
func TestNotesDockerfilesThatMakeNothing(t *testing.T) {
	for file, noted := range map[string]bool{"Dockerfile": true, "deploy/Containerfile": true, "Dockerfile.dev": false} {
		p := own(dockerfile.Recipe{})
		p.Docker, p.DockerFile = dockerfile.Recipe{Seen: dockerfile.Seen{Else: []string{"jq", "make all-tgz", "/docker-entrypoint.sh"}}}, file
		notes := strings.Join(make1(t, inputs(p)).Notes, "\n")
		if strings.Contains(notes, file+" makes no release, as far as is seen, and is not followed: it has jq, make all-tgz, /docker-entrypoint.sh;") != noted {
			t.Errorf("%s: %q", file, notes)
		}
	}
}

// A setting of the user's own counts, and a variable by its name.
func TestSettingsComeBeforeTheDockerfile(t *testing.T) {
	r := dockerfile.Recipe{
		Build: []string{"gmp-dev"}, BuildBy: "apk", Run: []string{"ffmpeg"}, RunBy: "apk", Env: []string{"A=1", "B=1"}, RunEnv: []string{"PORT=4000"}, Expose: []int{4000},
		Commands: []dockerfile.Command{{Text: "mix x", Run: "mix x", Dir: ".", Before: "release"}},
	}
	p := make1(t, flags(t, inputs(own(r)), "package cmake", "image-package jq", "build-env A=2", "image-env PORT=1", "expose 1"))
	if len(p.Needs)+len(p.Image.Offered) > 0 || !slices.Equal(p.BuildEnv, []string{"A=2", "B=1"}) || !slices.Equal(p.Image.Env, []string{"PORT=1"}) || !slices.Equal(p.Image.Expose, []int{1}) {
		t.Errorf("%v, %v, %q, %q, %d", p.Needs, p.Image.Offered, p.BuildEnv, p.Image.Env, p.Image.Expose)
	}
	p = make1(t, flags(t, inputs(own(r)), "dockerfile ignore"))
	if len(p.Needs)+len(p.Image.Offered)+len(p.Steps)+len(p.BuildEnv)+len(p.Image.Env)+len(p.Image.Expose) > 0 {
		t.Errorf("what is ignored is followed: %+v", p)
	}
	notes := strings.Join(p.Notes, "\n")
	for _, text := range []string{"installs gmp-dev to build", "installs ffmpeg to run", "also runs, to build: mix x"} {
		if !strings.Contains(notes, text) {
			t.Errorf("no note %q in\n%s", text, notes)
		}
	}
}

// Where no version file asks, the versions count that the project is built with elsewhere:
// of a suite with the like, of an image; and where neither is to be had, any that mix.exs
// allows.
func TestOfferedVersions(t *testing.T) {
	for _, tt := range []struct{ name, elixir, erlang, requires, want, note string }{
		{"of the series of a suite", "1.18.1", "27.1", "", "distro:debian/13: Elixir 1.18.3, Erlang 27.3.4.1: of the series that Dockerfile builds with", ""},
		{"of an image", "1.17.1", "27.0", "", "image:hexpm/elixir:1.17.1-erlang-27.0-debian-bookworm-20250203: Elixir 1.17.1, Erlang 27.0, as Dockerfile asks; the newest such image", ""},
		{"of an image of the series", "1.17.3", "27.1", "", "image:hexpm/elixir:1.17.1-erlang-27.0-debian-bookworm-20250203: of the series that Dockerfile builds with: Elixir 1.17.3, Erlang 27.1", ""},
		{"of a candidate's series", "1.17.0-rc.1", "", "", "image:hexpm/elixir:1.17.1-erlang-27.0-debian-bookworm-20250203: of the series that Dockerfile builds with: Elixir 1.17.0-rc.1", ""},
		{"that nobody has", "1.6.1", "20.0", "~> 1.6", `distro:debian/13: the newest Debian stable whose Elixir (1.18.3) satisfies elixir: "~> 1.6"`, "asks for Elixir 1.6.1, Erlang 20.0"},
		{"that mix.exs forbids", "1.17.1", "27.0", "~> 1.18", `distro:debian/13: the newest Debian stable whose Elixir (1.18.3) satisfies elixir: "~> 1.18"`, "asks for Elixir 1.17.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := own(dockerfile.Recipe{})
			p.ElixirRequirement, p.Offers = tt.requires, []project.Offer{{File: "Dockerfile", Elixir: tt.elixir, Erlang: tt.erlang}}
			got := make1(t, inputs(p))
			if diff := cmp.Diff(tt.want, reason(got, "toolchain")); diff != "" {
				t.Error(diff)
			}
			if notes := strings.Join(got.Notes, "\n"); strings.Contains(notes, "asks for Elixir") != (tt.note != "") || !strings.Contains(notes, tt.note) {
				t.Errorf("%q", notes)
			}
		})
	}
}

// Of several releases the one is made that the Dockerfile makes.
func TestOfferedRelease(t *testing.T) {
	p := own(dockerfile.Recipe{Release: "worker"})
	p.Releases = []project.Release{{Name: "web"}, {Name: "worker"}}
	if got := make1(t, inputs(p)); got.Release != "worker" || reason(got, "release") != "worker: set by Dockerfile" {
		t.Errorf("%s: %s", got.Release, reason(got, "release"))
	}
}

// What the Dockerfile starts that dram's image does not is said, with what gives the like.
func TestNotesOtherStarts(t *testing.T) {
	for start, want := range map[string]string{
		"bin/shop serve":             `Dockerfile starts bin/shop serve, and dram's image what starts a release in the foreground: [image] command in dram.toml gives it another command`,
		"/srv/shop/bin/shop console": `Dockerfile starts /srv/shop/bin/shop console, and dram's image what starts a release in the foreground: [image] command in dram.toml gives it another command`,
		"run.sh serve":               "Dockerfile starts run.sh, and dram's image the release itself: what that does before is for rel/env.sh.eex or config/runtime.exs to do",
	} {
		in := inputs(own(dockerfile.Recipe{Start: strings.Fields(start)}))
		if p := make1(t, in); len(p.Notes) != 1 || p.Notes[0] != want {
			t.Errorf("%s: %q", start, p.Notes)
		}
		in = flags(t, in, "image-command serve")
		if p := make1(t, in); len(p.Notes) > 0 && strings.Contains(p.Notes[0], "bin/shop") {
			t.Errorf("%s, with a command: %q", start, p.Notes)
		}
	}
}

// Rust is a need, whoever installs it: the package of that name keeps others out.
func TestRustupIsNoPackage(t *testing.T) {
	p := make1(t, inputs(own(dockerfile.Recipe{Build: []string{"cmake", "rustup"}, BuildBy: "apt-get"})))
	if got := reason(p, "packages"); strings.Contains(got, "rustup") {
		t.Error(got)
	}
	all := fmt.Sprint(p.Needs, p.Decisions)
	if strings.Contains(all, "rustup") || !strings.Contains(all, "cmake") || !strings.Contains(all, "cargo") {
		t.Error(all)
	}
}

// A script of package.json that the plan runs anyway is not run again, wherever the
// Dockerfile says its directory.
func TestScriptsRunOnce(t *testing.T) {
	p := own(dockerfile.Recipe{Commands: []dockerfile.Command{
		{Text: "npm run --prefix ./assets deploy", Run: "npm run --prefix ./assets deploy", Dir: ".", Before: "release"},
	}})
	p.Assets.Packages = []project.Package{{Dir: "assets", Manager: "npm", Lock: "assets/package-lock.json", Needs: true, Script: "deploy", Scripts: []string{"deploy"}}}
	if got := make1(t, inputs(p)); len(got.Steps) > 0 || !strings.HasPrefix(reason(got, "assets"), "mix compile, then npm run deploy in assets") {
		t.Errorf("%+v, %s", got.Steps, reason(got, "assets"))
	}
}

// make1 is a plan that can be made.
func make1(t *testing.T, in Inputs) *Plan {
	t.Helper()
	p, err := Make(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
