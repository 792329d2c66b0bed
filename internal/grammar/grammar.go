// Package grammar says what names and versions may be made of. They come from a
// project's text, from settings and from the files of a release, and end as parts
// of paths, as arguments and as file names: so each is held against the rule of
// the tool that takes it where it enters. What passes here is one element of a
// path, neither "." nor "..", begins with no dash, and holds nothing that a shell,
// a terminal or a file system takes for more than a character.
package grammar

import (
	"fmt"
	"regexp"
	"unicode"
)

// Max bounds a name or version, in bytes. Two and a platform make a file's name,
// which may have 255.
const Max = 100

var (
	mixName = regexp.MustCompile(`\A[a-z][a-z0-9_]*\z`)
	atom    = regexp.MustCompile(`\A[A-Za-z][A-Za-z0-9_@.-]*\z`)
	version = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9._+~-]*\z`)
)

// MixRelease holds for names of releases that Mix makes: its own rule.
func MixRelease(s string) error {
	return match(mixName, s, "cannot name a release: it takes a small letter, then small letters, digits and _")
}

// Name holds for applications, for environments, and for releases of tools other
// than Mix: atoms that need no quotes, and a little more.
func Name(s string) error {
	return match(atom, s, "cannot be a name: it takes a letter, then letters, digits and _ @ . -")
}

// Version holds for a release's version. Mix wants a semantic version of an
// application; of a release alone, like other tools, it takes others too.
func Version(s string) error {
	return match(version, s, "cannot be a version: it takes letters, digits and . _ + ~ -, the first a letter or a digit")
}

func match(rule *regexp.Regexp, s, says string) error {
	switch {
	case len(s) > Max:
		return fmt.Errorf("%s is too long: %d bytes, at most %d", Quote(s), len(s), Max)
	case !rule.MatchString(s):
		return fmt.Errorf("%s %s", Quote(s), says)
	}
	return nil
}

// Printable says whether s holds only what a terminal shows as it is: no control
// characters, and none that only change how others are shown.
func Printable(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return false
		}
	}
	return true
}

// Quote is s in quotes for a message, shortened where it is long.
func Quote(s string) string {
	const most = 80
	if len(s) <= most {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%q… (%d bytes)", s[:most], len(s))
}
