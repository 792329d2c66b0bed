// Package version implements Elixir's own version and requirement syntax, as
// its Version module documents it and as Elixir 1.18 behaves: versions are
// MAJOR.MINOR.PATCH[-PRE][+BUILD]; requirements join comparisons (==, !=, !,
// >, >=, <, <=, ~>; none means ==) with "and" and "or", "and" binding tighter.
// It is not semver's range syntax: `~> 2.1` allows 2.5, `>= 2.1` is invalid.
//
// Parsing is bounded by MaxLen bytes; matching allows pre-releases, which is
// what Mix does for `elixir:` in mix.exs.
package version

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// MaxLen is the longest version or requirement that is read, in bytes.
const MaxLen = 1024

// Version is a parsed version. Its zero value is 0.0.0.
type Version struct {
	Major, Minor, Patch uint64
	Pre                 []string // the dot-separated parts after "-"
	Build               string   // what stands after "+"; it does not count in comparisons
}

// Parse reads a whole version.
func Parse(s string) (Version, error) {
	v, partial, err := parse(s)
	if err == nil && partial {
		err = fmt.Errorf("version %q lacks its patch number", s)
	}
	if err != nil {
		return Version{}, err
	}
	return v, nil
}

// parse reads a version whose patch number may be missing.
func parse(s string) (v Version, partial bool, err error) {
	bad := func(why string) (Version, bool, error) {
		return Version{}, false, fmt.Errorf("%q is not a version: %s", clip(s), why)
	}
	if len(s) > MaxLen {
		return bad("it is too long")
	}
	rest, build, hasBuild := strings.Cut(s, "+")
	core, pre, hasPre := strings.Cut(rest, "-")
	if hasBuild && !identifiers(build) {
		return bad("what follows + must be letters, digits, dots and hyphens")
	}
	if hasPre {
		v.Pre = strings.Split(pre, ".")
		if !identifiers(pre) || slices.ContainsFunc(v.Pre, zeroLed) {
			return bad("what follows - must be dot-separated words, numbers without leading zeros")
		}
	}
	v.Build = build
	parts := strings.Split(core, ".")
	if len(parts) < 2 || len(parts) > 3 {
		return bad("it must be MAJOR.MINOR.PATCH")
	}
	for i, to := range []*uint64{&v.Major, &v.Minor, &v.Patch}[:len(parts)] {
		n, ok := number(parts[i])
		if !ok {
			return bad("it must be MAJOR.MINOR.PATCH, numbers without leading zeros")
		}
		*to = n
	}
	return v, len(parts) == 2, nil
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func zeroLed(s string) bool { return len(s) > 1 && s[0] == '0' && digits(s) }

func number(s string) (uint64, bool) {
	if !digits(s) || zeroLed(s) {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}

func identifiers(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || strings.ContainsFunc(part, func(c rune) bool {
			return c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
		}) {
			return false
		}
	}
	return true
}

// String writes the version as Parse reads it.
func (v Version) String() string {
	s := fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
	if len(v.Pre) > 0 {
		s += "-" + strings.Join(v.Pre, ".")
	}
	if v.Build != "" {
		s += "+" + v.Build
	}
	return s
}

// Compare is negative, zero or positive as v is older than, the same as or
// newer than w. A pre-release is older than its release.
func (v Version) Compare(w Version) int {
	return cmp.Or(
		cmp.Compare(v.Major, w.Major),
		cmp.Compare(v.Minor, w.Minor),
		cmp.Compare(v.Patch, w.Patch),
		comparePre(v.Pre, w.Pre),
	)
}

func comparePre(a, b []string) int {
	if len(a) == 0 || len(b) == 0 {
		return cmp.Compare(len(b), len(a)) // having none is newer
	}
	return slices.CompareFunc(a, b, comparePart)
}

// comparePart orders numbers by value and before words, words by their bytes.
func comparePart(a, b string) int {
	switch da, db := digits(a), digits(b); {
	case da && db:
		x, _ := new(big.Int).SetString(a, 10) // of any length, as in Elixir
		y, _ := new(big.Int).SetString(b, 10)
		return x.Cmp(y)
	case da:
		return -1
	case db:
		return 1
	}
	return cmp.Compare(a, b)
}
