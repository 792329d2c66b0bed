package rebar3

import (
	"fmt"
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

// plan reads and plans the project in a tree of files, with settings as flags:
// "release=web".
func plan(t *testing.T, tree string, flags ...string) (*tooltest.Plan, tool.Build, tool.Release, error) {
	t.Helper()
	n, p, err := tooltest.Read(t, Tool{}, tree, flags...)
	if err != nil {
		return n, nil, tool.Release{}, err
	}
	b, err := p.Plan(n)
	if err != nil {
		return n, nil, tool.Release{}, err
	}
	r, err := b.Release()
	if err == nil {
		_, err = b.Work("with the network")
	}
	return n, b, r, err
}

const (
	one = "-- rebar.config --\n{relx, [{release, {web, \"1.2.3\"}, [web]}%s]}.\n%s\n"
	web = "-- src/web.app.src --\n{application, web, [{vsn, \"1.2.0\"}]}.\n"
)

func project1(relx, more string) string { return fmt.Sprintf(one, relx, more) }

var plans = []struct {
	name, tree string
	flags      []string
	want       []string
}{
	{"the smallest", project1("", "") + web, nil, []string{
		"project: rebar3: rebar.config found", "profile: prod: default", "release: web: the only one that relx is told of", "version: 1.2.3: rebar.config",
		"fetch: no: no dependency and no plugin comes over the network",
	}},
	{"an umbrella with everything", "-- rebar.config --\n" + `
{deps, [cowboy, {jose, "1.11.1"}, {lager, {git, "https://example.com/lager", {tag, "3.9"}}}, {mine, {git, "x", {branch, "main"}}}]}.
{plugins, [{pc, "1.15.0"}]}. {project_plugins, [rebar3_hex]}.
{relx, [{release, {web, git}, [web]}, {release, {jobs, "2"}, [jobs]}, {dev_mode, true}, {vm_args, "config/vm.args"}]}.
{profiles, [{prod, [{relx, [{mode, prod}, {dev_mode, false}]}, {deps, [recon]}]}]}.
-- apps/web/src/web.app.src --
{application, web, [{vsn, git}]}.
-- apps/web/rebar.config --
{pre_hooks, [{"linux", compile, "cd c_src && cmake . && make"}]}. {deps, [jsx]}.
-- apps/jobs/src/jobs.app.src.script --
-- _checkouts/mine/src/mine.app.src --
-- _checkouts/mine/rebar.config --
{deps, [jsx, base32]}. {project_plugins, [rebar3_proper]}. {pre_hooks, [{compile, "cargo build"}]}.
`, []string{"release=web"}, []string{
		"project: rebar3: rebar.config found, with the applications jobs, web", "profile: prod: default", "release: web: default", "version: known after the build: git tells it",
		`note: git tells the version of release web, and the build sees no .git, so that it would be "0.0.0": write the version down, or let .git in by a .dockerignore that does not exclude it`,
		`note: git tells the version of web, and the build sees no .git, so that it would be "0": write the version down, or let .git in by a .dockerignore that does not exclude it`,
		"fetch: rebar3 get-deps, with the network: dependencies and plugins: cowboy, jose, lager, pc, jsx, base32 and 2 more",
		"note: there is no rebar.lock: run `rebar3 get-deps` and commit it, or builds may differ",
		`native code: compiled in the toolchain: _checkouts/mine/rebar.config: hook "cargo build", apps/web/rebar.config: hook "cd c_src && cmake . && make", rebar.config: plugin pc`,
		"needs git: the git dependency lager", "needs a C compiler and make: rebar.config: plugin pc",
		`needs cmake: apps/web/rebar.config: hook "cd c_src && cmake . && make"`, `needs a C compiler and make: apps/web/rebar.config: hook "cd c_src && cmake . && make"`,
		`needs cargo: _checkouts/mine/rebar.config: hook "cargo build"`,
	}},
	{"git that is there", "-- .git/HEAD --\nref\n-- .dockerignore --\n_build\n-- rebar.config --\n{relx, [{release, {web, semver}, [web]}]}.\n", nil, []string{
		"project: rebar3: rebar.config found", "profile: prod: default", "release: web: the only one that relx is told of", "version: known after the build: git tells it",
		"fetch: no: no dependency and no plugin comes over the network",
	}},
	{"a script", "-- rebar.config.script --\nos:cmd(\"exit\").\n", []string{"release=web", "release-env=staging"}, []string{
		"project: rebar3: rebar.config.script found", "note: rebar.config.script changes what rebar.config says: what it computes, only the build knows",
		"profile: staging: default", "release: web: default", "version: known after the build: a script tells it",
		"fetch: rebar3 get-deps, with the network: rebar.config.script computes what there is",
	}},
	{"relx.config, and no Erlang", "-- rebar.config --\n{erl_opts, []}.\n-- relx.config --\n{release, {web, \"1\"}, [web]}.\n{include_erts, false}. {extended_start_script, false}.\n", []string{"release-env=default"}, []string{
		"project: rebar3: rebar.config found", "profile: default: default", "release: web: the only one that relx is told of",
		"note: include_erts is false: the release brings no Erlang, and no image can be made of it",
		"note: extended_start_script is false: bin/web has none of the commands foreground, ping, rpc, eval or remote_console; an image tells it -noinput",
		"version: 1: rebar.config", "fetch: no: no dependency and no plugin comes over the network",
	}},
	{"a place of its own, and another Erlang", project1(`, {output_dir, "out"}, {include_erts, "vendor/erlang"}, {generate_start_script, false}`, ""), nil, []string{
		"project: rebar3: rebar.config found", "profile: prod: default", "release: web: the only one that relx is told of",
		`note: include_erts is "vendor/erlang": the release brings that Erlang, and not the toolchain's`,
		"note: generate_start_script is false: the release has no start script, and an image starts by one",
		"output_dir: out: rebar.config says so; dram takes the release from there",
		"version: 1.2.3: rebar.config", "fetch: no: no dependency and no plugin comes over the network",
	}},
	{"a start script of its own, and a version that a script computes", "-- rebar.config.script --\n" +
		"-- rebar.config --\n{relx, [{release, {web, \"the version comes from VERSION\"}, [web]}, {include_erts, true}, {generate_start_script, false}, " +
		"{overlay, [{template, \"files/runner\", \"bin/web\"}]}]}.\n", nil, []string{
		"project: rebar3: rebar.config found", "note: rebar.config.script changes what rebar.config says: what it computes, only the build knows",
		"profile: prod: default", "release: web: the only one that relx is told of",
		"start script: bin/web: an overlay of rebar.config puts the project's own there; an image tells it foreground, if it has that command, or else start",
		"version: known after the build: a script tells it", "fetch: rebar3 get-deps, with the network: rebar.config.script computes what there is",
	}},
	{"what a lock has that is compiled", project1("", "{deps, [{jiffy, \"1\"}, cowboy]}.") + "-- rebar.lock --\n" +
		`{"1.2.0",[{<<"rocksdb">>,{pkg,<<"rocksdb">>,<<"1.8.0">>},1},{<<"jiffy">>,{pkg,<<"jiffy">>,<<"1.1.1">>},0}]}. [{pkg_hash,[]}].` + "\n", nil, []string{
		"project: rebar3: rebar.config found", "profile: prod: default", "release: web: the only one that relx is told of", "version: 1.2.3: rebar.config",
		"fetch: rebar3 get-deps, with the network: dependencies and plugins: jiffy, cowboy",
		"needs a C compiler and make: jiffy", "needs a C compiler and make: rocksdb", "needs cmake: rocksdb",
	}},
	{"what hooks call, here and for release", "-- rebar.config --\n{relx, [{release, {web, \"1\"}, [web]}, {include_erts, true}]}. {plugins, [rebar3_grisp, {rebar3_rustler, \"1\"}]}.\n" +
		`{pre_hooks, [{clean, "cargo clean"}, {"(win32|darwin)", compile, "gmake x"}, {"(linux", compile, "zig build"}, {compile, "rm -rf _build/cmake"},` +
		` {compile, "bash -c 'CC=x make -C ${REBAR_ROOT_DIR}/native all'"}, {compile, "echo $(git rev-parse HEAD) > VERSION"}]}.` + "\n" +
		"-- native/Makefile --\nGIT = git clone\nall:\n\t@mkdir -p x && cmake .\n\tcd wamr && git clone https://example.com/wamr\n\techo curl\n", nil, []string{
		"project: rebar3: rebar.config found", "profile: prod: default", "release: web: the only one that relx is told of", "version: 1: rebar.config",
		"fetch: rebar3 get-deps, with the network: dependencies and plugins: rebar3_grisp, rebar3_rustler",
		`native code: compiled in the toolchain: rebar.config: hook "bash -c 'CC=x make -C ${REBAR_ROOT_DIR}/native all'", rebar.config: hook "zig build", rebar.config: plugin rebar3_rustler`,
		`needs zig: rebar.config: hook "zig build"`, `needs a C compiler and make: rebar.config: hook "bash -c 'CC=x make -C ${REBAR_ROOT_DIR}/native all'"`, "needs cmake: native/Makefile",
		"needs cargo: rebar.config: plugin rebar3_rustler",
		"note: a hook of rebar.config asks git, and the build sees no .git: let it in by a .dockerignore that does not exclude it",
		"note: native/Makefile, which a hook of rebar.config calls, calls git, and compiling has no network; where that has to be, --build-network host gives it one",
		"note: rebar3_rustler has cargo download what its code is made of, and compiling has no network; where that has to be, --build-network host gives it one",
		"note: this is firmware for boards of GRiSP, which `rebar3 grisp deploy` makes with an Erlang for these: what dram makes is a release for Linux",
	}},
	{"applications by their names, and in a profile", project1(", {include_erts, true}", `{project_app_dirs, ["apps/web", "services/*", "../x"]}. {profiles, [{prod, [{project_app_dirs, ["apps/jobs"]}]}, {lab, [{project_app_dirs, ["apps/lab"]}]}]}.`) +
		"-- apps/web/src/web.app.src --\n-- apps/jobs/src/jobs.app.src --\n-- apps/lab/src/lab.app.src --\n-- apps/lab/c_src/a.c --\n-- services/mail/src/mail.app.src --\n", nil, []string{
		"project: rebar3: rebar.config found, with the applications jobs, mail, web", "profile: prod: default", "release: web: the only one that relx is told of",
		"version: 1.2.3: rebar.config", "fetch: no: no dependency and no plugin comes over the network",
	}},
	{"appups", project1("", "") + web + "-- src/web.appup.src --\n", nil, []string{
		"project: rebar3: rebar.config found", "profile: prod: default", "release: web: the only one that relx is told of", "version: 1.2.3: rebar.config",
		"note: there are appups of web, and no relup is made of them: --upgrade-from names the tarball of the earlier release, in the project",
		"fetch: no: no dependency and no plugin comes over the network",
	}},
	{"profiles without prod", project1(", {include_erts, true}", "{profiles, [{rel, [{relx, [{overlay_vars, \"v\"}]}]}, {test, [{relx, []}]}, {deb, [{deps, []}]}]}."), nil, []string{
		"project: rebar3: rebar.config found", "profile: prod: default", "release: web: the only one that relx is told of",
		"note: rebar.config has no profile prod, and tells relx more in rel: choose one with --release-env NAME",
		"version: 1.2.3: rebar.config", "fetch: no: no dependency and no plugin comes over the network",
	}},
}

func TestPlan(t *testing.T) {
	for _, c := range plans {
		n, _, _, err := plan(t, c.tree, c.flags...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, n.Lines); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// What a project says of Erlang is asked of the toolchain, or offered where only rebar 2
// asked for it.
func TestAsksForErlang(t *testing.T) {
	for more, want := range map[string][2]string{
		"": {}, `{minimum_otp_vsn, "28.1"}.`: {"28.1", ""}, `{minimum_otp_vsn, "2[0-9]"}.`: {}, `{require_otp_vsn, "26.2.5.21"}.`: {"", "26.2.5.21"}, `{require_otp_vsn, "R16|17"}.`: {},
	} {
		_, b, _, err := plan(t, project1("", more))
		if err != nil {
			t.Fatal(err)
		}
		least, offered := b.Elixir().Least, ""
		for _, o := range b.(*build).Project.facts.Offers {
			offered = o.Erlang
		}
		if least.Version != want[0] || offered != want[1] || least.Version != "" && least.File != File {
			t.Errorf("%s: at least %+v, offered %q", more, least, offered)
		}
	}
	n, b, _, err := plan(t, project1("", "{plugins, [rebar_mix]}."))
	if err != nil || b.Elixir().Image("27") != "erlang:27" {
		t.Fatal(err)
	}
	if last := n.Lines[len(n.Lines)-1]; !strings.HasPrefix(last, "note: the plugin rebar_mix compiles Elixir, which images of Erlang alone do not have") {
		t.Errorf("nobody says that Elixir is missing: %s", last)
	}
}

// A cookie that the project's own files hold stays in the tarball; the one that relx
// makes of the release's name does not.
func TestCookieIsDeclared(t *testing.T) {
	for tree, want := range map[string]bool{
		project1("", "") + web: false, project1("", "") + "-- config/vm.args --\n": true, project1("", "") + "-- config/vm.args.src --\n": true,
		project1(`, {vm_args, "a"}`, ""): true, project1(", {vm_args, false}", ""): false,
	} {
		if _, _, r, err := plan(t, tree); err != nil || r.Cookie != want {
			t.Errorf("%s: declares a cookie: %v, %v", tree, r.Cookie, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name, tree string
		flags      []string
		code       int
		says, hint string
	}{
		{"no Erlang terms", "-- rebar.config --\n{relx, [\n", nil, 4, "reading rebar.config: malformed: line 2: ", "mend the file there; rebar3 would fail on it too"},
		{"an application's", project1("", "") + "-- apps/a/src/a.app.src --\n-- apps/a/rebar.config --\n{a\n", nil, 4, "reading apps/a/rebar.config: ", "mend the file"},
		{"a name that is not declared", project1("", ""), []string{"release=shop"}, 2, `the project has no release "shop"`, "choose one of: web"},
		{"a name that is like one", project1(`, {release, {jobs, "1"}, [jobs]}`, ""), []string{"release=job"}, 2, `the project has no release "job"`, "did you mean jobs? Or choose one of: web, jobs"},
		{"a name that is like none", project1(`, {release, {jobs, "1"}, [jobs]}`, ""), []string{"release=kitchen"}, 2, `the project has no release "kitchen"`, "choose one of: web, jobs"},
		{"a name where none is declared", "-- rebar.config --\n{deps, []}.\n" + web, []string{"release=web"}, 2, "rebar.config declares no release", "{relx, "},
		{"several", project1(`, {release, {jobs, "1"}, [jobs]}`, ""), nil, 2, "rebar.config declares several releases: web, jobs", "choose one with --release NAME"},
		{"a profile that is not there", project1("", "{profiles, [{staging, []}]}."), []string{"release-env=stagin"}, 2, `rebar.config has no profile "stagin"`, "did you mean staging? Or choose one of: staging, default, prod"},
		{"a script, and no name", "-- rebar.config.script --\n", nil, 2, "rebar.config.script computes the releases", "name it with --release NAME"},
		{"a script, and an escript", "-- rebar.config --\n{escript_main_app, web}.\n-- rebar.config.script --\n" + web, nil, 2, "rebar.config.script computes the releases", "have the escript made: --tool escript"},
		{"a library", "-- rebar.config --\n{deps, []}.\n" + web, nil, 2, "rebar.config declares no release: as it stands, the project is a library", `{relx, [{release, {web, "0.1.0"}, [web, sasl]}, {mode, prod}]}.`},
		{"an escript", "-- rebar.config --\n{escript_main_app, web}.\n" + web, nil, 2, "the project is an escript (--tool escript)", "declare one in rebar.config"},
		{"rebar 2", "-- rebar.config --\n{deps, []}.\n-- rel/reltool.config --\n", nil, 2, "rebar.config declares no release, and rel/reltool.config does", "releases of reltool are made by rebar 2"},
		{"rebar 2, with a script", "-- rebar.config.script --\n-- rel/reltool.config --\n", nil, 2, "rel/reltool.config does", "made by rebar 2"},
		{"rebar 2, several releases", "-- rebar.config --\n{deps, []}.\n-- rel/gateway/reltool.config.in --\n", nil, 2, "rel/gateway/reltool.config.in does", "made by rebar 2"},
		{"dev mode", project1(", {dev_mode, true}", ""), nil, 2, "relx is told {dev_mode, true} in profile prod: the release would be links", "add to rebar.config {profiles, [{prod, [{relx, [{mode, prod}]}]}]}"},
		{
			"mode dev, but in other profiles", project1(", {mode, dev}", "{profiles, [{prod, []}, {test, [{relx, [{mode, prod}]}]}, {deb, [{relx, [{mode, prod}]}]}, {rpm, [{relx, [{dev_mode, false}, {mode, minimal}]}]}]}."),
			nil, 2, "relx is told {mode, dev} in profile prod", "set {mode, prod} in the profile prod, or choose a profile without it: --release-env deb, --release-env rpm",
		},
		{"rebar 2, elsewhere", "-- rebar.config --\n{sub_dirs, [\"../x\", \"release\"]}.\n-- release/reltool.config --\n", nil, 2, "and release/reltool.config does", "made by rebar 2"},
		{"an Erlang outside", project1(`, {include_erts, "../erlang"}`, ""), nil, 2, `include_erts of release "web" is "../erlang"`, "set {include_erts, true}"},
		{"an Erlang elsewhere", project1(`, {include_erts, "/opt/erlang"}`, ""), nil, 2, `"/opt/erlang": the build sees only the project and the toolchain`, "set {include_erts, true}"},
		{"an overlay from outside", project1(`, {overlay, [{copy, "../secret", "a"}]}`, ""), nil, 2, `overlay {copy, "../secret", "a"} of rebar.config takes from outside of the project`, "keep the file in the project"},
		{"an overlay that leaves", project1(`, {overlay, [{copy, "a", "lib/../../b"}]}`, ""), nil, 2, `overlay {copy, "a", "lib/../../b"} of rebar.config leaves the release`, "name a place in the release"},
		{"an overlay to /etc", project1(`, {overlay, [{mkdir, "/etc/x"}]}`, ""), nil, 2, `overlay {mkdir, "/etc/x"} of rebar.config leaves the release`, "name a place"},
		{"a place outside", project1(`, {output_dir, "../out"}`, ""), nil, 2, `output_dir "../out" of rebar.config is not a directory of its own inside the project`, "leave it out"},
		{"a name that is none", "-- rebar.config --\n{relx, [{release, {'../x', \"1\"}, [web]}]}.\n", nil, 2, "the release's name: ", tool.NameHint},
	} {
		_, _, _, err := plan(t, c.tree, c.flags...)
		if err == nil || problem.Code(err) != c.code || !strings.Contains(err.Error(), c.says) || !strings.Contains(problem.Hint(err), c.hint) {
			t.Errorf("%s: code %d: %v\nhint: %s", c.name, problem.Code(err), err, problem.Hint(err))
		}
	}
}

func TestReleases(t *testing.T) {
	read := func(tree string) ([]string, error) {
		d, err := project.Open(tooltest.Tree(t, tree))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		p, err := Tool{}.Read(d)
		if err != nil {
			t.Fatal(err)
		}
		return p.Releases()
	}
	got, err := read(project1("", `{profiles, [{prod, [{relx, [{release, {jobs, "1"}, [jobs]}]}]}, {x, [{relx, [{release, {tools, "1"}, []}]}]}]}.`))
	if err != nil || strings.Join(got, " ") != "web jobs tools" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := read(project1("", "") + "-- rebar.config.script --\n"); problem.Code(err) != 2 {
		t.Errorf("a script computes them: %v", err)
	}
}

// files is a source of these, whose digests are their names'.
func files(names ...string) *source.Tree {
	t := &source.Tree{}
	for _, n := range names {
		t.Files = append(t.Files, source.File{Path: n, Digest: "sha256:1"})
	}
	return t
}

// picture is a job's steps, a line each.
func picture(job tool.Job) string {
	var b strings.Builder
	for _, s := range job.Steps {
		fmt.Fprintf(&b, "%s: %s", s.Name, strings.Join(append(append([]string{}, s.Env...), s.Command()), " "))
		for _, says := range []struct {
			so   bool
			text string
		}{{s.Network, " network"}, {s.InputDigest != "", " once"}, {s.Optional, " optional"}, {s.Lock != "", " locks " + s.Lock}, {s.Needs != nil, fmt.Sprintf(" needs %v", s.Needs)}, {len(s.Secrets) > 0, fmt.Sprintf(" with %v", s.Secrets)}} {
			if says.so {
				b.WriteString(says.text)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestJob(t *testing.T) {
	const locked = "{deps, [cowboy]}. {profiles, [{prod, [{deps, [recon]}]}]}."
	src := files("VERSION", "apps/a/rebar.config", "apps/a/src/a.app.src", "apps/a/src/a.erl", "rebar.config", "rebar.lock", "rebar3")
	needs := " needs [apps/a/rebar.config apps/a/src/a.app.src rebar.config rebar.lock]"
	offline := tool.Toolchain{Rebar3: "/usr/bin/rebar3"}
	for _, c := range []struct {
		name, tree string
		with       tool.Circumstances
		want       string
	}{
		{"nothing to fetch", project1("", ""), tool.Circumstances{Source: src, Toolchain: offline}, `clear: rm -rf /app/_build/prod/rel/web
release: REBAR_OFFLINE=1 rebar3 as prod release -n web
`},
		{
			"dependencies", project1("", locked) + "-- rebar.lock --\n[].\n",
			tool.Circumstances{Source: src, Toolchain: offline, Environ: []string{"HEX_CDN=http://m", "HEX_HOME=/home/x", "PATH=/bin", "https_proxy=p"}},
			"fetch: sh -c … fetch hexpm 300 rebar3 get-deps network once locks rebar.lock" + needs + " with [https_proxy=p HEX_CDN=http://m]\n" +
				"fetch for prod: sh -c … fetch hexpm 300 rebar3 as prod get-deps network once" + needs + " with [https_proxy=p HEX_CDN=http://m]\n" +
				"dependencies: REBAR_OFFLINE=1 rebar3 as prod compile --deps_only once optional" + needs + "\n" +
				"clear: rm -rf /app/_build/prod/rel/web\nrelease: REBAR_OFFLINE=1 rebar3 as prod release -n web\n",
		},
		{
			"plugins, and the project's own rebar3", project1(`, {output_dir, "out"}`, "{plugins, [pc]}.") + "-- rebar3 --\n",
			tool.Circumstances{Source: src, Network: true},
			"fetch: sh -c … fetch hexpm 300 ./rebar3 get-deps network once needs [apps/a/rebar.config apps/a/src/a.app.src rebar.config rebar.lock rebar3]\n" +
				"clear: rm -rf /app/out/web\nrelease: ./rebar3 as prod release -n web network\n" +
				"collect: sh -c rm -rf \"$2\" && mkdir -p \"${2%/*}\" && mv \"$1\" \"$2\" collect /app/out/web /app/_build/prod/rel/web\n",
		},
		{
			"a script, which may read what lies beside it", project1("", "") + "-- rebar.config.script --\n",
			tool.Circumstances{Source: src, Toolchain: offline},
			"fetch: sh -c … fetch hexpm 300 rebar3 get-deps network once needs [VERSION apps/a/rebar.config apps/a/src/a.app.src rebar.config rebar.lock rebar3]\n" +
				"fetch for prod: sh -c … fetch hexpm 300 rebar3 as prod get-deps network once needs [VERSION apps/a/rebar.config apps/a/src/a.app.src rebar.config rebar.lock rebar3]\n" +
				"clear: rm -rf /app/_build/prod/rel/web\nrelease: REBAR_OFFLINE=1 rebar3 as prod release -n web\n",
		},
	} {
		_, b, _, err := plan(t, c.tree)
		if err != nil {
			t.Fatal(err)
		}
		job := b.Job(c.with)
		if diff := cmp.Diff(c.want, picture(job)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if job.Export != "/app/_build/prod/rel/web" {
			t.Errorf("%s: export %s", c.name, job.Export)
		}
	}
	_, b, _, err := plan(t, project1("", locked))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range b.Job(tool.Circumstances{Source: src, Toolchain: offline}).Steps {
		if s.Name == "fetch" && s.InputDigest != "" {
			t.Error("without a lock, what was fetched is believed")
		}
		if s.Name == engine.StepRelease && strings.Join(s.Packing, " ") != "rebar3 as prod tar -n web" {
			t.Errorf("packing: %q", s.Packing)
		}
	}
}

func FuzzReadProject(f *testing.F) {
	f.Add(project1("", "{deps, [a, {b, \"1\"}, {c, {git, \"x\", {tag, \"1\"}}}]}.")[len("-- rebar.config --\n"):], "{application, web, [{vsn, git}]}.")
	f.Add("{profiles, [{prod, x}, 1]}. {pre_hooks, [{}]}. {plugins, {}}. {deps, [{}, {1}, {a, {}}]}.", "{application, web, [{vsn, {cmd, \"x\"}}]}.")
	f.Fuzz(func(t *testing.T, text, app string) {
		if strings.Contains(text+app, "-- ") {
			return // of txtar, in which the files come
		}
		n, _, r, err := plan(t, "-- rebar.config --\n"+text+"\n-- src/web.app.src --\n"+app+"\n")
		if err == nil && (r.Name == "" || strings.ContainsAny(r.Name, "/\x00\n")) {
			t.Errorf("release %q of %q: %q", r.Name, text, n.Lines)
		}
	})
}
