package shell

import (
	"errors"
	"regexp"
	"testing"
)

// What grep takes for an expression, and what that matches, was tried with GNU's and
// with BusyBox's.
func TestTranslated(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern  string
		extended bool
		matches  []string
		passes   []string
	}{
		{pattern: "a", matches: []string{"a", "bab"}, passes: []string{"", "A"}},
		{pattern: "a+b", matches: []string{"a+b"}, passes: []string{"aab"}},
		{pattern: "a+b", extended: true, matches: []string{"aab"}, passes: []string{"a+b"}},
		{pattern: `a\+b`, matches: []string{"aab"}, passes: []string{"a+b"}},
		{pattern: `a\+b`, extended: true, matches: []string{"a+b"}, passes: []string{"aab"}},
		{pattern: "*a", matches: []string{"*a"}, passes: []string{"a"}},
		{pattern: "^*a", matches: []string{"*a"}, passes: []string{"a"}},
		{pattern: `\(*a\)`, matches: []string{"*a"}, passes: []string{"a"}},
		{pattern: "a^b$c", matches: []string{"a^b$c"}, passes: []string{"abc"}},
		{pattern: "^a$", matches: []string{"a"}, passes: []string{"ba", "ab"}},
		{pattern: "[]a]", matches: []string{"]", "a"}, passes: []string{"b"}},
		{pattern: "[^]a]", matches: []string{"b"}, passes: []string{"]", "a"}},
		{pattern: `[\]`, matches: []string{`\`}, passes: []string{"a"}},
		{pattern: "[a[]", matches: []string{"["}, passes: []string{"b"}},
		{pattern: "[[:digit:]a]", matches: []string{"3", "a"}, passes: []string{"b"}},
		{pattern: `a\{2,3\}`, matches: []string{"aa"}, passes: []string{"a"}},
		{pattern: "a{2}", matches: []string{"a{2}"}, passes: []string{"aa"}},
		{pattern: "a{,2}b", extended: true, matches: []string{"b", "aab"}},
		{pattern: "(a|b)c", extended: true, matches: []string{"ac", "bc"}, passes: []string{"cc"}},
		{pattern: `\(a\|b\)c`, matches: []string{"ac"}, passes: []string{"cc"}},
		{pattern: `\<a\>`, matches: []string{"b a c"}, passes: []string{"bac"}},
		{pattern: "a.c", matches: []string{"abc", "aéc"}, passes: []string{"ac"}},
		{pattern: "é", matches: []string{"é"}, passes: []string{"e"}},
	} {
		text, _, err := translated(tt.pattern, tt.extended)
		if err != nil {
			t.Errorf("%q: %v", tt.pattern, err)
			continue
		}
		re, err := regexp.Compile(text)
		if err != nil {
			t.Errorf("%q becomes %q: %v", tt.pattern, text, err)
			continue
		}
		for _, s := range tt.matches {
			if !re.MatchString(s) {
				t.Errorf("%q (%q) does not match %q", tt.pattern, text, s)
			}
		}
		for _, s := range tt.passes {
			if re.MatchString(s) {
				t.Errorf("%q (%q) matches %q", tt.pattern, text, s)
			}
		}
	}
}

func TestTranslatedRefuses(t *testing.T) {
	t.Parallel()
	for pattern, unknown := range map[string]bool{"[a": false, `\(a`: false, `a\{2`: false, `a\`: false, `\(a\)\1`: true, `a\{x\}`: true, "[[.a.]]": true, "[[:digit:": false} {
		_, _, err := translated(pattern, false)
		if err == nil || errors.Is(err, errUnhandled) != unknown {
			t.Errorf("%q: %v, want one that is not known: %v", pattern, err, unknown)
		}
	}
}

// FuzzPatterns: whatever expressions and scripts of sed are given, they are read.
func FuzzPatterns(f *testing.F) {
	for _, s := range []string{"a", `s/\(a\)[/]/\1/g`, "/x/,+3{p;s|a|b|;y/a/b/}", "[[:alpha:]]*", `a\{1,2\}`, "1!G;h;$!d", ":a;N;ba", "s/[", "\\", "{{", "}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, extended := range []bool{false, true} {
			if text, _, err := translated(s, extended); err == nil {
				_, _ = regexp.Compile(text) // which may be too large for Go
			}
			_ = sedProblem(s, extended)
		}
		_, _ = trSet(s)
		_ = unbalanced(s)
	})
}
