package image

import (
	"bytes"
	_ "embed"
)

const (
	cookieFile = "releases/COOKIE"
	// cookieMark is how a script that has the lines already is known: one that
	// comes out of a tarball made here.
	cookieMark = "# dram: cookie"
)

// cookieScript is POSIX sh; dash and BusyBox run it, under set -e.
//
//go:embed cookie.sh
var cookieScript []byte

// withCookie is env.sh with the lines that find or make a cookie.
func withCookie(env, lines []byte) []byte {
	if bytes.Contains(env, []byte(cookieMark)) {
		return env
	}
	out := bytes.Clone(env)
	if len(out) > 0 && out[len(out)-1] != '\n' {
		out = append(out, '\n')
	}
	return append(append(out, '\n'), lines...)
}
