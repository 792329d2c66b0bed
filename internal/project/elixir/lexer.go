package elixir

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type lexer struct {
	file   string
	src    string
	pos    int
	tokens []token
	lines  []int // byte offset at which each line starts

	inner [][]token // the tokens of each interpolation, with a kindEOF at their end
	parts []part    // those of the text that was read last
}

// lex splits src into tokens, the last of which is kindEOF, and checks that
// what is opened is closed.
func lex(file, src string) (*lexer, error) {
	l := &lexer{file: file, src: src, lines: lineStarts(src)}
	switch {
	case len(src) > MaxFile:
		return nil, l.fail(MaxFile, "the file is larger than 1 MiB")
	case !utf8.ValidString(src):
		return nil, l.fail(invalidAt(src), "the file is not UTF-8 text")
	}
	if err := l.run(0, false); err != nil {
		return nil, err
	}
	l.emit(kindEOF, l.pos, "")
	if err := l.balanced(l.tokens); err != nil {
		return nil, err
	}
	return l, nil
}

func lineStarts(src string) []int {
	starts := []int{0}
	for i := range len(src) {
		if src[i] == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

func invalidAt(src string) int {
	for i, r := range src {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(src[i:]); n == 1 {
				return i
			}
		}
	}
	return 0
}

// position turns a byte offset into line and column, both from 1.
func (l *lexer) position(at int) (line, col int) {
	lo, hi := 0, len(l.lines)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; l.lines[mid] <= at {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo + 1, utf8.RuneCountInString(l.src[l.lines[lo]:min(at, len(l.src))]) + 1
}

func (l *lexer) fail(at int, reason string) error {
	line, col := l.position(at)
	return &Error{File: l.file, Line: line, Col: col, Reason: reason}
}

func (l *lexer) emit(k kind, start int, text string) *token {
	l.tokens = append(l.tokens, token{kind: k, text: text, start: start})
	return &l.tokens[len(l.tokens)-1]
}

func (l *lexer) rest() string { return l.src[l.pos:] }

func (l *lexer) at(s string) bool { return strings.HasPrefix(l.rest(), s) }

func (l *lexer) peek(n int) byte {
	if l.pos+n < len(l.src) {
		return l.src[l.pos+n]
	}
	return 0
}

// run reads tokens to the end of the text, or, inside an interpolation, to the
// "}" that closes it, which it takes.
func (l *lexer) run(depth int, interpolation bool) error {
	if depth > maxDepth {
		return l.fail(l.pos, "interpolations are nested too deeply")
	}
	open, start := 0, l.pos
	for l.pos < len(l.src) {
		switch {
		case l.at("{") || l.at("%{"):
			open++
		case l.at("}") && interpolation && open == 0:
			l.pos++
			return nil
		case l.at("}"):
			open--
		}
		known := len(l.tokens)
		if err := l.next(depth); err != nil {
			return err
		}
		for i := known; i < len(l.tokens); i++ {
			l.tokens[i].end = l.pos
		}
	}
	if interpolation {
		return l.fail(start-len("#{"), `the interpolation "#{" is not closed by "}"`)
	}
	return nil
}

func (l *lexer) next(depth int) error {
	c, start := l.src[l.pos], l.pos
	switch {
	case c == ' ' || c == '\t' || c == '\r' || c == '\f':
		l.pos++
	case c == '\\' && (l.peek(1) == '\n' || l.peek(1) == '\r' && l.peek(2) == '\n'):
		l.pos += 1 + strings.IndexByte(l.src[l.pos:], '\n') // a continued line
	case c == '\n' || c == ';':
		l.pos++
		if n := len(l.tokens); n == 0 || l.tokens[n-1].kind != kindNewline {
			l.emit(kindNewline, start, "")
		}
	case c == '#':
		if i := strings.IndexByte(l.rest(), '\n'); i >= 0 {
			l.pos += i
		} else {
			l.pos = len(l.src)
		}
	case c == '"' || c == '\'':
		return l.quoted(depth)
	case c == '~' && letter(l.peek(1)):
		return l.sigil(depth)
	case c == ':' && l.peek(1) != ':':
		return l.atom(depth)
	case c == '?' && l.pos+1 < len(l.src):
		l.char()
	case '0' <= c && c <= '9':
		l.number()
	default:
		return l.word()
	}
	return nil
}

func letter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// char is ?a or ?\n.
func (l *lexer) char() {
	start := l.pos
	l.pos++
	if l.at(`\`) && l.pos+1 < len(l.src) {
		l.pos++
	}
	_, n := utf8.DecodeRuneInString(l.rest())
	l.pos += n
	l.emit(kindOpaque, start, l.src[start:l.pos])
}

func (l *lexer) number() {
	start := l.pos
	k := kindInt
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		switch {
		case '0' <= c && c <= '9' || letter(c) || c == '_':
			if letter(c) {
				k = kindOpaque // hexadecimal and the like
			}
		case c == '.' && '0' <= l.peek(1) && l.peek(1) <= '9':
			k = kindOpaque
		case (c == '-' || c == '+') && k == kindOpaque && strings.ContainsRune("eE", rune(l.src[l.pos-1])):
		default:
			l.emit(k, start, l.src[start:l.pos])
			return
		}
		l.pos++
	}
	l.emit(k, start, l.src[start:l.pos])
}

func identStart(r rune) bool { return r == '_' || unicode.IsLetter(r) }
func identPart(r rune) bool {
	return identStart(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Mc, r)
}

// name is the identifier at the start of s, "" if there is none.
func name(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	if n == 0 || !identStart(first) {
		return ""
	}
	for i, r := range s {
		switch {
		case identPart(r):
		case r == '?' || r == '!':
			return s[:i+1]
		default:
			return s[:i]
		}
	}
	return s
}

// word is an identifier, an alias, a key or an operator.
func (l *lexer) word() error {
	start, n := l.pos, name(l.rest())
	if n == "" {
		return l.operator()
	}
	if last := n[len(n)-1]; (last == '!' || last == '?') && strings.HasPrefix(l.src[l.pos+len(n):], "=") &&
		!strings.HasPrefix(l.src[l.pos+len(n):], "==") && last == '!' {
		n = n[:len(n)-1] // a!=b
	}
	l.pos += len(n)
	afterDot := len(l.tokens) > 0 && l.tokens[len(l.tokens)-1].is(".")
	switch first, _ := utf8.DecodeRuneInString(n); {
	case l.key():
		l.emit(kindKey, start, n)
		l.pos++
	case !afterDot && reserved(n):
		l.emit(kindKeyword, start, n)
	case unicode.IsUpper(first):
		l.emit(kindAlias, start, n)
	default:
		l.emit(kindIdent, start, n)
	}
	return nil
}

// key says whether what was just read is followed by a ":" that makes it a key.
func (l *lexer) key() bool {
	return l.at(":") && (l.peek(1) == 0 || strings.IndexByte(" \t\r\n", l.peek(1)) >= 0)
}

// operators, longest first, as the tokenizer takes them; brackets among them.
var operators = [...]string{
	"<<<", ">>>", "|||", "&&&", "^^^", "~~~", "===", "!==", "+++", "---", "<~>", "<|>", "~>>", "<<~", "...", "**",
	"<<", ">>", "||", "&&", "==", "!=", "=~", "<=", ">=", "|>", "<>", "++", "--", "->", "<-", "=>", "::", "..", "\\\\",
	"~>", "<~", "//", "%{",
	"(", ")", "[", "]", "{", "}", ",", ".", "@", "&", "|", "+", "-", "*", "/", "<", ">", "=", "!", "^", "%", ":", "\\", "~", "?",
}

func (l *lexer) operator() error {
	for _, op := range operators {
		if !l.at(op) {
			continue
		}
		start := l.pos
		l.pos += len(op)
		if !strings.ContainsAny(op, "()[]{},.") && l.key() {
			l.emit(kindKey, start, op) // "+: 1" in a keyword list of operators
			l.pos++
			return nil
		}
		if op == "%{" {
			l.emit(kindPunct, start, "%")
			start, op = start+1, "{"
		}
		l.emit(kindPunct, start, op)
		return nil
	}
	r, _ := utf8.DecodeRuneInString(l.rest())
	return l.fail(l.pos, "unexpected character "+quoteRune(r))
}

func quoteRune(r rune) string {
	if unicode.IsPrint(r) {
		return `"` + string(r) + `"`
	}
	return "that cannot be printed"
}
