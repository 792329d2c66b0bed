// Package secret tells private keys and credentials by what a file holds: keys
// in PEM (RFC 7468, RFC 1421), OpenPGP (RFC 9580), DER (PKCS #1, PKCS #8, SEC 1),
// PKCS #12, JKS, of PuTTY, age, minisign and WireGuard and as JSON (RFC 7517);
// tokens by the prefixes that their services give them; and the files in which
// tools keep passwords. The name of a file says at most which of these it can
// be, never that it is one. Certificates, public keys, requests, and text that
// speaks of keys and holds none are no secret.
//
// What is found is described, never quoted: no message that is made of it holds
// a byte of the secret.
package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Rules is the version of what is found. Raise it whenever something is found
// that was not, or the other way round: whoever remembers answers asks again.
const Rules = 1

// Bounds of what is looked at, in bytes.
const (
	// Most is how much of a file is searched. What is a key as a whole, or a
	// file of credentials, is looked for in files up to window.
	Most   = 64 << 20
	window = 1 << 20
	// overlap is what of one window is looked at again with the next: longer
	// than what it takes to tell a key.
	overlap = 8 << 10
)

// Kind is how bad it is for a file to be seen by others.
type Kind int

// The kinds, worst last.
const (
	None       Kind = iota
	Credential      // a password or a token
	Key             // a private key
)

// Finding is what a file holds.
type Finding struct {
	Kind Kind
	What string // "an RSA private key"
	// At is where it stands, in bytes from the beginning; 0 also where nothing
	// but white space stands before it.
	At int64
}

// Detect looks for a secret in the content of a file of that name, the worst
// first.
func Detect(name string, content []byte) Finding {
	s := New(name)
	if len(content) < window {
		s.buf = content // it is only read
	} else {
		_, _ = s.Write(content)
	}
	return s.Finding()
}

// Read looks for a secret in what r gives of a file of that size, in bytes; of
// one that is larger than Most, in the beginning.
func Read(name string, r io.Reader, size int64) (Finding, error) {
	fail := func(err error) (Finding, error) {
		return Finding{}, fmt.Errorf("looking for secrets in %q: %w", name, err)
	}
	if size < window {
		b := make([]byte, size)
		n, err := io.ReadFull(r, b)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			return fail(err)
		}
		return Detect(name, b[:n]), nil
	}
	s := New(name)
	s.buf = make([]byte, 0, window)
	if _, err := io.CopyBuffer(s, io.LimitReader(r, Most), make([]byte, 256<<10)); err != nil {
		return fail(err)
	}
	return s.Finding(), nil
}

// Scanner looks for a secret in what is written to it.
type Scanner struct {
	name  string
	buf   []byte
	begin int64 // where buf begins in the file
	text  bool  // the file seems to be text
	found Finding
}

// New begins to look into a file of that name.
func New(name string) *Scanner { return &Scanner{name: name} }

// Write takes more of the file. It never fails.
func (s *Scanner) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && s.found.Kind != Key && s.begin < Most {
		take := min(len(p), window-len(s.buf))
		s.buf, p = append(s.buf, p[:take]...), p[take:]
		if len(s.buf) == window {
			s.search()
			s.begin += window - overlap
			s.buf = s.buf[:copy(s.buf, s.buf[window-overlap:])]
		}
	}
	return n, nil
}

// Finding is what was found in what was written so far, which is taken for the
// whole file.
func (s *Scanner) Finding() Finding {
	if s.found.Kind == Key {
		return s.found
	}
	s.search()
	if s.begin == 0 && s.found.Kind != Key {
		s.take(s.whole(s.buf))
	}
	return s.found
}

// search looks for what can stand anywhere in a file.
func (s *Scanner) search() {
	b := s.buf
	if s.begin == 0 {
		s.text = isText(b)
	}
	if plain, ok := fromUTF16(b); ok && s.begin == 0 {
		b, s.text = plain, true
	}
	s.take(signs.search(b, searching{text: s.text, code: IsCode(s.name)}, s.begin))
}

// take keeps the worst.
func (s *Scanner) take(f Finding) {
	if f.Kind > s.found.Kind {
		s.found = f
	}
}

// isText goes by the absence of NUL at the beginning, as git does.
func isText(b []byte) bool { return bytes.IndexByte(b[:min(len(b), 8000)], 0) < 0 }

// fromUTF16 is text that Windows wrote with two bytes a character, as one byte
// each: keys and credentials are ASCII.
func fromUTF16(b []byte) ([]byte, bool) {
	if !bytes.HasPrefix(b, []byte{0xff, 0xfe}) && !bytes.HasPrefix(b, []byte{0xfe, 0xff}) {
		return nil, false
	}
	return bytes.ReplaceAll(b[2:], []byte{0}, nil), true
}

// atStart says whether nothing stands before an offset but white space and the
// mark that some editors begin a file with.
func atStart(b []byte, at int) bool {
	return len(bytes.TrimSpace(bytes.TrimPrefix(b[:at], []byte("\ufeff")))) == 0
}
