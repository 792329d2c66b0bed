package ui

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "",
		"as it is: é, “x”, …\n\ty\n": "as it is: é, “x”, …\n\ty\n",
		"a\x1b[2J\rb":                `a\x1b[2J\rb`,
		"a\u202eb\u009bc":            `a\u202eb\u009bc`,
		"no\u00a0break":              "no\u00a0break",
		strings.Repeat("a", 900_000): strings.Repeat("a", 2000) + "… (900.0 kB)",
	} {
		if got := Plain(in); got != want {
			t.Errorf("%.100q: %.200q, want %.200q", in, got, want)
		}
	}
	if got := Plain(strings.Repeat("a line\n", 100_000)); len(got) > 40_000 || !strings.HasSuffix(got, "\n…") {
		t.Errorf("%d bytes, %q", len(got), got[len(got)-20:])
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("a\x1b[2J\xff\u202e\n")
	f.Fuzz(func(t *testing.T, s string) {
		got := Plain(s)
		if len(got) > 80_000 || utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("%d bytes of %d", len(got), len(s))
		}
		if strings.ContainsFunc(got, func(r rune) bool { return r != '\n' && steers(r) }) {
			t.Errorf("%q", got)
		}
		if Plain(got) != got && len(got) < 2000 {
			t.Errorf("%q becomes %q", got, Plain(got))
		}
	})
}
