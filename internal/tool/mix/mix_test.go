package mix

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/config"
	"dram/internal/engine"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/source"
	"dram/internal/tool"
	"dram/internal/tool/tooltest"
)

// notes is a plan that remembers what it was told.
type notes struct {
	settings config.Config
	told     []string
	needs    []tool.Need
}

func (n *notes) Settings() config.Config    { return n.settings }
func (n *notes) Origin(key string) string   { return "set by " + key }
func (n *notes) Note(text string)           { n.told = append(n.told, "note: "+text) }
func (n *notes) Need(need tool.Need)        { n.needs = append(n.needs, need) }
func (n *notes) Follow(config.Step) bool    { return false }
func (n *notes) Decide(name, v, why string) { n.told = append(n.told, name+": "+v+": "+why) }

func TestReleases(t *testing.T) {
	two := []project.Release{{Name: "web"}, {Name: "worker"}}
	if got, err := New(&project.Project{Releases: two}).Releases(); err != nil || !slices.Equal(got, []string{"web", "worker"}) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := New(&project.Project{App: "shop"}).Releases(); err != nil || len(got) > 0 {
		t.Errorf("of one that declares none: %q, %v", got, err)
	}
	_, err := New(&project.Project{Releases: two, ReleasesOpen: true}).Releases()
	if problem.Code(err) != 2 || !strings.Contains(err.Error(), "mix.exs computes its releases") || !strings.Contains(problem.Hint(err), "--release NAME") {
		t.Errorf("hint %q: %v", problem.Hint(err), err)
	}
}

// What is decided of a project, in which order, and the job that comes of it.
func TestBuild(t *testing.T) {
	n := &notes{}
	b, err := New(&project.Project{
		App: "shop", Version: "1.0.0", Deps: []project.Dep{{Name: "jason", Source: project.Hex}},
		Shown: project.Shown{NativeCode: []string{"c_src/nif.c"}}, Assets: project.Assets{Setup: true, Deploy: true},
	}).Plan(n)
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.Release()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tool.Release{Name: "shop", Version: "1.0.0", MixEnv: "prod"}, r); diff != "" {
		t.Error(diff)
	}
	w, err := b.Work("with the network")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"project: mix release: mix.exs found",
		"mix env: prod: set by build.mix_env",
		"release: shop: mix.exs declares none: Mix names it after the application",
		"version: 1.0.0: mix.exs",
		"fetch: mix deps.get, with the network: dependencies: jason",
		"note: there is no mix.lock: run `mix deps.get` and commit it, or builds may differ",
		"assets setup: mix assets.setup, with the network: the alias is in mix.exs",
		"assets: mix compile, then mix assets.deploy: the alias is in mix.exs",
		"native code: compiled in the toolchain: c_src/nif.c",
	}
	if diff := cmp.Diff(want, n.told); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(tool.Work{Fetch: true, Setup: true, Deploy: true, Command: []string{"mix", "release", "--overwrite"}, Does: "Mix compiles and assembles"}, w); diff != "" {
		t.Error(diff)
	}
	job := b.Job(tool.Circumstances{Source: &source.Tree{}, Toolchain: tool.Toolchain{Rebar3: "/usr/bin/rebar3"}})
	var steps []string
	for _, s := range job.Steps {
		steps = append(steps, s.Name)
	}
	if diff := cmp.Diff([]string{"fetch Hex", "fetch", "dependencies", "compile", "assets setup", "assets", "times", "release"}, steps); diff != "" {
		t.Error(diff)
	}
	if job.Export != "/app/_build/prod/rel/shop" || !slices.Contains(job.Env, "MIX_REBAR3=/usr/bin/rebar3") || !slices.Contains(job.Env, "MIX_ENV=prod") {
		t.Errorf("%+v", job)
	}
}

// Mix builds where dram looks, whatever mix.exs, a target or a variable says.
func TestBuildsAtUsualPlaces(t *testing.T) {
	for _, c := range []struct {
		name   string
		layout project.Layout
		env    []string
		want   []string
	}{
		{"as usual", project.Layout{}, []string{"MIX_TARGET=host"}, nil},
		{"by mix.exs", project.Layout{BuildPath: "out", DepsPath: "vendor", LockFile: "a.lock"}, nil, []string{"MIX_BUILD_PATH=/app/_build/prod", "MIX_DEPS_PATH=/app/deps"}},
		{"by a variable", project.Layout{}, []string{"MIX_BUILD_PATH=/tmp/x"}, []string{"MIX_BUILD_PATH=/app/_build/prod"}},
		{"for a target", project.Layout{}, []string{"MIX_TARGET=rpi"}, []string{"MIX_BUILD_PATH=/app/_build/prod"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := &notes{settings: config.Config{BuildEnv: c.env}}
			facts := &project.Project{App: "shop", Shown: project.Shown{Layout: c.layout}, HasLock: true, Deps: []project.Dep{{Name: "jason", Source: project.Hex}}}
			b, err := New(facts).Plan(n)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Release(); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Work(""); err != nil {
				t.Fatal(err)
			}
			job := b.Job(tool.Circumstances{Source: &source.Tree{}, Toolchain: tool.Toolchain{Rebar3: "/r", Hex: true}})
			if diff := cmp.Diff(c.want, job.Fixed); diff != "" {
				t.Error(diff)
			}
			want := "mix.lock"
			if c.layout.LockFile != "" {
				want = c.layout.LockFile
			}
			if got := job.Steps[0].Lock; got != want {
				t.Errorf("the lock is %q", got)
			}
		})
	}
}

// Crates are fetched before what is made of them is compiled without the network.
func TestFetchesCrates(t *testing.T) {
	facts := &project.Project{
		App: "shop", HasLock: true, Deps: []project.Dep{{Name: "fast", Source: project.Hex}},
		Shown: project.Shown{NativeCode: []string{"mix.exs: dependency :rustler", "native/calc/Cargo.toml"}, Rust: []string{"fast"}},
	}
	tree := &source.Tree{Files: []source.File{{Path: "mix.exs"}, {Path: "native/calc/Cargo.toml"}, {Path: "native/calc/src/lib.rs"}, {Path: ".cargo/config.toml"}, {Path: "Cargo.lock"}, {Path: "lib/a.ex"}}}
	job := func(c config.Config) (tool.Job, []string) {
		n := &notes{settings: c}
		b, err := New(facts).Plan(n)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = b.Release(); err != nil {
			t.Fatal(err)
		}
		if _, err = b.Work("with the network"); err != nil {
			t.Fatal(err)
		}
		return b.Job(tool.Circumstances{Source: tree, Toolchain: tool.Toolchain{Rebar3: "/r", Hex: true}}), n.told
	}
	j, told := job(config.Config{})
	if want := "crates: cargo fetch for native/calc/Cargo.toml, deps/fast, with the network: they are compiled without it"; !slices.Contains(told, want) {
		t.Errorf("%q", told)
	}
	s := j.Steps[1]
	if s.Name != "crates" || !s.Network || s.Private || !slices.Contains(s.Env, "CARGO_NET_OFFLINE=false") || !slices.Contains(j.Env, "CARGO_NET_OFFLINE=true") || !slices.Contains(j.CacheDirs, "/cache/cargo") {
		t.Errorf("%+v in %q", s, j.Env)
	}
	if diff := cmp.Diff([]string{".cargo/config.toml", "Cargo.lock", "mix.exs", "native/calc/Cargo.toml", "native/calc/src/lib.rs"}, s.Needs); diff != "" {
		t.Error(diff)
	}
	if j, _ = job(config.Config{BuildNetwork: "host"}); slices.ContainsFunc(j.Steps, func(s engine.Step) bool { return s.Name == "crates" }) {
		t.Error("fetched although compiling has the network")
	}
}

func TestMade(t *testing.T) {
	const data = "-- releases/start_erl.data --\n15.2 1\n-- releases/1/a.rel --\n{release,{\"a\",\"1\"},{erts,\"15.2\"},[]}.\n"
	for _, c := range []struct {
		name, tree string
		want       bool
	}{
		{"env.sh", "-- releases/1/env.sh --\n", true},
		{"the start script alone", "-- bin/a --\nexec elixir --boot \"$RELEASE_BOOT_SCRIPT\"\n", true},
		{"another start script", "-- bin/a --\nexec erl -boot start\n", false},
		{"none", "", false},
	} {
		fsys, err := rootfs.Dir(tooltest.Tree(t, data+c.tree))
		if err != nil {
			t.Fatal(err)
		}
		rel, err := release.Read(t.Context(), fsys, release.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := (Tool{}).Made(rel); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
		if err := fsys.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The time of the build stays out of what phx.digest writes, and nothing else changes.
func TestManifestTimes(t *testing.T) {
	const digested = `{"digests":{"app-1.css":{"mtime":63963412345,"size":7}},"latest":{"app.css":"app-1.css"},"version":1}`
	const settled = `{"digests":{"app-1.css":{"mtime":62167219201,"size":7}},"latest":{"app.css":"app-1.css"},"version":1}`
	dir := t.TempDir()
	files := map[string]string{
		"priv/static/cache_manifest.json": settled, "apps/web it's/priv/static/cache_manifest.json": settled,
		"deps/d/priv/static/cache_manifest.json": digested, "assets/node_modules/m/cache_manifest.json": digested,
		"_build/prod/lib/web/priv/static/cache_manifest.json": digested, "priv/static/other.json": digested,
	}
	for name := range files {
		at := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(digested), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "cache_manifest.json")
	link := filepath.Join(dir, "apps", "cache_manifest.json")
	if err := errors.Join(os.WriteFile(outside, []byte(digested), 0o600), os.Symlink(outside, link)); err != nil {
		t.Fatal(err)
	}
	files["apps/cache_manifest.json"] = digested
	for range 2 {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", manifestTimes)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for name, want := range files {
			got, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil || string(got) != want {
				t.Errorf("%s: %s, %v", name, got, err)
			}
		}
	}
}
