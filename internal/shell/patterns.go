package shell

import (
	"errors"
	"regexp"
	"strings"
)

// What POSIX has for regular expressions, made into Go's: for what matches the two
// agree, which of several matches is taken they may not.

var (
	errPattern   = errors.New("it has brackets without an end")
	errUnhandled = errors.New("it is not known")
)

// translated is an expression as Go has it, and how many groups it has. extended is of
// "grep -E" and "sed -E".
func translated(text string, extended bool) (out string, groups int, err error) {
	t := translation{text: text, extended: extended}
	for t.at < len(text) {
		if err := t.next(); err != nil {
			return "", 0, err
		}
	}
	if t.depth > 0 {
		return "", 0, errPattern
	}
	return t.out.String(), t.groups, nil
}

// translation is one under way.
type translation struct {
	text          string
	extended      bool
	at            int
	depth, groups int
	out           strings.Builder
	begun         bool // something stands before in this group or branch
}

func (t *translation) next() error {
	c := t.text[t.at]
	t.at++
	switch {
	case c == '[':
		return t.bracket()
	case c == '\\':
		return t.escape()
	case strings.IndexByte("(){}|+?", c) >= 0:
		if !t.extended {
			t.out.WriteString(`\` + string(c))
			t.begun = true
			return nil
		}
		return t.operator(c)
	case c == '*':
		if !t.begun {
			t.out.WriteString(`\*`)
			t.begun = true
			return nil
		}
		t.out.WriteByte(c)
	case c == '^' && !t.extended && t.begun, c == '$' && !t.extended && t.at < len(t.text) && !strings.HasPrefix(t.text[t.at:], `\)`) && !strings.HasPrefix(t.text[t.at:], `\|`):
		t.out.WriteString(`\` + string(c))
	case c == '^':
		t.out.WriteByte(c)
		return nil
	default:
		t.out.WriteString(literalByte(c))
	}
	t.begun = true
	return nil
}

// literalByte is a byte that stands for itself, but for those with a meaning in both.
func literalByte(c byte) string {
	if text := string([]byte{c}); c == '.' || c == '$' || c >= 0x80 {
		return text
	}
	return regexp.QuoteMeta(string(rune(c)))
}

// operator is one that groups, repeats or chooses.
func (t *translation) operator(c byte) error {
	switch c {
	case '(':
		t.depth++
		t.groups++
		t.begun = false
		t.out.WriteByte('(')
		return nil
	case ')':
		if t.depth--; t.depth < 0 {
			if t.depth = 0; t.extended {
				t.out.WriteString(`\)`)
				return nil
			}
			return errPattern
		}
	case '|':
		t.begun = false
		t.out.WriteByte('|')
		return nil
	case '{':
		end := strings.IndexByte(t.text[t.at:], '}')
		if end < 0 {
			return errPattern
		}
		count := strings.TrimSuffix(t.text[t.at:t.at+end], `\`)
		if !repetition.MatchString(count) {
			return errUnhandled
		}
		if strings.HasPrefix(count, ",") {
			count = "0" + count
		}
		t.at += end + 1
		t.out.WriteString("{" + count + "}")
		return nil
	case '}':
		t.out.WriteString(`\}`)
		return nil
	default:
		if !t.begun {
			return errUnhandled
		}
		t.out.WriteByte(c)
		return nil
	}
	t.begun = true
	t.out.WriteByte(c)
	return nil
}

var repetition = regexp.MustCompile(`^([0-9]+(,[0-9]*)?|,[0-9]+)$`)

// escape is what a backslash makes of what follows.
func (t *translation) escape() error {
	if t.at >= len(t.text) {
		return errors.New("it ends in a backslash")
	}
	c := t.text[t.at]
	t.at++
	switch {
	case strings.IndexByte("(){}|+?", c) >= 0:
		if t.extended {
			t.out.WriteString(`\` + string(c))
			t.begun = true
			return nil
		}
		return t.operator(c)
	case c >= '1' && c <= '9':
		return errUnhandled
	case c == '<' || c == '>':
		t.out.WriteString(`\b`)
	case strings.IndexByte("wWsSbBnt", c) >= 0:
		t.out.WriteString(`\` + string(c))
	case strings.IndexByte(`/.*[]^$\-"'`, c) >= 0:
		t.out.WriteString(regexp.QuoteMeta(string([]byte{c})))
	default:
		return errUnhandled
	}
	t.begun = true
	return nil
}

// bracket is a set of characters, in which a backslash is one.
func (t *translation) bracket() error {
	i := t.at
	if strings.HasPrefix(t.text[i:], "^") {
		i++
	}
	if strings.HasPrefix(t.text[i:], "]") {
		i++
	}
	for {
		if i >= len(t.text) {
			return errPattern
		}
		if t.text[i] == ']' {
			break
		}
		if rest := t.text[i:]; strings.HasPrefix(rest, "[:") || strings.HasPrefix(rest, "[.") || strings.HasPrefix(rest, "[=") {
			end := strings.Index(rest[2:], rest[1:2]+"]")
			if end < 0 {
				return errPattern
			}
			i += end + 4
			continue
		}
		i++
	}
	set := strings.ReplaceAll(t.text[t.at:i], `\`, `\\`)
	negated := strings.HasPrefix(set, "^")
	set = strings.TrimPrefix(set, "^")
	if strings.HasPrefix(set, "]") {
		set = `\` + set
	}
	if negated {
		set = "^" + set
	}
	if set == "" || strings.Contains(set, "[.") || strings.Contains(set, "[=") {
		return errUnhandled
	}
	t.out.WriteString("[" + strings.ReplaceAll(strings.ReplaceAll(set, "[", `\[`), `\[:`, "[:") + "]")
	t.at = i + 1
	t.begun = true
	return nil
}
