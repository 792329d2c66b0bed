package image

import (
	_ "embed"
	"path"
	"regexp"
	"strings"

	"dram/internal/release"
)

// distilleryScript finds or makes a cookie for the scripts of Distillery, which
// run it in bash; it is POSIX sh, under set -e.
//
//go:embed distillery.sh
var distilleryScript []byte

// distilleryEnv is the script that Distillery's start script sources for every
// command, from 1.5 on.
func distilleryEnv(rel *release.Release) string {
	return "releases/" + rel.Version + "/libexec/env.sh"
}

// vmArgs is the file in which Distillery puts the cookie.
func vmArgs(rel *release.Release) string { return "releases/" + rel.Version + "/vm.args" }

// setCookie is the flag and its value, in a line that is no comment.
var setCookie = regexp.MustCompile(`(?m)^([^#\n]*?)-setcookie[ \t]+('[^'\n]*'|"[^"\n]*"|[^ \t\r\n]+)`)

// withoutCookie is vm.args without the cookie that it holds. One that is filled
// in at the start (${VAR}, with REPLACE_OS_VARS) is no secret and stays, but for
// the variables that distilleryScript serves.
func withoutCookie(args []byte) []byte {
	return setCookie.ReplaceAllFunc(args, func(line []byte) []byte {
		parts := setCookie.FindSubmatch(line)
		switch value := strings.Trim(string(parts[2]), `"'`); {
		case value == "${COOKIE}" || value == "${RELEASE_COOKIE}":
		case strings.Contains(value, "${"):
			return line
		}
		return append(parts[1], "# no -setcookie: COOKIE gives it, or it is made at start"...)
	})
}

// sourced says whether a file is one that Distillery's start script reads as
// shell, whatever its name and mode: hooks and commands of the project.
func sourced(name string) bool {
	parts := strings.Split(name, "/")
	return len(parts) > 3 && parts[0] == "releases" && (parts[2] == "hooks" || parts[2] == "commands" && path.Ext(name) == ".sh")
}
