package ui

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
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

// Line is Plain of what is one line: a name with a newline in it begins no other.
func Line(text string) string { return escaped(cut(text, maxMessageLine)) }

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "… (" + Bytes(int64(len(s))) + ")"
}

// escaped writes what would steer a terminal as escapes; so bytes that are no UTF-8,
// which some terminals take for control characters.
func escaped(s string) string {
	if !strings.ContainsFunc(s, steers) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch _, width := utf8.DecodeRuneInString(s[i:]); {
		case r == utf8.RuneError && width == 1:
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[i]), 16))
		case steers(r):
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// colour is what sets colours and weight (ECMA-48, SGR).
var colour = regexp.MustCompile("\x1b\\[[0-9;:]{0,40}m")

// Printed is what a program printed, as it may go to a terminal: a step of a build may
// print anything, and what a terminal answers to some sequences, a shell would read as
// typed. Colours stay, and end with the line; what would steer a terminal otherwise is
// written as escapes. A line that begins anew is one more line, so that nothing is
// hidden below what follows.
func Printed(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && steers(r) }) && utf8.ValidString(text) {
		return text
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	var b strings.Builder
	for line := range strings.Lines(text) {
		rest, end := strings.CutSuffix(line, "\n")
		at := 0
		places := colour.FindAllStringIndex(rest, -1)
		for _, place := range places {
			b.WriteString(escaped(rest[at:place[0]]) + rest[place[0]:place[1]])
			at = place[1]
		}
		b.WriteString(escaped(rest[at:]))
		if len(places) > 0 {
			b.WriteString("\x1b[0m")
		}
		if end {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// steers holds for control characters and for those that are not seen themselves.
func steers(r rune) bool { return r != '\t' && !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) }
