package distillery

import (
	_ "embed"
	"path"
	"strings"

	"dram/internal/release"
	"dram/internal/tool"
)

// cookieScript finds or makes a cookie for the start script, which runs it in
// bash; it is POSIX sh, under set -e.
//
//go:embed cookie.sh
var cookieScript []byte

// Made goes by the scripts that the start script sources for every command, from
// 1.5 on.
func (Tool) Made(rel *release.Release) bool {
	return rel.Has(rel.Below("libexec/env.sh")) && rel.Has(rel.Below("libexec/config.sh"))
}

// Boot is in the foreground by a command of its own: "start" goes into the
// background.
func (Tool) Boot(rel *release.Release) tool.Boot {
	const windows = "a script for Windows"
	return tool.Boot{
		Command: "foreground",
		Root:    "RELEASE_ROOT_DIR",
		// Where its scripts write: one directory a version, for what an earlier one
		// left there names that version. And ${VAR} in vm.args and sys.config is what
		// images are configured by.
		Env:      []string{"RELEASE_MUTABLE_DIR=/tmp/" + rel.Name + "-" + rel.Version, "REPLACE_OS_VARS=true"},
		Programs: strings.Fields("bash cp expr head hostname id ln mktemp mv ps rm sleep sort stat tail tput tty uname xargs"),
		Shell:    sourced,
		Writes:   "RELEASE_MUTABLE_DIR",
		AnyERTS:  "ERTS_VSN",
		AddsLib:  true,
		Asks:     []tool.Question{{Args: []string{"ping"}, Answer: "pong"}},
		Cookie: tool.Cookie{
			Script: cookieScript, Env: "releases/*/libexec/env.sh", Holders: []string{"vm.args"}, Without: tool.WithoutCookie("COOKIE"),
			Sed: `/\${/!s/^\([^#]*\)-setcookie[[:space:]].*/\1/`,
		},
		Exclude: []release.Exclusion{
			{Pattern: "releases/*/libexec/win/**", Reason: windows},
			{Pattern: "releases/*/libexec/commands/win/**", Reason: windows},
			tool.Relup,
		},
	}
}

// sourced says whether a file is one that the start script reads as shell,
// whatever its name and mode: hooks and commands of the project.
func sourced(name string) bool {
	parts := strings.Split(name, "/")
	return len(parts) > 3 && parts[0] == "releases" && (parts[2] == "hooks" || parts[2] == "commands" && path.Ext(name) == ".sh")
}
