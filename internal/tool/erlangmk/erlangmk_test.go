package erlangmk

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/engine"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/source"
	"dram/internal/tool"
	"dram/internal/tool/tooltest"
)

func plan(t *testing.T, tree, release string) (*tooltest.Plan, tool.Build, tool.Release, error) {
	t.Helper()
	var flags []string
	if release != "" {
		flags = append(flags, "release="+release)
	}
	n, p, err := tooltest.Read(t, Tool{}, tree, flags...)
	n.From = "asked"
	if err != nil || p == nil {
		return n, nil, tool.Release{}, err
	}
	b, err := p.Plan(n)
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.Release()
	if err == nil {
		_, err = b.Work("with the network")
	}
	return n, b, r, err
}

const (
	today  = "-- erlang.mk --\nfetch-rel-deps: x\n"
	older  = "-- erlang.mk --\nRELX_URL ?= https://example.com/relx\n"
	middle = "-- erlang.mk --\nrel-deps:\n"
	shop   = "-- relx.config --\n{release, {shop, \"1.0\"}, [shop]}.\n{release, {till, \"1.0\"}, [shop]}.\n"
	makes  = `-- Makefile --
PROJECT = shop
PROJECT_VERSION = 0.9
DEPS = cowboy \
  own # and so on
DEPS += jsx
dep_own = git git@forge.example:own.git main
dep_jsx = hex 3.1.0
REL_DEPS = relx
include erlang.mk
`
)

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name, tree string
		want       []string
	}{
		{"today's", today + shop + makes + "-- apps/a/c_src/a.c --\n", []string{
			"project: erlang.mk: erlang.mk found", "release: shop: the one that relx.config declares first", "erts: the toolchain's: relx.config says nothing of include_erts: dram adds {include_erts, true}", "version: 1.0: relx.config",
			"needs a C compiler and make: erlang.mk", "needs git: the git dependency cowboy", "needs git: the git dependency own",
			"needs ssh: the git dependency own (forge.example:own.git)", "needs git: the git dependency relx",
			"fetch: make fetch-deps fetch-rel-deps, with the network: dependencies: cowboy, own, jsx, relx",
			"note: erlang.mk locks nothing: name a commit or a tag for each dependency, or builds may differ",
			"native code: compiled in the toolchain: apps/a/c_src/",
		}},
		{"one that downloads relx", older + shop + "-- Makefile --\nPROJECT = $(shell pwd)\ninclude erlang.mk\n", []string{
			"project: erlang.mk: erlang.mk found", "release: shop: the one that relx.config declares first", "erts: the toolchain's: relx.config says nothing of include_erts: dram adds {include_erts, true}", "version: 1.0: relx.config",
			"needs a C compiler and make: erlang.mk", "fetch: make deps /app/.erlang.mk/relx RELX=/app/.erlang.mk/relx, with the network: what make computes, and relx",
		}},
		{"all in directories", today + shop + "-- Makefile --\nDEPS = a\nREL_DEPS = relx\ndep_a = cp $(CURDIR)/vendor/a\ndep_relx = ln vendor/relx\n", []string{
			"project: erlang.mk: erlang.mk found", "release: shop: the one that relx.config declares first", "erts: the toolchain's: relx.config says nothing of include_erts: dram adds {include_erts, true}", "version: 1.0: relx.config",
			"needs a C compiler and make: erlang.mk", "fetch: no: no dependency comes over the network",
		}},
		{"a configuration of its own, and both ways to relx", "-- erlang.mk --\nRELX_URL ?= x\nrel-deps:\nfetch-rel-deps: x\n-- rel/local/relx.config --\n{release, {shop, \"2\"}, [shop]}. {include_erts, true}.\n" +
			"-- Makefile --\nPROJECT = $(NAME)-x\nNAME = $(NAME)\nrelease ?= local\nRELX_CONFIG = $(CURDIR)/rel/$(release)/relx.config\n", []string{
			"project: erlang.mk: erlang.mk found", "release: shop: the one that rel/local/relx.config declares first", "version: 2: rel/local/relx.config",
			"needs a C compiler and make: erlang.mk", "fetch: make fetch-deps fetch-rel-deps /app/.erlang.mk/relx RELX=/app/.erlang.mk/relx, with the network: what make computes, and relx",
		}},
		{"dependencies that are computed", middle + shop + "-- Makefile --\nDEPS = $(ALL)\n", []string{
			"project: erlang.mk: erlang.mk found", "release: shop: the one that relx.config declares first", "erts: the toolchain's: relx.config says nothing of include_erts: dram adds {include_erts, true}", "version: 1.0: relx.config",
			"needs a C compiler and make: erlang.mk", "fetch: make deps rel-deps, with the network: what make computes, and relx",
		}},
	} {
		n, b, _, err := plan(t, c.tree, "")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, n.Lines); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if f := b.(*build).project.facts; strings.HasPrefix(c.name, "today") != (f.App == "shop" && f.Version == "0.9") {
			t.Errorf("%s: application %q %q", c.name, f.App, f.Version)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name, tree, release string
		code                int
		says, hint          string
	}{
		{"a library", today + makes, "", 2, "there is no relx.config that declares a release", "bootstrap-rel"},
		{"terms that are none", today + makes + "-- relx.config --\n{release\n", "", 4, "reading relx.config: ", "mend the file there"},
		{"another release", today + makes + shop, "till", 2, `erlang.mk makes the first release of relx.config, which is not "till"`, "choose shop"},
		{"a script, and no name", today + makes + "-- relx.config.script --\n", "", 2, "relx.config.script computes the release", "--release NAME"},
		{"no relx", today + shop + "-- Makefile --\nDEPS = cowboy\n", "", 2, "the Makefile names no relx among its dependencies", "REL_DEPS = relx"},
		{"an old one without relx", "-- erlang.mk --\nall:\n" + shop + "-- Makefile --\nDEPS = cowboy\nrelease:\n\trelx\n", "", 2, "this erlang.mk knows nothing of releases", "REL_DEPS = relx"},
		{"a configuration that is computed", today + "-- Makefile --\nRELX_CONFIG = $(shell pwd)/x\n", "", 2, "there is no relx.config", "bootstrap-rel"},
		{"a configuration outside", today + "-- Makefile --\nRELX_CONFIG = $(CURDIR)/../relx.config\n", "", 2, "there is no relx.config", "bootstrap-rel"},
		{"links", today + makes + "-- relx.config --\n{release, {shop, \"1\"}, [shop]}. {dev_mode, true}.\n", "", 2, "relx is told {dev_mode, true}: the release would be links", "set {mode, prod}"},
		{"a place of its own", today + makes + "-- relx.config --\n{release, {shop, \"1\"}, [shop]}. {output_dir, \"/srv\"}.\n", "", 2, `relx.config sets output_dir "/srv"`, "leave it out"},
	} {
		_, _, _, err := plan(t, c.tree, c.release)
		if err == nil || problem.Code(err) != c.code || !strings.Contains(err.Error(), c.says) || !strings.Contains(problem.Hint(err), c.hint) {
			t.Errorf("%s: code %d: %v\nhint: %s", c.name, problem.Code(err), err, problem.Hint(err))
		}
	}
}

// A library that has files for both is not erlang.mk's alone.
func TestBesideOthers(t *testing.T) {
	for tree, want := range map[string]bool{
		today + "-- rebar.config --\n": false, today + "-- mix.exs --\n": false, today + "-- rebar.config --\n" + shop: true, today: true, "-- Makefile --\n": false,
	} {
		if _, b, _, err := plan(t, tree, "shop"); (b != nil || err != nil) != want {
			t.Errorf("%q: a project of erlang.mk: %v", tree, !want)
		}
	}
}

func TestJob(t *testing.T) {
	_, b, r, err := plan(t, today+shop+makes+"-- config/vm.args --\n", "shop")
	if err != nil || r.Name != "shop" || r.Version != "1.0" || !r.Cookie {
		t.Fatalf("%+v, %v", r, err)
	}
	src := &source.Tree{Files: []source.File{{Path: "Makefile"}, {Path: "apps/a/Makefile"}, {Path: "erlang.mk"}, {Path: "plugins.mk"}, {Path: "relx.config"}, {Path: "src/a.erl"}}}
	job := b.Job(tool.Circumstances{Source: src, Environ: []string{"http_proxy=p", "TOKEN=x"}})
	var got []string
	for _, s := range job.Steps {
		got = append(got, fmt.Sprintf("%s: %s network %v needs %v with %v", s.Name, strings.Join(s.Argv, " "), s.Network, s.Needs, s.Secrets))
	}
	want := []string{
		"fetch: make fetch-deps fetch-rel-deps network true needs [Makefile apps/a/Makefile erlang.mk plugins.mk relx.config] with [http_proxy=p]",
		"configuration: sh -c mkdir -p \"${2%/*}\" && { [ ! -f \"$1\" ] || cat \"$1\"; echo; echo '{include_erts, true}.'; } > \"$2\" configuration relx.config /app/.erlang.mk/project.config network false needs [] with []",
		"name: sh -c mkdir -p \"$1\" && ln -sfn \"$2\" \"$1/$3\" name /app/.erlang.mk/project /app shop network false needs [] with []",
		"clear: rm -rf /app/_rel/shop network false needs [] with []",
		"release: make rel RELX_OUTPUT_DIR=_rel RELX_CONFIG=/app/.erlang.mk/project.config RELX_TAR=0 network false needs [] with []",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if env := job.Steps[4].Env; len(env) != 1 || env[0] != "ERL_LIBS=/app/.erlang.mk/project" {
		t.Errorf("the release is made with %q", env)
	}
	if job.Export != "/app/_rel/shop" || job.Steps[0].InputDigest != "" {
		t.Errorf("export %s; what nothing locks is believed: %q", job.Export, job.Steps[0].InputDigest)
	}
}

// What erlang.mk copies, it copies once: where nothing is fetched the copies of an
// earlier build go, and otherwise what is copied counts for what is fetched.
func TestCopiedDependencies(t *testing.T) {
	const vendored = "-- Makefile --\nPROJECT = shop\nDEPS = a .. b$(X)\ndep_a = cp $(CURDIR)/vendor/a\ndep_.. = cp x\nREL_DEPS = relx\ndep_relx = ln vendor/relx\n"
	src := &source.Tree{Files: []source.File{{Path: "Makefile"}, {Path: "vendor/a/ebin/a.app"}, {Path: "vendor/ab/x"}, {Path: "vendor/relx/src/relx.erl"}}}
	for name, tt := range map[string]struct{ makefile, step, argv, needs string }{
		"nothing is fetched":   {strings.Replace(vendored, " b$(X)", "", 1), "copied", "rm -rf /app/deps/a /app/.erlang.mk/dep_built/a /app/deps/relx /app/.erlang.mk/dep_built/relx", ""},
		"another is fetched":   {vendored + "DEPS += cowboy\n", "fetch", "make fetch-deps fetch-rel-deps", "Makefile vendor/a/ebin/a.app vendor/relx/src/relx.erl"},
		"make computes others": {vendored, "fetch", "make fetch-deps fetch-rel-deps", "Makefile vendor/a/ebin/a.app vendor/relx/src/relx.erl"},
	} {
		_, b, _, err := plan(t, today+shop+tt.makefile, "shop")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		steps := b.Job(tool.Circumstances{Source: src}).Steps
		i := slices.IndexFunc(steps, func(s engine.Step) bool { return s.Name == tt.step })
		if i < 0 || strings.Join(steps[i].Argv, " ") != tt.argv || strings.Join(steps[i].Needs, " ") != tt.needs {
			t.Errorf("%s: no step %q with %q that needs %q in %+v", name, tt.step, tt.argv, tt.needs, steps)
		}
		if other := slices.ContainsFunc(steps, func(s engine.Step) bool { return s.Name == "copied" }); other != (tt.step == "copied") {
			t.Errorf("%s: copies are removed: %t", name, other)
		}
	}
}

// Variables that name one another many times over grow within a bound.
func TestExpandIsBounded(t *testing.T) {
	text := "PROJECT = " + strings.Repeat("$(A)", 1000) + "\nA = " + strings.Repeat("$(B)", 1000) + "\nB = " + strings.Repeat("x", 4000) +
		"\nC = " + strings.Repeat("$(D)", 200_000) + "\nD = " + strings.Repeat("y", 500_000) + "\n"
	v := assignments(text)
	for _, name := range []string{"PROJECT", "C"} {
		if got := len(v.expand(v[name])); got > 5<<20 {
			t.Errorf("%s has %d bytes", name, got)
		}
	}
}

func FuzzMakefile(f *testing.F) {
	f.Add("PROJECT = a\nDEPS = b \\\n c\ndep_b = git x y\n")
	f.Fuzz(func(t *testing.T, text string) {
		p := &Project{facts: &project.Project{}}
		p.variables(assignments(text))
		if strings.ContainsAny(p.facts.App+p.facts.Version, "$ \t\n") || len(p.sources) != len(p.remote) {
			t.Errorf("%q: %+v", text, p)
		}
	})
}
