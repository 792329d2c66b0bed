package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/engine"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/project/dockerfile"
)

// locked are packages that lie beside a lock file of npm.
func locked(p project.Package) project.Package {
	p.Dir, p.Needs = "assets", true
	if p.Manager == "" {
		p.Manager, p.Lock = "npm", "assets/package-lock.json"
	}
	return p
}

// How assets are made, whoever makes them: what has the network comes after what it
// needs was compiled without.
func TestStepsOfAssets(t *testing.T) {
	const deps, setup = "1 mix deps.compile --skip-umbrella-children --skip-local-deps", "+1 mix assets.setup"
	hex, shelf := project.Dep{Name: "phoenix", Source: project.Hex}, project.Dep{Name: "shelf", Source: project.Path, Where: "libs/shelf"}
	alias := project.Assets{Setup: true, SetupApart: true, Deploy: true, Dir: ".", Setups: []string{"esbuild.install"}}
	for _, tt := range []struct {
		name    string
		project project.Project
		want    []string
	}{
		{
			"installers need dependencies alone",
			project.Project{Deps: []project.Dep{hex}, Assets: alias},
			[]string{deps, setup, "mix compile", "~ mix assets.deploy", "~ times"},
		},
		{
			"a dependency in the project is its code",
			project.Project{Deps: []project.Dep{hex, shelf}, Assets: alias},
			[]string{deps, "mix compile", setup, "~ mix assets.deploy", "~ times"},
		},
		{
			"an alias that does more than install",
			project.Project{Deps: []project.Dep{hex}, Assets: project.Assets{Setup: true, Deploy: true, Setups: []string{"mine"}}},
			[]string{deps, "mix compile", setup, "~ mix assets.deploy", "~ times"},
		},
		{
			"an application of an umbrella",
			project.Project{Umbrella: true, OwnApps: []string{"web"}, Releases: []project.Release{{Name: "web"}}, Deps: []project.Dep{hex}, Assets: project.Assets{Setup: true, Deploy: true, Dir: "apps/web"}},
			[]string{deps, "mix compile", `+1 sh -c cd "$0" && exec "$@" apps/web mix assets.setup`, `~ sh -c cd "$0" && exec "$@" apps/web mix assets.deploy`, "~ times"},
		},
		{
			"packages that assets.deploy bundles",
			project.Project{Deps: []project.Dep{hex}, Assets: project.Assets{Deploy: true, Deploys: []string{"esbuild default"}, Packages: []project.Package{locked(project.Package{})}}},
			[]string{deps, `+1 sh -c cd "$0" && exec "$@" assets npm ci`, "mix compile", "~ mix assets.deploy", "~ times"},
		},
		{
			"packages that an alias installs",
			project.Project{Deps: []project.Dep{hex}, Assets: project.Assets{
				Setup: true, Deploy: true, Setups: []string{"cmd npm ci --prefix assets"}, Packages: []project.Package{locked(project.Package{})},
			}},
			[]string{deps, "mix compile", setup, "~ mix assets.deploy", "~ times"},
		},
		{
			"a script, as in Phoenix 1.3 to 1.5",
			project.Project{Deps: []project.Dep{hex}, Assets: project.Assets{Packages: []project.Package{locked(project.Package{Script: "deploy"})}}},
			[]string{deps, `+1 sh -c cd "$0" && exec "$@" assets npm ci`, "mix compile", `~ sh -c cd "$0" && exec "$@" assets npm run deploy`, "~ mix phx.digest", "~ times"},
		},
		{
			"another package manager",
			project.Project{Deps: []project.Dep{hex}, Assets: project.Assets{Packages: []project.Package{
				locked(project.Package{Manager: "pnpm", ManagerVersion: "9", Lock: "assets/pnpm-lock.yaml", Script: "build"}),
			}}},
			[]string{
				deps, `+1 sh -c command -v "$0" || exec npm install --global --prefix="$2" "$1" pnpm pnpm@9 /cache/javascript/tools`,
				`+1 sh -c cd "$0" && exec "$@" assets pnpm install --frozen-lockfile`, "mix compile", `~ sh -c cd "$0" && exec "$@" assets pnpm run build`, "~ mix phx.digest", "~ times",
			},
		},
		{
			"no lock file",
			project.Project{Deps: []project.Dep{hex}, Assets: project.Assets{Packages: []project.Package{
				locked(project.Package{Manager: "yarn", Script: "build"}),
			}}},
			[]string{
				deps, `+1 sh -c command -v "$0" || exec npm install --global --prefix="$2" "$1" yarn yarn /cache/javascript/tools`,
				`+ sh -c cd "$0" && exec "$@" assets yarn install`, "mix compile", `~ sh -c cd "$0" && exec "$@" assets yarn run build`, "~ mix phx.digest", "~ times",
			},
		},
		{
			"a package.json that makes nothing",
			project.Project{Deps: []project.Dep{hex}, Assets: project.Assets{Packages: []project.Package{{Dir: ".", Manager: "npm", Needs: true, Script: "build"}}}},
			[]string{deps},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.project.HasLock = true
			if !tt.project.Umbrella {
				tt.project.App = "shop"
			}
			steps := told(job(t, tt.project, nil))
			want := append([]string{"+1 mix deps.get --only prod"}, tt.want...)
			if diff := cmp.Diff(want, steps[:len(steps)-1]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Where no alias makes the assets, and the Dockerfile calls what does: what that runs is
// brought before, and the time is taken out of what it makes.
func TestAssetsByDockerfile(t *testing.T) {
	p := own(dockerfile.Recipe{Commands: []dockerfile.Command{
		{Text: "mix tailwind default", Run: "mix tailwind default --minify", Dir: ".", Before: "compile"},
		{Text: "mix phx.digest", Run: "mix phx.digest", Dir: ".", Before: "compile"},
	}})
	p.Deps = []project.Dep{{Name: "tailwind", Source: project.Hex}}
	p.Assets = project.Assets{Packages: []project.Package{{Dir: "assets", Manager: "npm"}}, Manifest: "config/prod.exs"}
	want := []string{
		"+1 mix deps.get --only prod", "1 mix deps.compile --skip-umbrella-children --skip-local-deps", "+1 mix tailwind.install --if-missing",
		"~ sh -euc mix tailwind default --minify", "~ sh -euc mix phx.digest && find",
	}
	steps := told(job(t, p, nil))
	digest := &steps[len(steps)-2]
	*digest, _, _ = strings.Cut(*digest, " . ") // and what takes the time out
	if diff := cmp.Diff(want, steps[:len(steps)-1]); diff != "" {
		t.Error(diff)
	}
	if got := make1(t, inputs(p)); len(got.Notes) > 0 {
		t.Errorf("notes: %q", got.Notes)
	}
	p.Deps = append(p.Deps, project.Dep{Name: "shelf", Source: project.Path, Where: "libs/shelf"})
	if got := make1(t, inputs(p)); len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "what that calls is fetched") {
		t.Errorf("notes: %q", got.Notes)
	}
	ignoring := flags(t, inputs(p), "dockerfile ignore")
	if got := make1(t, ignoring); !slices.ContainsFunc(got.Notes, func(n string) bool { return strings.Contains(n, "no step makes its assets") }) {
		t.Errorf("notes: %q", got.Notes)
	}
}

// Where setting up has the network, whatever it needs was compiled: a failure of that
// is the build's. Elsewhere dependencies may as well be compiled with the project.
func TestSettingUpCompilesNothing(t *testing.T) {
	p := project.Project{App: "shop", HasLock: true, Deps: []project.Dep{{Name: "esbuild", Source: project.Hex}}, Assets: project.Assets{
		Setup: true, SetupApart: true, Deploy: true, Dir: ".",
	}}
	optional := func(p project.Project) bool {
		j := job(t, p, nil)
		i := slices.IndexFunc(j.Steps, func(s engine.Step) bool { return s.Name == "dependencies" })
		return j.Steps[i].Optional
	}
	if optional(p) {
		t.Error("dependencies may be compiled by assets.setup, which has the network")
	}
	if p.Assets = (project.Assets{}); !optional(p) {
		t.Error("dependencies that need the project cannot be compiled")
	}
}

// No code of others runs with a key: not in what sets assets up, not in packages of
// JavaScript, and not where nothing that is fetched is private.
func TestWhoGetsKeys(t *testing.T) {
	environ := []string{"HEX_API_KEY=secret", "HEX_MIRROR_URL=http://mirror", "NPM_CONFIG_REGISTRY=http://npm", "https_proxy=http://proxy", "NPM_TOKEN=secret"}
	p := project.Project{App: "shop", HasLock: true, Deps: []project.Dep{{Name: "a", Source: project.Git}}, Assets: project.Assets{
		Setup: true, Deploy: true, Deploys: []string{"esbuild default"}, Packages: []project.Package{locked(project.Package{})},
	}}
	given := func(p project.Project, environ ...string) map[string]string {
		out := map[string]string{}
		for _, s := range job(t, p, environ, "package", "nodejs").Steps {
			if s.Network {
				out[s.Name] = strings.Join(s.Secrets, " ")
			}
			if s.Private != strings.HasPrefix(s.Name, "fetch") {
				t.Errorf("step %s is private: %t", s.Name, s.Private)
			}
		}
		return out
	}
	const public = "https_proxy=http://proxy NPM_CONFIG_REGISTRY=http://npm"
	want := map[string]string{"fetch": public + " HEX_API_KEY=secret HEX_MIRROR_URL=http://mirror", "packages of assets": public, "assets setup": public}
	if diff := cmp.Diff(want, given(p, environ...)); diff != "" {
		t.Error(diff)
	}
	p.Keyless = true
	want["fetch"] = public + " HEX_MIRROR_URL=http://mirror"
	if diff := cmp.Diff(want, given(p, environ...)); diff != "" {
		t.Errorf("with nothing private: %s", diff)
	}
	if got := given(p, "HEX_API_KEY=secret", "HEX_TRUSTED_MIRROR_URL=http://mirror")["fetch"]; !strings.Contains(got, "HEX_API_KEY") {
		t.Errorf("a mirror that wants credentials gets %q", got)
	}
}

// Which Node.js runs, and what cannot be.
func TestNodeOfAssets(t *testing.T) {
	with := func(p project.Package) (*Plan, error) {
		p.Script = "deploy"
		return Make(t.Context(), inputs(project.Project{App: "shop", HasLock: true, Assets: project.Assets{Packages: []project.Package{p}}}))
	}
	p, err := with(locked(project.Package{Node: project.Version{Version: "22", File: "assets/.nvmrc"}}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Decision{
		{"javascript", "npm ci in assets, with the network", "assets/package-lock.json found"},
		{"node", "v22.x of nodejs.org by its checksum, unless the toolchain has that", "assets/.nvmrc asks for 22"},
		{"assets", "mix compile, then npm run deploy in assets", "its package.json has that script, and mix.exs no alias assets.deploy"},
	} {
		if !slices.Contains(p.Decisions, want) {
			t.Errorf("no decision %v in %v", want, p.Decisions)
		}
	}
	if len(p.Notes) > 0 {
		t.Errorf("notes %q", p.Notes)
	}
	if p, err = with(locked(project.Package{})); err != nil || !slices.Equal(p.Packages, []string{"nodejs", "npm"}) {
		t.Errorf("with no version asked for, packages %q, %v", p.Packages, err)
	}
	built := own(dockerfile.Recipe{Node: "14"})
	built.Assets.Packages = []project.Package{locked(project.Package{Script: "deploy"})}
	p = make1(t, inputs(built))
	if !slices.Contains(p.Decisions, Decision{"node", "v14.x of nodejs.org by its checksum, unless the toolchain has that", "Dockerfile builds with it"}) || len(p.Packages) > 0 {
		t.Errorf("with the Dockerfile's, %+v, packages %q", p.Decisions, p.Packages)
	}
	for _, tt := range []struct {
		pkg  project.Package
		code problem.Kind
		says string
	}{
		{locked(project.Package{Node: project.Version{Version: "banana", File: ".nvmrc"}}), problem.Usage, `.nvmrc asks for Node.js "banana"`},
		{locked(project.Package{Broken: "unexpected end"}), problem.Build, `reading "assets/package.json": unexpected end`},
		{
			project.Package{Dir: "assets", Needs: true, Manager: "pnpm", Others: []string{"assets/package-lock.json"}},
			problem.Usage,
			"assets/package.json asks for pnpm, and assets/package-lock.json is the lock file of another package manager",
		},
	} {
		if _, err := with(tt.pkg); err == nil || problem.Code(err) != int(tt.code) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("err = %v, want %q", err, tt.says)
		}
	}
	for says, pkg := range map[string]project.Package{
		"there is no lock file beside assets/package.json":                                          {Dir: "assets", Needs: true, Manager: "npm"},
		"assets/package-lock.json counts, and assets/yarn.lock does not: it is another package man": locked(project.Package{Manager: "npm", Lock: "assets/package-lock.json", Others: []string{"assets/yarn.lock"}}),
	} {
		p, err := with(pkg)
		if err != nil || !slices.ContainsFunc(p.Notes, func(n string) bool { return strings.HasPrefix(n, says) }) {
			t.Errorf("no note %q in %v, %v", says, p, err)
		}
	}
}

// Precompiled NIFs are found without the network, fetched without code of theirs or a
// key, and compiled against without the network: unless all has it.
func TestPrecompiledNIFs(t *testing.T) {
	p := project.Project{App: "shop", HasLock: true, Deps: []project.Dep{{Name: "explorer", Source: project.Hex}}, Shown: project.Shown{
		Locked: []string{"explorer", "rustler_precompiled"}, Rustler: []string{"explorer"},
	}}
	steps := func(settings ...string) (names []string) {
		j := job(t, p, []string{"HEX_API_KEY=secret"}, settings...)
		for _, s := range j.Steps {
			name := s.Name
			if s.Network {
				name += "+"
			}
			if strings.Contains(strings.Join(s.Secrets, ""), "secret") {
				name += "!"
			}
			names = append(names, name)
		}
		if cached := slices.Contains(j.CacheDirs, "/cache/precompiled"); cached != slices.Contains(j.Env, "XDG_CACHE_HOME=/cache/precompiled") || cached != (len(settings) == 0) {
			t.Errorf("kept in %q, with %q", j.CacheDirs, j.Env)
		}
		return names
	}
	if diff := cmp.Diff([]string{"fetch+!", "find precompiled", "fetch precompiled+", "dependencies", "release"}, steps()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"fetch+!", "dependencies+", "release+"}, steps("build-network", "host")); diff != "" {
		t.Error(diff)
	}
	pl, err := Make(t.Context(), inputs(p))
	if err != nil || len(pl.Notes) > 0 {
		t.Fatalf("notes %q, %v", pl.Notes, err)
	}
	want := Decision{"precompiled", "NIFs of explorer, with the network, by the checksums that the packages bring", "they use rustler_precompiled, as mix.lock says"}
	if !slices.Contains(pl.Decisions, want) {
		t.Errorf("decisions: %v", pl.Decisions)
	}
	p.Rustler = nil // the project uses it itself
	if pl, err = Make(t.Context(), inputs(p)); err != nil || len(pl.Notes) != 1 || !strings.HasPrefix(pl.Notes[0], "rustler_precompiled downloads while") {
		t.Errorf("notes %q, %v", pl.Notes, err)
	}
}
