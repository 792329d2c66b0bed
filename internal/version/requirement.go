package version

import (
	"fmt"
	"strings"
)

// Requirement is a parsed requirement: alternatives of comparisons that must
// all hold.
type Requirement struct {
	any [][]comparison
}

type comparison struct {
	op      string
	than    Version
	partial bool // "~> 2.1": no patch number
}

// operators in the order in which Elixir's lexer tries them.
var operators = [...]string{">=", "<=", "~>", ">", "<", "==", "!=", "!", " or ", " and "}

// ParseRequirement reads a requirement.
func ParseRequirement(s string) (Requirement, error) {
	bad := func(why string) (Requirement, error) {
		return Requirement{}, fmt.Errorf("%q is not a version requirement: %s", clip(s), why)
	}
	if len(s) > MaxLen {
		return bad("it is too long")
	}
	words := lex(s)
	if len(words) == 0 {
		return bad("it is empty")
	}
	r := Requirement{any: [][]comparison{nil}}
	for len(words) > 0 {
		c, rest, err := readComparison(words)
		if err != nil {
			return bad(err.Error())
		}
		last := len(r.any) - 1
		r.any[last] = append(r.any[last], c)
		switch {
		case len(rest) == 0:
			return r, nil
		case rest[0] == " or ":
			r.any = append(r.any, nil)
		case rest[0] != " and ":
			return bad(fmt.Sprintf("%q stands where and or or must", rest[0]))
		}
		words = rest[1:]
	}
	return bad("it ends with and or or")
}

// lex splits s into operators and versions. Blanks end a version and do not
// count otherwise; "and" and "or" are operators only with one on either side.
func lex(s string) []string {
	var words []string
	inVersion := false
next:
	for s != "" {
		for _, op := range operators {
			if strings.HasPrefix(s, op) {
				words, s, inVersion = append(words, op), s[len(op):], false
				continue next
			}
		}
		switch {
		case s[0] == ' ':
			inVersion = false
		case inVersion:
			words[len(words)-1] += s[:1]
		default:
			words, inVersion = append(words, s[:1]), true
		}
		s = s[1:]
	}
	return words
}

func readComparison(words []string) (comparison, []string, error) {
	c := comparison{op: "=="}
	switch words[0] {
	case " or ", " and ":
		return c, nil, fmt.Errorf("%q joins nothing", strings.TrimSpace(words[0]))
	case ">=", "<=", "~>", ">", "<", "==", "!=", "!":
		c.op, words = words[0], words[1:]
	}
	if len(words) == 0 {
		return c, nil, fmt.Errorf("no version follows %q", c.op)
	}
	v, partial, err := parse(words[0])
	if err != nil {
		return c, nil, err
	}
	if partial && c.op != "~>" {
		return c, nil, fmt.Errorf("version %q lacks its patch number (only ~> may leave it out)", words[0])
	}
	c.than, c.partial = v, partial
	return c, words[1:], nil
}

// Match says whether v satisfies the requirement. Pre-releases take part.
func (r Requirement) Match(v Version) bool {
	for _, all := range r.any {
		ok := true
		for _, c := range all {
			ok = ok && c.match(v)
		}
		if ok {
			return true
		}
	}
	return false
}

func (c comparison) match(v Version) bool {
	d := v.Compare(c.than)
	switch c.op {
	case "==":
		return d == 0
	case "!=", "!":
		return d != 0
	case ">":
		return d > 0
	case ">=":
		return d >= 0
	case "<":
		return d < 0
	case "<=":
		return d <= 0
	}
	return d >= 0 && v.Compare(c.upper()) < 0
}

// upper is what "~>" stays below: the next major or minor version, and its
// pre-releases from the very first ("-0") on.
func (c comparison) upper() Version {
	if c.partial {
		return Version{Major: c.than.Major + 1, Pre: []string{"0"}}
	}
	return Version{Major: c.than.Major, Minor: c.than.Minor + 1, Pre: []string{"0"}}
}
