package attack

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What dram reads of a project may be anything: a pipe that nobody writes to, a
// socket, a device without an end, a link to where dram has no business. It
// neither waits, nor fills the memory, nor tells what is elsewhere.
func TestReads(t *testing.T) {
	build := []string{"plan $PROJECT --toolchain $TOY", "build $PROJECT --toolchain $TOY"}
	instead := func(name string, lay func(w *world, name string)) func(w *world) {
		return func(w *world) {
			w.must(os.RemoveAll(filepath.Join(w.project, name)))
			lay(w, name)
		}
	}
	pipe := func(w *world, name string) { w.pipe(name) }
	zero := func(w *world, name string) { w.link("/dev/zero", name) }
	away := func(w *world, name string) { w.link("$OUT/secret", name) }
	dir := func(w *world, name string) { w.must(os.MkdirAll(filepath.Join(w.project, name), 0o755)) }
	itself := func(w *world, name string) { w.link(filepath.Base(name), name) }
	large := func(w *world, name string) {
		dir(w, filepath.Dir(name))
		w.must(errors.Join(os.WriteFile(filepath.Join(w.project, name), nil, 0o644), os.Truncate(filepath.Join(w.project, name), 1<<40)))
	}
	try(t, []attack{
		{name: "a pipe for dram.toml is waited for", files: hello(), lay: instead("dram.toml", pipe), each: build, code: 2, says: []string{"dram.toml", "named pipe"}},
		{name: "a device for dram.toml is read", files: hello(), lay: instead("dram.toml", zero), each: build, code: 2, says: []string{"dram.toml"}},
		{name: "dram.toml tells a file outside", files: hello(), lay: instead("dram.toml", away), each: build, code: 2, says: []string{"dram.toml"}, hush: []string{"a secret"}},
		{name: "a directory for dram.toml counts as none", files: hello(), lay: instead("dram.toml", dir), each: build, code: 2, says: []string{"dram.toml", "directory"}},
		{name: "a link to itself for dram.toml counts as none", files: hello(), lay: instead("dram.toml", itself), each: build, code: 2, says: []string{"dram.toml"}},
		{name: "a terabyte for dram.toml fills the memory", files: hello(), lay: instead("dram.toml", large), each: build, code: 2, says: []string{"dram.toml"}},

		{name: "a pipe for .dockerignore is waited for", files: hello(), lay: instead(".dockerignore", pipe), each: build[1:], code: 2, says: []string{".dockerignore"}},
		{name: "a device for .dockerignore is read", files: hello(), lay: instead(".dockerignore", zero), each: build[1:], code: 2, says: []string{".dockerignore"}},
		{name: ".dockerignore tells a file outside", files: hello(), lay: instead(".dockerignore", away), each: build[1:], code: 2, says: []string{".dockerignore"}, hush: []string{"a secret"}},
		{name: "a terabyte for .dockerignore fills the memory", files: hello(), lay: instead(".dockerignore", large), each: build[1:], code: 2, says: []string{".dockerignore"}},

		{name: "a pipe for mix.exs is waited for", files: hello(), lay: instead("mix.exs", pipe), each: build, code: 2, says: []string{"no project"}},
		{name: "a device for mix.exs is read", files: hello(), lay: instead("mix.exs", zero), each: build, code: 2, says: []string{"mix.exs"}},
		{name: "a terabyte for mix.exs fills the memory", files: hello(), lay: instead("mix.exs", large), each: build, code: 2, says: []string{"mix.exs"}},
		{name: "mix.exs tells a file outside", files: hello(), lay: instead("mix.exs", away), each: build, code: 2, says: []string{"mix.exs"}, hush: []string{"a secret"}},
		{name: "mix.exs reads a file outside for its version", files: map[string]string{"mix.exs": mixExs(`app: :hello, version: File.read!("$UP/canary/secret")`)}, each: build[:1], hush: []string{"a secret"}},
		{name: "mix.exs waits for a pipe that it reads", files: map[string]string{"mix.exs": mixExs(`app: :hello, version: String.trim(File.read!("VERSION"))`)}, lay: instead("VERSION", pipe), each: build[:1]},
		{name: "an application's mix.exs is waited for", files: map[string]string{"mix.exs": mixExs(`apps_path: "apps", version: "1.0.0", releases: [hello: []]`)}, lay: instead("apps/a/mix.exs", pipe), each: build[:1]},

		{name: "a pipe for mix.lock is waited for", files: hello(), lay: instead("mix.lock", pipe), each: build, writes: []string{"releases"}},
		{name: "a device for mix.lock is read", files: hello(), lay: instead("mix.lock", zero), each: build[1:], says: []string{"mix.lock is a link that leads out"}},
		{name: "a terabyte for mix.lock fills the memory", files: hello(), lay: instead("mix.lock", large), each: build[:1], code: 2, says: []string{"larger than"}},
		{name: "a pipe for .tool-versions is waited for", files: hello(), lay: instead(".tool-versions", pipe), each: build[:1]},
		{name: "a device for .tool-versions is read", files: hello(), lay: instead(".tool-versions", zero), each: build, code: 2, says: []string{".tool-versions"}},
		{name: "a pipe for mise.toml is waited for", files: hello(), lay: instead("mise.toml", pipe), each: build[:1]},
		{name: "a pipe for package.json is waited for", files: hello(), lay: instead("assets/package.json", pipe), each: build, writes: []string{"releases"}},
		{name: "a pipe for rel/config.exs is waited for", files: distillery(""), lay: instead("rel/config.exs", pipe), each: build, code: 2, says: []string{"rel/config.exs"}},
		{name: "a device for rel/config.exs is read", files: distillery(""), lay: instead("rel/config.exs", zero), each: build, code: 2, says: []string{"rel/config.exs"}},
		{name: "mix.exs is nested without end", files: map[string]string{"mix.exs": mixExs("app: :hello, version: " + strings.Repeat("[", 400_000))}, each: build[:1], code: 4, says: []string{"nested too deeply"}},
		{name: "dram.toml is nested without end", files: hello("dram.toml", "a = "+strings.Repeat("[", 400_000)), each: build[:1], code: 2, says: []string{"at most 20000 are read"}, after: short},
		{name: "dram.toml is nested deeply", files: hello("dram.toml", "a = "+strings.Repeat("[", 19_000)), each: build[:1], code: 2, says: []string{"nested"}, after: short},
		{name: "dram init writes through a link", files: hello(".dockerignore", "docker\n"), lay: func(w *world) { w.link("$OUT", "docker") }, each: []string{"init $PROJECT --toolchain $TOY --no-load"}, code: 2, says: []string{"docker/"}},
		{name: "dram init writes a file through a link", files: hello(), lay: func(w *world) { w.link("$OUT/file", ".dockerignore") }, each: []string{"init $PROJECT --toolchain $TOY --no-load"}, code: 2, says: []string{".dockerignore"}},
		{name: "dram init writes a pipeline through a link", files: hello(), lay: func(w *world) { w.link("$OUT", ".github") }, each: []string{"init $PROJECT --toolchain $TOY --no-load --ci github --force"}, code: 2, says: []string{".github"}},
		{name: "dram init --force writes through a link", files: hello(), lay: func(w *world) { w.link("$OUT/mix.exs", "dram.toml") }, each: []string{"init $PROJECT --toolchain $TOY --no-load --force"}, code: 2, says: []string{"dram.toml"}},
		{name: "dram init waits for a pipe", files: distillery("release :hello do\n  set version: \"1.0.0\"\nend\n"), lay: instead("docker/Dockerfile.run", pipe), each: []string{"init $PROJECT --toolchain $TOY --no-load"}, code: 2, says: []string{"Dockerfile.run"}},

		{name: "a source file outside is staged", files: hello("after.sh", "if cat lib/more.ex; then exit 7; fi"), lay: instead("lib/more.ex", away), each: build[1:], says: []string{"lib/more.ex is a link that leads out"}, hush: []string{"a secret"}},
		{name: "a pipe among the sources is waited for", files: hello(), lay: instead("lib/more.ex", pipe), each: build, writes: []string{"releases"}},
		{name: "a terabyte among the sources is staged", files: hello(), lay: instead("lib/more.ex", large), each: build[1:], code: 2, says: []string{"larger than"}},
		{name: "a directory outside is staged", files: hello("after.sh", "if ls lib/more/; then exit 7; fi"), lay: instead("lib/more", func(w *world, name string) { w.link("$UP/canary", name) }), each: build[1:], says: []string{"lib/more is a link that leads out"}},
	})
}

// Whatever a plan reads, it may be none of the project's business, or never end.
func TestReadsOfPlans(t *testing.T) {
	mix := "mix.lock package.json assets/package.json assets/package-lock.json assets/yarn.lock pnpm-lock.yaml .yarnrc.yml .nvmrc assets/.node-version " +
		"Dockerfile elixir_buildpack.config .mise.toml .config/mise.toml config/runtime.exs config/prod.exs rel/env.sh.eex rel/overlays/bin/server " +
		"native/x/Cargo.toml Makefile gleam.toml apps/a/mix.exs priv/static/cache_manifest.json .git"
	rebar := "rebar.lock rebar.config.script src/hello.app.src config/vm.args config/sys.config apps/a/rebar.config relx.config Makefile"
	var all []attack
	add := func(files map[string]string, names string) {
		for name := range strings.FieldsSeq(names) {
			for what, lay := range map[string]func(w *world){
				"a pipe":         func(w *world) { w.pipe(name) },
				"a file outside": func(w *world) { w.link("$OUT/secret", name) },
			} {
				all = append(all, attack{
					name: what + " for " + name, files: files, each: []string{"plan $PROJECT --toolchain $TOY"}, any: true, hush: []string{"a secret"},
					lay: func(w *world) {
						w.must(errors.Join(os.RemoveAll(filepath.Join(w.project, name)), os.MkdirAll(filepath.Dir(filepath.Join(w.project, name)), 0o755)))
						lay(w)
					},
				})
			}
		}
	}
	add(map[string]string{"mix.exs": mixExs(`app: :hello, version: "1.0.0", deps: [{:phoenix, "~> 1.7"}], aliases: ["assets.deploy": ["cmd npm run deploy"]]`)}, mix)
	add(map[string]string{"rebar.config": `{relx, [{release, {hello, "1.0.0"}, [hello]}]}.`, "src/hello.app.src": `{application, hello, [{vsn, "1.0.0"}]}.`}, rebar)
	try(t, all)
}

// Pipes and devices that a step leaves behind where dram reads on.
func TestReadsAfterSteps(t *testing.T) {
	build := []string{"build $PROJECT --toolchain $TOY"}
	try(t, []attack{
		{name: "a pipe in the release is waited for", files: hello("after.sh", `mkfifo $REL/lib/pipe`), each: build, code: 1, says: []string{`"lib/pipe" is a named pipe`, "hint: "}},
		{name: "a pipe for start_erl.data is waited for", files: hello("after.sh", `rm $REL/releases/start_erl.data; mkfifo $REL/releases/start_erl.data`), each: build, code: 1},
		{name: "a pipe for the .rel file is waited for", files: hello("after.sh", `rm $REL/releases/1.0.0/hello.rel; mkfifo $REL/releases/1.0.0/hello.rel`), each: build, code: 1},
		{name: "a pipe for a start script is waited for", files: hello("after.sh", `rm $REL/bin/hello; mkfifo $REL/bin/hello`), each: build, code: 1, says: []string{`"bin/hello" is a named pipe`}},
		{name: "a file outside is bottled through a link", files: hello("after.sh", `ln -s $OUT/secret $REL/lib/secret`), each: build, code: 1, says: []string{"outside the release"}},
		{name: "a file outside is bottled for start_erl.data", files: hello("after.sh", `rm $REL/releases/start_erl.data; ln -s $OUT/rel/hello/releases/start_erl.data $REL/releases/start_erl.data`), each: build, code: 2},
		{name: "a terabyte in the release is bottled", files: hello("after.sh", `dd if=/dev/zero of=$REL/lib/big bs=1 count=0 seek=1099511627776 2>/dev/null`), each: build, code: 1, says: []string{"too large"}},
		{name: "a pipe in the staged source is waited for", files: hello("after.sh", `rm -f lib/hello.ex; mkfifo lib/hello.ex`), each: []string{build[0], build[0], build[0]}, writes: []string{"releases"}},
	})
}

// A project names what lies beside it, and no more than its repository.
func TestReadsBesideTheProject(t *testing.T) {
	build := []string{"plan $PROJECT --toolchain $TOY", "build $PROJECT --toolchain $TOY"}
	settings := func(text string) map[string]string { return hello("dram.toml", "[source]\n"+text) }
	try(t, []attack{
		{name: "a project has the machine staged", files: settings(`context = "/"`), each: build, code: 2, says: []string{"context"}},
		{name: "a project has staged what lies above", files: settings(`context = "$UP"` + "\n" + `include = ["$UP/canary"]`), each: build, code: 2, says: []string{"context"}, hush: []string{"a secret"}},
		{name: "a project includes a file outside", files: settings(`include = ["$OUT/secret"]`), each: build, code: 2, hush: []string{"a secret"}},
		{name: "a project includes a file outside by a way of its own", files: settings(`include = ["lib/../$UP/canary/secret"]`), each: build, code: 2, hush: []string{"a secret"}},
		{
			name: "a project includes a file outside through a link", lay: func(w *world) { w.link("$UP/canary", "away") }, each: build[1:], hush: []string{"a secret"},
			files: hello("dram.toml", "[source]\ninclude = [\"away/secret\"]", "after.sh", "if cat away/secret; then exit 7; fi"),
		},
		{
			name: "a path dependency has staged what lies above", each: build[1:], any: true, hush: []string{"a secret"}, writes: []string{"releases"},
			files: map[string]string{
				"mix.exs":  mixExs(`app: :hello, version: "1.0.0", deps: [{:canary, path: "$UP/canary"}]`),
				"after.sh": `if find / -xdev -name secret 2>/dev/null | grep -q canary; then echo "a secret"; fi`,
			},
		},
	})
}
