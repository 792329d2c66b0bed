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
		"eight bits: \x9b2J":         `eight bits: \x9b2J`,
		strings.Repeat("a", 900_000): strings.Repeat("a", 2000) + "… (900.0 kB)",
	} {
		if got := Plain(in); got != want {
			t.Errorf("%.100q: %.200q, want %.200q", in, got, want)
		}
	}
	if got := Line("a\nOK: b\x1b[2J"); got != `a\nOK: b\x1b[2J` {
		t.Errorf("one line: %q", got)
	}
	if got := Plain(strings.Repeat("a line\n", 100_000)); len(got) > 40_000 || !strings.HasSuffix(got, "\n…") {
		t.Errorf("%d bytes, %q", len(got), got[len(got)-20:])
	}
}

// What a step prints neither answers a terminal, nor hides what follows it.
func TestPrinted(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "",
		"as it is: é\n\ty\n":             "as it is: é\n\ty\n",
		"\x1b[1;31mred\x1b[0m x\ny\n":    "\x1b[1;31mred\x1b[0m x\x1b[0m\ny\n",
		"\x1b[8mhidden\n":                "\x1b[8mhidden\x1b[0m\n",
		"10%\r20%\r\nok\n":               "10%\n20%\nok\n",
		"\x1b[6n\x1b]52;c;eA==\a\x1b[2J": `\x1b[6n\x1b]52;c;eA==\a\x1b[2J`,
		"a\x00b\u009b6n\x9b6n\u202e":     `a\x00b\u009b6n\x9b6n\u202e`,
		"\x1b[\x1b[31m1m\n":              "\\x1b[\x1b[31m1m\x1b[0m\n",
	} {
		if got := Printed(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	u, out := at(Options{}, false)
	u.Output([]byte("\x1b]0;title\a\n"))
	if got := out.String(); got != "\\x1b]0;title\\a\n" {
		t.Errorf("the end of a failed step: %q", got)
	}
	u, out = at(Options{Verbose: true}, false)
	if _, err := u.Start("build", "").Writer().Write([]byte("a\x1b[6n\r\nb\rc\n")); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "    a\\x1b[6n\n    b\n    c\n" {
		t.Errorf("a line of a step: %q", got)
	}
}

func FuzzPrinted(f *testing.F) {
	f.Add("a\x1b[2J\xff\u202e\n\x1b[1mb\r")
	f.Fuzz(func(t *testing.T, s string) {
		got := Printed(s)
		if rest := colour.ReplaceAllString(got, ""); strings.ContainsFunc(rest, func(r rune) bool { return r != '\n' && steers(r) }) || !utf8.ValidString(got) {
			t.Errorf("%q becomes %q", s, got)
		}
	})
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
