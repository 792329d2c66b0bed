package mix

import (
	"bytes"
	_ "embed"

	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/shell"
	"dram/internal/tool"
)

// cookieScript is POSIX sh; dash and BusyBox run it, under set -e.
//
//go:embed cookie.sh
var cookieScript []byte

// script is a file that `mix release` writes and the other tools do not, whose
// scripts call more of ERTS.
const script = "releases/*/elixir"

// mark is a variable that bin/NAME reads, and no other tool's script does.
const mark = "RELEASE_BOOT_SCRIPT"

// maxScript bounds bin/NAME, in bytes; Mix's has 5,000.
const maxScript = 1 << 20

// Made goes by the script that bin/NAME sources, or by bin/NAME where that is
// missing.
func (Tool) Made(rel *release.Release) bool {
	if rel.Has(rel.Below("env.sh")) {
		return true
	}
	name := "bin/" + rel.Name
	if !rel.Has(name) {
		return false
	}
	text, err := rootfs.ReadFile(rel.FS, name, maxScript)
	return err == nil && bytes.Contains(text, []byte(mark))
}

// Boot is the same for every release: its scripts take all that they need from
// the environment that each image has.
func (Tool) Boot(rel *release.Release) tool.Boot {
	const (
		uncalled = "no script of `mix release` calls it"
		embedded = "a start script of embedded systems, with paths of the build in it"
	)
	boot := tool.Boot{
		Command: "start",
		Root:    "RELEASE_ROOT",
		Mark:    mark,
		Reads:   []string{"elixir", "vm.args", "sys.config", "env.sh"},
		Asks:    []tool.Question{{Args: []string{"rpc", "IO.inspect(:init.get_status())"}, Answer: "{:started,"}},
		Cookie:  tool.Cookie{Script: cookieScript, Env: "releases/*/env.sh"},
		Launch:  func(arch string) (tool.Launched, error) { return launch(rel, arch) },
		Exclude: []release.Exclusion{
			{Pattern: "erts-*/bin/escript", Reason: uncalled, If: script},
			{Pattern: "erts-*/bin/erl_call", Reason: uncalled, If: script},
			{Pattern: "erts-*/bin/dyn_erl", Reason: "only the scripts that `mix release` replaces call it", If: script},
			{Pattern: "erts-*/bin/start", Reason: embedded, If: script},
			{Pattern: "erts-*/bin/start_erl", Reason: embedded, If: script},
		},
	}
	if l, is := launched(rel); is {
		boot.Reads = []string{"vm.args", "sys.config"}
		boot.Launched = func(at string, env map[string]string) shell.Run { return l.run(rel, at, env) }
	}
	return boot
}
