package elixir

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// quoted is "…", '…' or a heredoc, perhaps as a key ("name": value).
func (l *lexer) quoted(depth int) error {
	start := l.pos
	delim := l.rest()[:1]
	text, dynamic, err := l.body(depth, delim, true)
	parts := l.parts
	if err != nil {
		return err
	}
	k := kindString
	switch {
	case l.key():
		k = kindKey
		l.pos++
	case delim == "'":
		k = kindCharlist
	}
	t := l.emit(k, start, text)
	t.dynamic = dynamic
	if k == kindString {
		t.parts = parts
	}
	return nil
}

// atom is :name, :"name" or :+, or a lone ":".
func (l *lexer) atom(depth int) error {
	start := l.pos
	l.pos++
	if l.at(`"`) || l.at("'") {
		text, dynamic, err := l.body(depth, l.rest()[:1], true)
		if err != nil {
			return err
		}
		l.emit(kindAtom, start, text).dynamic = dynamic
		return nil
	}
	text := atomName(l.rest())
	if text == "" {
		l.emit(kindPunct, start, ":")
		return nil
	}
	l.pos += len(text)
	l.emit(kindAtom, start, text)
	return nil
}

func atomName(s string) string {
	if n := name(s); n != "" {
		bare := strings.TrimRight(n, "?!")
		for rest := s[len(bare):]; strings.HasPrefix(rest, "@"); rest = s[len(bare):] { // :node@host
			more := name(rest[1:])
			bare += "@" + more
			n = bare
		}
		return n
	}
	for _, op := range [...]string{"%{}", "<<>>", "{}", "[]", "%"} {
		if strings.HasPrefix(s, op) {
			return op
		}
	}
	for _, op := range operators {
		if strings.HasPrefix(s, op) && !strings.ContainsAny(op, "()[]{},%:?") {
			return op
		}
	}
	return ""
}

// sigil is ~x<delimiter>…<delimiter>modifiers. Upper-case sigils neither
// escape nor interpolate.
func (l *lexer) sigil(depth int) error {
	start := l.pos
	end := l.pos + 1
	for end < len(l.src) && (letter(l.src[end]) || end > l.pos+1 && '0' <= l.src[end] && l.src[end] <= '9') {
		end++
	}
	sign := l.src[start+1 : end]
	if end >= len(l.src) || strings.IndexByte(`/|"'([{<`, l.src[end]) < 0 {
		l.pos++ // "~" as an operator before a name
		l.emit(kindPunct, start, "~")
		return nil
	}
	raw := sign[0] >= 'A' && sign[0] <= 'Z'
	l.pos = end
	text, dynamic, err := l.body(depth, l.src[end:end+1], !raw)
	if err != nil {
		return err
	}
	from := l.pos
	for l.pos < len(l.src) && letter(l.src[l.pos]) {
		l.pos++
	}
	k := kindOpaque
	switch sign {
	case "s", "S":
		k = kindString
	case "c", "C":
		k = kindCharlist
	case "w", "W":
		k = kindWords
	}
	t := l.emit(k, start, text)
	t.dynamic, t.flags = dynamic, l.src[from:l.pos]
	return nil
}

func closing(delim string) string {
	if i := strings.Index("([{<", delim); i >= 0 {
		return ")]}>"[i : i+1]
	}
	return delim
}

// body reads a delimited text from its opening delimiter on. With live set,
// escapes and interpolations count.
func (l *lexer) body(depth int, delim string, live bool) (text string, dynamic bool, err error) {
	start := l.pos
	end := closing(delim)
	heredoc := (delim == `"` || delim == "'") && l.at(strings.Repeat(delim, 3))
	if heredoc {
		end = strings.Repeat(delim, 3)
	}
	l.pos += len(end)
	var b strings.Builder
	var parts []part
	said := 0 // bytes of the text that stand in parts
	for l.pos < len(l.src) {
		switch {
		case l.at(end) && (!heredoc || l.lineStart()):
			l.pos += len(end)
			l.parts = nil
			if heredoc {
				return unindent(b.String(), l.src, l.pos-len(end)), dynamic, nil
			}
			if dynamic {
				l.parts = append(parts, part{text: b.String()[said:], inner: -1})
			}
			return b.String(), dynamic, nil
		case l.at(`\`) && l.pos+1 < len(l.src):
			l.escape(&b, live, end)
		case live && l.at("#{"):
			dynamic = true
			l.pos += 2
			kept := len(l.tokens)
			if err := l.run(depth+1, true); err != nil {
				return "", false, err
			}
			inner := append(l.tokens[kept:len(l.tokens):len(l.tokens)], token{kind: kindEOF, start: l.pos - 1})
			if err := l.balanced(inner); err != nil {
				return "", false, err
			}
			parts = append(parts, part{text: b.String()[said:], inner: len(l.inner)})
			said = b.Len()
			l.inner = append(l.inner, slices.Clone(inner))
			l.tokens = l.tokens[:kept]
		default:
			b.WriteByte(l.src[l.pos])
			l.pos++
		}
	}
	return "", false, l.fail(start, "the text that starts here is not closed by "+end)
}

// lineStart says whether only blanks precede the position in its line.
func (l *lexer) lineStart() bool {
	i := l.pos - 1
	for i >= 0 && (l.src[i] == ' ' || l.src[i] == '\t') {
		i--
	}
	return i < 0 || l.src[i] == '\n'
}

// escape reads a backslash and what it escapes.
func (l *lexer) escape(b *strings.Builder, live bool, end string) {
	c := l.peek(1)
	if !live { // only the delimiter can be escaped
		if c != end[0] {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
		l.pos += 2
		return
	}
	l.pos += 2
	switch i := strings.IndexByte("abdefnrstv0", c); {
	case i >= 0:
		b.WriteByte("\a\b\x7f\x1b\f\n\r \t\v\x00"[i])
	case c == '\n': // a continued line
	case c == 'x' || c == 'u':
		l.hex(b)
	default:
		b.WriteByte(c)
	}
}

// hex reads what follows \x or \u: two or four digits, or any in braces.
func (l *lexer) hex(b *strings.Builder) {
	n := 2
	if l.src[l.pos-1] == 'u' {
		n = 4
	}
	digits := l.src[l.pos:min(l.pos+n, len(l.src))]
	l.pos += len(digits)
	if strings.HasPrefix(digits, "{") {
		l.pos -= len(digits) - 1
		digits, _, _ = strings.Cut(l.src[l.pos:min(l.pos+8, len(l.src))], "}")
		l.pos = min(l.pos+len(digits)+1, len(l.src))
	}
	v, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || !utf8.ValidRune(rune(v)) { //nolint:gosec // bounded to 32 bits
		v = utf8.RuneError
	}
	b.WriteRune(rune(v)) //nolint:gosec // checked above
}

// unindent takes the closing delimiter's indentation off a heredoc's lines.
func unindent(text, src string, end int) string {
	indent := end - (strings.LastIndexByte(src[:end], '\n') + 1)
	_, text, _ = strings.Cut(text, "\n") // what follows the opening delimiter
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		cut := 0
		for cut < min(indent, len(line)) && (line[cut] == ' ' || line[cut] == '\t') {
			cut++
		}
		lines[i] = line[cut:]
	}
	return strings.Join(lines, "\n")
}
