package image

import "bytes"

const (
	cookieFile = "releases/COOKIE"
	// cookieMark is how a script that has the lines already is known: one that
	// comes out of a tarball made here.
	cookieMark = "# dram: cookie"
)

// withCookie is a script with the lines that find or make a cookie.
func withCookie(script, lines []byte) []byte {
	if bytes.Contains(script, []byte(cookieMark)) {
		return script
	}
	out := bytes.Clone(script)
	if len(out) > 0 && out[len(out)-1] != '\n' {
		out = append(out, '\n')
	}
	return append(append(out, '\n'), lines...)
}
