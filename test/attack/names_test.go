package attack

import (
	"os"
	"path/filepath"
	"testing"
)

// victim makes the directory that a name of an attack leads to hold something.
func victim(w *world) {
	w.must(os.MkdirAll(filepath.Join(w.canary, "victim/rel/x"), 0o755))
	w.write(w.canary, map[string]string{"victim/rel/x/file": "canary\n"})
}

// distillery is a project of Distillery whose rel/config.exs ends with text.
func distillery(text string) map[string]string {
	return map[string]string{
		"mix.exs": mixExs(`app: :hello, version: "1.0.0", deps: [{:distillery, "~> 2.1"}]`),
		"rel/config.exs": "use Distillery.Releases.Config, default_environment: :prod\n" +
			"environment :prod do\n  set include_erts: true\nend\n" + text,
	}
}

// Names that a project's text gives, wherever they enter: `dram plan` and `dram
// build` refuse them before a step runs, and nothing outside is touched.
func TestNames(t *testing.T) {
	release := func(name string) map[string]string {
		return map[string]string{"mix.exs": mixExs(`app: :hello, version: "1.0.0", releases: ["` + name + `": []]`)}
	}
	both := []string{"plan $PROJECT --toolchain $TOY", "build $PROJECT --toolchain $TOY", "image $PROJECT --toolchain $TOY"}
	try(t, []attack{
		{name: "a release's name deletes a directory outside", files: release("$DEEP/victim"), lay: victim, each: both, code: 2, says: []string{"the release's name", "hint: "}},
		{name: "a release's name deletes the kept directories", files: release("../../../../.."), each: both, code: 2, says: []string{"the release's name"}},
		{name: "a release's name is an absolute path", files: release("$OUT/victim"), lay: victim, each: both, code: 2, says: []string{"the release's name"}},
		{name: "a release's name is an option of mix", files: release("--force"), each: both, code: 2, says: []string{"the release's name"}},
		{name: "a release's name is a dot", files: release("."), each: both, code: 2, says: []string{"the release's name"}},
		{name: "a release's name is none of Mix's", files: release("Hello-1"), each: both, code: 2, says: []string{"a small letter"}},
		{name: "a release's name is longer than a file's", files: release(aa(300)), each: both, code: 2, says: []string{"too long"}},
		{name: "a release's name steers the terminal", files: release(`a\e[2Jb`), each: both, code: 2, hush: []string{"\x1b[2J"}},
		{name: "a release's name runs as Erlang", files: release(`x\"), os:cmd(\"id`), each: both, code: 2, says: []string{"the release's name"}},
		{
			name: "a default release deletes a directory outside", lay: victim, each: both, code: 2, says: []string{"it declares no such release"},
			files: map[string]string{"mix.exs": mixExs(`app: :hello, version: "1.0.0", releases: [a: [], b: []], default_release: :"$DEEP/victim"`)},
		},
		{
			name: "an application's name, the release's, deletes a directory outside", lay: victim, each: both, code: 2, says: []string{"the release's name"},
			files: map[string]string{"mix.exs": mixExs(`app: :"$DEEP/victim", version: "1.0.0"`)},
		},
		{
			name: "an application's name deletes a directory outside", lay: victim, each: both, code: 2, says: []string{"an application of the project"},
			files: map[string]string{"mix.exs": mixExs(`app: :"$DEEP/victim", version: "1.0.0", releases: [hello: []]`)},
		},
		{
			name: "an application of an umbrella deletes a directory outside", lay: victim, each: both, code: 2, says: []string{"an application of the project"},
			files: map[string]string{
				"mix.exs":        mixExs(`apps_path: "apps", version: "1.0.0", releases: [hello: [applications: [a: :permanent]]]`),
				"apps/a/mix.exs": mixExs(`app: :"$DEEP/victim", version: "1.0.0"`),
			},
		},
		{
			name: "applications are looked for outside of the project", each: []string{"plan $PROJECT --toolchain $TOY"},
			files: map[string]string{"mix.exs": mixExs(`apps_path: "$UP/canary", version: "1.0.0", releases: [hello: []]`)},
			says:  nil, hush: []string{"canary/"},
		},
		{
			name: "a dependency's name deletes a directory outside", lay: victim, each: both, code: 2, says: []string{"a dependency in a directory"},
			files: map[string]string{
				"mix.exs":     mixExs(`app: :hello, version: "1.0.0", deps: [{:"$DEEP/victim", path: "sub"}]`),
				"sub/mix.exs": mixExs(`app: :sub, version: "1.0.0"`),
			},
		},
		{
			name: "a dependency is read outside of the project", each: both, code: 2, says: []string{"lies outside the project"},
			files: map[string]string{"mix.exs": mixExs(`app: :hello, version: "1.0.0", deps: [{:sub, path: "$UP/canary/source"}]`)},
		},
		{
			name: "a version puts results outside", each: both, code: 2, says: []string{"the version of release"},
			files: map[string]string{"mix.exs": mixExs(`app: :hello, version: "../../../../canary"`)},
		},
		{
			name: "a release's version puts results outside", each: both, code: 2, says: []string{"the version of release"},
			files: map[string]string{"mix.exs": mixExs(`app: :hello, version: "1.0.0", releases: [hello: [version: "$DEEP"]]`)},
		},
		{
			name: "a version has an end of line", each: both, code: 2, says: []string{"the version of release"},
			files: map[string]string{"mix.exs": mixExs(`app: :hello, version: "1.0.0\nx"`)},
		},
	})
}

func aa(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a'
	}
	return string(b)
}

// Names that settings give: dram.toml, flags and variables.
func TestNamesOfSettings(t *testing.T) {
	both := []string{"plan $PROJECT --toolchain $TOY", "build $PROJECT --toolchain $TOY"}
	open := map[string]string{"mix.exs": mixExs(`app: :hello, version: "1.0.0", releases: releases()`)}
	with := func(toml string) map[string]string { return hello("dram.toml", toml) }
	try(t, []attack{
		{name: "mix_env of dram.toml deletes a directory outside", lay: victim, files: with("[build]\nmix_env = \"$DEEP/victim\"\n"), each: both, code: 2, says: []string{"build.mix_env"}},
		{name: "mix_env of dram.toml is an option of mix", files: with("[build]\nmix_env = \"--force\"\n"), each: both, code: 2, says: []string{"build.mix_env"}},
		{name: "mix_env of dram.toml is a dot", files: with("[build]\nmix_env = \"..\"\n"), each: both, code: 2, says: []string{"build.mix_env"}},
		{name: "DRAM_MIX_ENV deletes a directory outside", lay: victim, files: hello(), env: []string{"DRAM_MIX_ENV=$DEEP/victim"}, each: both, code: 2, says: []string{"DRAM_MIX_ENV"}},
		{name: "--mix-env deletes a directory outside", lay: victim, files: hello(), each: []string{"build $PROJECT --toolchain $TOY --mix-env $DEEP/victim"}, code: 2, says: []string{"--mix-env"}},
		{name: "release of dram.toml deletes a directory outside", lay: victim, files: map[string]string{"mix.exs": open["mix.exs"], "dram.toml": "release = \"$DEEP/victim\"\n"}, each: both, code: 2, says: []string{"release"}},
		{name: "DRAM_RELEASE deletes a directory outside", lay: victim, files: open, env: []string{"DRAM_RELEASE=$DEEP/victim"}, each: both, code: 2, says: []string{"DRAM_RELEASE"}},
		{name: "one of several releases deletes a directory outside", lay: victim, files: open, each: []string{"image $PROJECT --toolchain $TOY --release hello --release $DEEP/victim"}, code: 2, says: []string{"--release"}},
		{name: "a release that mix.exs computes is none of Mix's", files: open, each: []string{"build $PROJECT --toolchain $TOY --release Hello"}, code: 2, says: []string{"a small letter"}},
		{name: "release_env of dram.toml is an option of mix", files: with("[build]\nrelease_env = \"--env=x\"\n"), each: both, code: 2, says: []string{"build.release_env"}},
		{name: "a variable of the build ends a string", files: with("[build]\nenv = { A = \"x\\u0000y\" }\n"), each: both, code: 2, says: []string{"build.env"}},
		{name: "a key of 900 kB is told whole", files: with(aa(900_000) + " = 1\n"), each: both, code: 2, says: []string{"unknown setting"}, after: short},
		{name: "a value of 900 kB is told whole", files: with("engine = \"" + aa(900_000) + "\"\n"), each: both, code: 2, says: []string{"engine"}, after: short},
		{name: "a requirement of 900 kB is told whole", files: map[string]string{"mix.exs": mixExs(`app: :hello, version: "1.0.0", elixir: "` + aa(900_000) + `"`)}, each: []string{"plan $PROJECT"}, code: 4, after: short},
	})
}

// short holds that a message is one that people read.
func short(w *world, r result) {
	if n := len(r.stdout) + len(r.stderr); n > 8000 {
		w.t.Errorf("dram printed %d bytes", n)
	}
}

// Distillery's names.
func TestNamesOfDistillery(t *testing.T) {
	both := []string{"plan $PROJECT --toolchain $TOY", "build $PROJECT --toolchain $TOY"}
	try(t, []attack{
		{name: "a release of Distillery deletes a directory outside", lay: victim, files: distillery("release :\"$DEEP/victim\" do\n  set version: \"1.0.0\"\nend\n"), each: both, code: 2, says: []string{"the release's name"}},
		{name: "a release of Distillery runs as Erlang", files: distillery("release :\"a.rel\\\"), halt(7)\" do\n  set version: \"1.0.0\"\nend\n"), each: both, code: 2, says: []string{"the release's name"}},
		{name: "a version of Distillery puts results outside", files: distillery("release :hello do\n  set version: \"$DEEP\"\nend\n"), each: both, code: 2, says: []string{"the version of release"}},
		{name: "an environment of Distillery is an option of mix", files: map[string]string{
			"mix.exs":        mixExs(`app: :hello, version: "1.0.0", deps: [{:distillery, "~> 2.1"}]`),
			"rel/config.exs": "use Distillery.Releases.Config, default_environment: :\"--x\"\nenvironment :\"--x\" do\n  set include_erts: true\nend\nrelease :hello do\n  set version: \"1.0.0\"\nend\n",
		}, each: both, code: 2, says: []string{"the environment"}},
		{name: "output_dir of Distillery leaves the project", files: distillery("release :hello do\n  set version: \"1.0.0\"\n  set output_dir: \"$DEEP/victim\"\nend\n"), lay: victim, each: both, code: 2, says: []string{"output_dir"}},
		{name: "output_dir of Distillery is an absolute path", files: distillery("release :hello do\n  set version: \"1.0.0\"\n  set output_dir: \"$OUT/victim\"\nend\n"), lay: victim, each: both, code: 2, says: []string{"output_dir"}},
		{name: "output_dir of Distillery is the project", files: distillery("release :hello do\n  set version: \"1.0.0\"\n  set output_dir: \"lib/..\"\nend\n"), each: both, code: 2, says: []string{"output_dir"}},
	})
}

// Names that a step gives: a release is taken to be hostile, too.
func TestNamesOfReleases(t *testing.T) {
	made := func(script string) map[string]string { return hello("after.sh", script) }
	build := []string{"build $PROJECT --toolchain $TOY", "image $PROJECT --toolchain $TOY --program sh"}
	try(t, []attack{
		{name: "start_erl.data's version puts results outside", files: made(`printf '15.0 ../../../../../x' > $REL/releases/start_erl.data`), each: build, code: 2, says: []string{"start_erl.data"}},
		{name: "start_erl.data's version is a dot", files: made(`printf '15.0 ..' > $REL/releases/start_erl.data`), each: build, code: 2, says: []string{"start_erl.data"}},
		{name: "start_erl.data's version steers the terminal", files: made("mkdir $REL/releases/1\x1b[2J; printf '15.0 1\x1b[2J' > $REL/releases/start_erl.data"), each: build, code: 2, hush: []string{"\x1b[2J"}},
		{name: "start_erl.data's version is of ERTS outside", files: made(`printf '../../../../../x 1.0.0' > $REL/releases/start_erl.data`), each: build, code: 2, says: []string{"start_erl.data"}},
		{name: "a .rel file's name puts results outside", files: made(`echo '{release,{"../../../../x","1.0.0"},{erts,"15.0"},[]}.' > $REL/releases/1.0.0/hello.rel`), each: build, code: 2, says: []string{"not a release"}},
		{name: "a .rel file's name steers the terminal", files: made(`printf '{release,{"a\033[2Jb","1.0.0"},{erts,"15.0"},[]}.' > $REL/releases/1.0.0/hello.rel`), each: build, code: 2, hush: []string{"\x1b[2J"}},
		{name: "a .rel file's name is no word", files: made(`printf '{release,{"a b","1.0.0"},{erts,"15.0"},[]}.' > $REL/releases/1.0.0/hello.rel`), each: build, code: 2, says: []string{"not a release"}},
	})
}
