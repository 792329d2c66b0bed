package registry

import "strings"

// maxParameters bounds the parameters of a challenge that are looked at.
const maxParameters = 64

// realms are the realms that a WWW-Authenticate header names (RFC 9110, 11.6.1),
// of every challenge in it: `Bearer realm="https://auth.example/token",service="x"`.
func realms(header string) []string {
	var out []string
	for range maxParameters {
		name, value, rest, ok := parameter(header)
		if !ok {
			break
		}
		if strings.EqualFold(name, "realm") {
			out = append(out, value)
		}
		header = rest
	}
	return out
}

// parameter finds the first NAME=VALUE of text.
func parameter(text string) (name, value, rest string, ok bool) {
	before, after, ok := strings.Cut(text, "=")
	if !ok {
		return "", "", "", false
	}
	name = strings.TrimRight(before, " \t")
	if i := strings.LastIndexAny(name, " \t,\""); i >= 0 {
		name = name[i+1:]
	}
	after = strings.TrimLeft(after, " \t")
	if !strings.HasPrefix(after, `"`) {
		end := strings.IndexAny(after, " \t,")
		if end < 0 {
			end = len(after)
		}
		return name, after[:end], after[end:], true
	}
	value, rest = quoted(after[1:])
	return name, value, rest, true
}

// quoted reads to the closing quote; a backslash takes the next one literally.
func quoted(text string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return b.String(), text[i+1:]
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), ""
}
