package beam

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

const maxTextBytes = 8 << 20

// Consult reads terms as text, each ended by a dot, as file:consult does: .app,
// .rel, .script and sys.config files. The text is UTF-8, or Latin-1 where a
// comment in its first two lines says so or it is no UTF-8.
func Consult(text []byte) ([]Term, error) {
	if len(text) > maxTextBytes {
		return nil, malformed("terms of %d bytes, at most %d are read", len(text), maxTextBytes)
	}
	if saysLatin1(text) || !utf8.Valid(text) {
		text = []byte(latin1(string(text)))
	}
	p := parser{s: scanner{b: text}}
	p.next()
	var terms []Term
	for p.tok.kind != tokEnd && p.wrong == "" {
		t := p.term(0)
		if p.wrong == "" && p.tok.kind != tokDot {
			p.unexpected("a dot")
		}
		terms = append(terms, t)
		p.next()
	}
	if p.wrong != "" {
		return nil, malformed("line %d: %s", 1+bytes.Count(text[:min(p.tok.at, len(text))], []byte("\n")), p.wrong)
	}
	return terms, nil
}

// ConsultOne reads text that holds one term.
func ConsultOne(text []byte) (Term, error) {
	terms, err := Consult(text)
	if err != nil {
		return nil, err
	}
	if len(terms) != 1 {
		return nil, malformed("%d terms, one was expected", len(terms))
	}
	return terms[0], nil
}

// saysLatin1 finds "coding: latin-1" in a comment of the first two lines (epp).
func saysLatin1(text []byte) bool {
	for range 2 {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		if _, comment, ok := bytes.Cut(line, []byte("%")); ok {
			if _, coding, ok := bytes.Cut(bytes.ToLower(comment), []byte("coding")); ok {
				return bytes.HasPrefix(bytes.TrimLeft(coding, ":= \t"), []byte("latin-1"))
			}
		}
		text = rest
	}
	return false
}

// parser reads terms of tokens; wrong is what is wrong at the token.
type parser struct {
	s     scanner
	tok   token
	terms int
	wrong string
}

func (p *parser) next() {
	if p.wrong != "" {
		p.tok.kind = tokEnd
		return
	}
	p.tok = p.s.scan()
	if p.tok.kind == tokWrong {
		p.fail(p.tok.text)
	}
}

func (p *parser) fail(wrong string) Term {
	if p.wrong == "" {
		p.wrong = wrong
	}
	p.tok.kind = tokEnd
	return nil
}

func (p *parser) unexpected(wanted string) Term {
	if p.tok.kind == tokEnd {
		return p.fail("the text ends where " + wanted + " was expected")
	}
	return p.fail(quote(p.tok.text) + " where " + wanted + " was expected")
}

// sign passes over the given punctuation, if it is next.
func (p *parser) sign(s string) bool {
	if p.tok.kind != tokSign || p.tok.text != s {
		return false
	}
	p.next()
	return true
}

func (p *parser) expect(s string) {
	if !p.sign(s) {
		p.unexpected(quote(s))
	}
}

func (p *parser) term(depth int) Term {
	p.terms++
	if depth > maxTermDepth {
		return p.fail("nested too deep")
	}
	if p.terms > maxTerms {
		return p.fail("more than a million terms")
	}
	t := p.tok
	switch t.kind {
	case tokAtom:
		p.next()
		if t.text == "fun" && !t.quoted {
			return p.fun()
		}
		return Atom(t.text)
	case tokString:
		return p.text()
	case tokNumber:
		p.next()
		return t.number
	case tokSign:
		return p.compound(depth)
	case tokDot, tokEnd, tokWrong:
	}
	return p.unexpected("a term")
}

// text reads strings; those that stand side by side are one.
func (p *parser) text() Term {
	var parts []string
	for p.tok.kind == tokString {
		parts = append(parts, p.tok.text)
		p.next()
	}
	return String(strings.Join(parts, ""))
}

func (p *parser) compound(depth int) Term {
	switch {
	case p.sign("{"):
		return Tuple(p.items("}", depth))
	case p.sign("["):
		return p.list(depth)
	case p.sign("<<"):
		return p.binary()
	case p.sign("#"):
		p.expect("{")
		return p.pairs(depth)
	case p.sign("-"):
		return negated(p)
	case p.sign("+"):
		if p.tok.kind != tokNumber {
			return p.unexpected("a number")
		}
		return p.term(depth + 1)
	}
	return p.unexpected("a term")
}

// items reads terms between commas, up to and with the closing sign.
func (p *parser) items(closing string, depth int) []Term {
	if p.sign(closing) {
		return nil
	}
	var items []Term
	for p.wrong == "" {
		items = append(items, p.term(depth+1))
		if p.sign(closing) {
			return items
		}
		p.expect(",")
	}
	return nil
}

func (p *parser) list(depth int) Term {
	if p.sign("]") {
		return List(nil)
	}
	var items List
	for p.wrong == "" {
		items = append(items, p.term(depth+1))
		switch {
		case p.sign("]"):
			return items
		case p.sign("|"):
			tail := p.term(depth + 1)
			p.expect("]")
			if rest, ok := tail.(List); ok {
				return append(items, rest...)
			}
			return Improper{items, tail}
		}
		p.expect(",")
	}
	return nil
}

func (p *parser) pairs(depth int) Term {
	m := Map{}
	if p.sign("}") {
		return m
	}
	for p.wrong == "" {
		key := p.term(depth + 1)
		p.expect("=>")
		m = append(m, Pair{key, p.term(depth + 1)})
		if p.sign("}") {
			return m
		}
		p.expect(",")
	}
	return nil
}

// binary reads what follows "<<": bytes, and strings with or without /utf8.
func (p *parser) binary() Term {
	var b []byte
	for first := true; p.wrong == "" && !p.sign(">>"); first = false {
		if !first {
			p.expect(",")
		}
		b = p.segment(b)
	}
	return Binary(b)
}

func (p *parser) segment(b []byte) []byte {
	t := p.tok
	p.next()
	encoded := p.sign("/")
	if encoded {
		if p.tok.kind != tokAtom || p.tok.text != "utf8" {
			p.unexpected("utf8")
			return nil
		}
		p.next()
	}
	n, isByte := t.number.(Int)
	switch {
	case t.kind == tokString && encoded:
		return append(b, t.text...)
	case t.kind == tokString:
		for _, r := range t.text { // a character is a byte, its lowest
			b = append(b, byte(r))
		}
		return b
	case t.kind == tokNumber && isByte && !encoded && n >= 0 && n < 256:
		return append(b, byte(n))
	}
	p.tok = t
	p.unexpected("a byte or a string")
	return nil
}

// fun reads what follows the word: M:F/A.
func (p *parser) fun() Term {
	module := p.tok
	p.next()
	p.expect(":")
	name := p.tok
	p.next()
	p.expect("/")
	arity, ok := p.tok.number.(Int)
	if module.kind != tokAtom || name.kind != tokAtom || p.tok.kind != tokNumber || !ok || arity < 0 || arity > 255 {
		return p.unexpected("Module:Function/Arity")
	}
	p.next()
	return Fun{module.text, name.text, int(arity)}
}
