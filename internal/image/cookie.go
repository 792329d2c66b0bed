package image

import (
	"bytes"
	"slices"

	"dram/internal/tool"
)

const (
	cookieFile = "releases/COOKIE"
	// cookieMark is how a script that has the lines already is known: one that
	// comes out of a tarball made here.
	cookieMark = "# dram: cookie"
)

// withCookie is a script with the lines that find or make a cookie. Where the line
// that they go behind is missing, nothing is known of the script, and it stays.
func withCookie(script []byte, c tool.Cookie) []byte {
	if bytes.Contains(script, []byte(cookieMark)) {
		return script
	}
	if c.After != "" {
		at := lineEnd(script, c.After)
		if at < 0 {
			return script
		}
		return slices.Concat(script[:at], c.Script, script[at:])
	}
	out := bytes.Clone(script)
	if len(out) > 0 && out[len(out)-1] != '\n' {
		out = append(out, '\n')
	}
	return append(append(out, '\n'), c.Script...)
}

// lineEnd is where the first line ends that begins so, -1 if there is none.
func lineEnd(text []byte, begins string) int {
	at := 0
	for line := range bytes.Lines(text) {
		at += len(line)
		if bytes.HasPrefix(line, []byte(begins)) && bytes.HasSuffix(line, []byte("\n")) {
			return at
		}
	}
	return -1
}

// withoutCookieLines is a script without these lines, whichever dram put them there:
// each names variables of dram's own, the last one at the end.
func withoutCookieLines(script []byte) []byte {
	before, rest, found := bytes.Cut(script, []byte(cookieMark))
	if !found {
		return script
	}
	_, after, _ := bytes.Cut(rest[max(bytes.LastIndex(rest, []byte("dram_")), 0):], []byte("\n"))
	return slices.Concat(before, after)
}
