package beam

import (
	"bytes"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind int

const (
	tokEnd tokenKind = iota
	tokDot
	tokAtom
	tokString
	tokNumber
	tokSign
	tokWrong // text says what is wrong
)

type token struct {
	kind   tokenKind
	at     int
	text   string
	quoted bool // of an atom
	number Term
}

// scanner reads tokens as erl_scan does, of valid UTF-8.
type scanner struct {
	b  []byte
	at int
}

func quote(s string) string {
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return strconv.Quote(s)
}

func (s *scanner) wrong(at int, text string) token {
	return token{kind: tokWrong, at: at, text: text}
}

// peek is the byte n places on, 0 past the end.
func (s *scanner) peek(n int) byte {
	if s.at+n < len(s.b) {
		return s.b[s.at+n]
	}
	return 0
}

func (s *scanner) scan() token {
	s.skipSpace()
	at := s.at
	if at >= len(s.b) {
		return token{kind: tokEnd, at: at}
	}
	r, _ := utf8.DecodeRune(s.b[at:])
	switch {
	case r == '.' && s.dot():
		s.at++
		return token{kind: tokDot, at: at, text: "."}
	case r == '"':
		if bytes.HasPrefix(s.b[at:], []byte(`"""`)) {
			return s.wrong(at, "triple-quoted strings are not read")
		}
		return s.quotedText(tokString)
	case r == '\'':
		return s.quotedText(tokAtom)
	case r == '$':
		return s.character()
	case r >= '0' && r <= '9':
		return s.number()
	case unicode.IsLower(r):
		return s.word()
	}
	return s.signToken()
}

func (s *scanner) skipSpace() {
	for s.at < len(s.b) {
		switch c := s.b[s.at]; {
		case c == '%':
			end := bytes.IndexByte(s.b[s.at:], '\n')
			if end < 0 {
				end = len(s.b) - s.at
			}
			s.at += end
		case c <= ' ':
			s.at++
		case bytes.HasPrefix(s.b[s.at:], []byte("\u00a0")):
			s.at += len("\u00a0")
		case s.at == 0 && bytes.HasPrefix(s.b, []byte("\ufeff")):
			s.at += len("\ufeff")
		default:
			return
		}
	}
}

// dot tells whether the dot here ends a term.
func (s *scanner) dot() bool {
	c := s.peek(1)
	return s.at+1 >= len(s.b) || c <= ' ' || c == '%'
}

func (s *scanner) signToken() token {
	at := s.at
	for _, sign := range []string{"<<", ">>", "=>"} {
		if bytes.HasPrefix(s.b[at:], []byte(sign)) {
			s.at += 2
			return token{kind: tokSign, at: at, text: sign}
		}
	}
	if strings.IndexByte("{}[](),|:/#-+", s.b[at]) >= 0 {
		s.at++
		return token{kind: tokSign, at: at, text: string(s.b[at : at+1])}
	}
	r, _ := utf8.DecodeRune(s.b[at:])
	return s.wrong(at, strconv.QuoteRune(r)+" begins no term")
}

func (s *scanner) word() token {
	at := s.at
	for s.at < len(s.b) {
		r, n := utf8.DecodeRune(s.b[s.at:])
		if r != '_' && r != '@' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			break
		}
		s.at += n
	}
	return token{kind: tokAtom, at: at, text: string(s.b[at:s.at])}
}

// LongestAtom is how many characters an atom has at most, as the VM has it.
const LongestAtom = 255

// quotedText reads a string or quoted atom, up to and with its closing quote.
func (s *scanner) quotedText(kind tokenKind) token {
	at, q := s.at, s.b[s.at]
	s.at++
	var out []byte
	for s.at < len(s.b) {
		stop := bytes.IndexAny(s.b[s.at:], string(q)+`\`)
		if stop < 0 {
			break
		}
		out = append(out, s.b[s.at:s.at+stop]...)
		s.at += stop
		if s.b[s.at] == q {
			s.at++
			if kind == tokAtom && utf8.RuneCount(out) > LongestAtom {
				return s.wrong(at, "an atom has more than 255 characters")
			}
			return token{kind: kind, at: at, text: string(out), quoted: true}
		}
		r, ok := s.escape()
		if !ok {
			return s.wrong(s.at, "unknown escape in quotes")
		}
		out = utf8.AppendRune(out, r)
	}
	return s.wrong(at, "quotes are not closed")
}

// escapes are the letters that stand for a character behind a backslash.
const (
	escapeLetters = "bdefnrstv"
	escapeRunes   = "\b\x7f\x1b\f\n\r \t\v"
)

// escape reads an escape sequence, from its backslash on.
func (s *scanner) escape() (rune, bool) {
	s.at++
	if s.at >= len(s.b) {
		return 0, false
	}
	r, n := utf8.DecodeRune(s.b[s.at:])
	s.at += n
	switch {
	case r == '^' && s.at < len(s.b):
		s.at++
		return rune(s.b[s.at-1] & 31), s.b[s.at-1] < utf8.RuneSelf
	case r >= '0' && r <= '7':
		v := r - '0'
		for range 2 {
			if c := s.peek(0); c >= '0' && c <= '7' {
				v = 8*v + rune(c-'0')
				s.at++
			}
		}
		return v, true
	case r == 'x':
		return s.hexEscape()
	case r == '\n':
		return r, true
	}
	if i := strings.IndexRune(escapeLetters, r); i >= 0 {
		return rune(escapeRunes[i]), true
	}
	return r, true
}

func (s *scanner) hexEscape() (rune, bool) {
	digits := s.b[s.at:min(s.at+2, len(s.b))]
	skip := 0
	if s.peek(0) == '{' {
		end := bytes.IndexByte(s.b[s.at:min(s.at+10, len(s.b))], '}')
		if end < 0 {
			return 0, false
		}
		digits, skip = s.b[s.at+1:s.at+end], 2
	}
	v, err := strconv.ParseUint(string(digits), 16, 32)
	s.at += len(digits) + skip
	return rune(v), err == nil && v <= utf8.MaxRune && utf8.ValidRune(rune(v))
}

// character reads $c, the number of a character.
func (s *scanner) character() token {
	at := s.at
	s.at++
	if s.peek(0) == '\\' {
		r, ok := s.escape()
		if !ok {
			return s.wrong(at, "unknown escape behind $")
		}
		return token{kind: tokNumber, at: at, text: "$", number: Int(r)}
	}
	r, n := utf8.DecodeRune(s.b[s.at:])
	if n == 0 {
		return s.wrong(at, "no character behind $")
	}
	s.at += n
	return token{kind: tokNumber, at: at, text: "$", number: Int(r)}
}

func (s *scanner) digits(valid func(byte) bool) string {
	at := s.at
	for valid(s.peek(0)) || s.peek(0) == '_' && s.at > at && valid(s.peek(1)) {
		s.at++
	}
	return strings.ReplaceAll(string(s.b[at:s.at]), "_", "")
}

func decimal(c byte) bool { return c >= '0' && c <= '9' }

func alphanumeric(c byte) bool {
	return decimal(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// number reads 12, 1_000, 16#ff, 1.5 and 1.5e-3.
func (s *scanner) number() token {
	at := s.at
	text := s.digits(decimal)
	switch {
	case s.peek(0) == '#' && alphanumeric(s.peek(1)):
		base, err := strconv.Atoi(text)
		s.at++
		if err != nil || base < 2 || base > 36 {
			return s.wrong(at, "no base of numbers: "+quote(text))
		}
		return s.integer(at, s.digits(alphanumeric), base)
	case s.peek(0) == '.' && decimal(s.peek(1)):
		s.at++
		text += "." + s.digits(decimal) + s.exponent()
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return s.wrong(at, "no float: "+quote(text))
		}
		return token{kind: tokNumber, at: at, text: text, number: Float(f)}
	}
	return s.integer(at, text, 10)
}

func (s *scanner) exponent() string {
	if c := s.peek(0); c != 'e' && c != 'E' {
		return ""
	}
	sign := ""
	if c := s.peek(1); c == '-' || c == '+' {
		sign = string(c)
	}
	if !decimal(s.peek(1 + len(sign))) {
		return ""
	}
	s.at += 1 + len(sign)
	return "e" + sign + s.digits(decimal)
}

func (s *scanner) integer(at int, text string, base int) token {
	v := new(big.Int)
	if len(text) > 2*maxBigBytes {
		return s.wrong(at, "integer too large")
	}
	if _, ok := v.SetString(text, base); !ok {
		return s.wrong(at, "no integer: "+quote(text))
	}
	return token{kind: tokNumber, at: at, text: text, number: integer(v)}
}

// negated reads a number behind a minus.
func negated(p *parser) Term {
	t := p.tok
	if t.kind != tokNumber {
		return p.unexpected("a number")
	}
	p.next()
	switch n := t.number.(type) {
	case Int:
		return integer(new(big.Int).Neg(big.NewInt(int64(n))))
	case Big:
		return integer(new(big.Int).Neg(n.Int))
	case Float:
		return -n
	}
	return p.fail("no number")
}
