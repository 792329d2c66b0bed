package ui

import (
	"strconv"
	"strings"
	"unicode"
)

// The bounds of a message: what it quotes may be of any size.
const (
	maxMessageLine = 2_000 // bytes
	maxMessage     = 32 << 10
)

// Plain is a message as a terminal shows it. What it quotes, as the names of files,
// may come from anywhere: so characters that would steer the terminal are written
// as escapes, and what is longer than anybody reads is cut.
func Plain(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		rest, end := strings.CutSuffix(line, "\n")
		b.WriteString(escaped(cut(rest, maxMessageLine)))
		if end {
			b.WriteByte('\n')
		}
		if b.Len() > maxMessage {
			b.WriteString("…")
			break
		}
	}
	return b.String()
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "… (" + Bytes(int64(len(s))) + ")"
}

func escaped(s string) string {
	if !strings.ContainsFunc(s, steers) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if steers(r) {
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// steers holds for control characters and for those that are not seen themselves.
func steers(r rune) bool { return r != '\t' && !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) }
