package secret

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// keySigns are those of private keys as text.
func keySigns() []sign {
	return []sign{
		{text: "PRIVATE KEY", kind: Key, holds: pemKey, always: true},
		{text: "LS0tLS1CRUdJTi", kind: Key, holds: encodedPEM}, // base64 of "-----BEGIN "
		{text: "AGE-SECRET-KEY-", kind: Key, holds: ageKey},
		{text: "PuTTY-User-Key-File-", kind: Key, holds: puttyKey},
		{text: `"kty"`, kind: Key, holds: jwk},
		{text: "PrivateKey", kind: Key, holds: wireguardKey, loose: true},
		{text: "untrusted comment:", kind: Key, holds: minisignKey},
	}
}

// pemKey is a key in the armour of RFC 7468 and RFC 4880 or SSH's own.
func pemKey(b []byte, at int) string {
	rest := b[at+len("PRIVATE KEY"):]
	if bytes.HasPrefix(rest, []byte(" FILE FORMAT 1.1\n\x00")) && bytes.HasSuffix(b[:at], []byte("SSH ")) {
		return "a private key of SSH 1"
	}
	const longest = 24 // bytes of a label
	before := b[max(0, at-len("-----BEGIN ")-longest):at]
	begin := bytes.LastIndex(before, []byte("-- BEGIN "))
	if i := bytes.LastIndex(before, []byte("-----BEGIN ")); i >= 0 {
		begin = i + len("-----BEGIN ")
	} else if begin >= 0 { // "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----", RFC 4716's sister
		begin += len("-- BEGIN ")
	} else {
		return ""
	}
	label := string(before[begin:])
	if run([]byte(label), func(c byte) bool { return isUpper(c) || c == ' ' }) < len(label) {
		return ""
	}
	rest = bytes.TrimPrefix(rest, []byte(" BLOCK"))
	if rest = bytes.TrimPrefix(rest, []byte(" ")); !bytes.HasPrefix(rest, []byte("----")) {
		return ""
	}
	if !armoured(bytes.TrimLeft(rest, "-")) {
		return ""
	}
	return pemName(strings.TrimSpace(label))
}

func pemName(label string) string {
	switch label {
	case "RSA", "EC":
		return "an " + label + " private key"
	case "OPENSSH":
		return "a private key of OpenSSH"
	case "ENCRYPTED", "SSH2 ENCRYPTED":
		return "an encrypted private key"
	case "PGP":
		return "a PGP private key"
	case "":
		return "a private key"
	}
	return "a " + label + " private key"
}

// How much of a body tells a key from words about one, in characters of
// base64: with the line that ends it, without, and of the first line.
const (
	enoughEnded = 32
	enough      = 40
	enoughFirst = 16
)

// armoured says whether b begins with the body of a key: lines of base64, after
// headers if there are any. The lines may be indented, quoted, commented out,
// or joined by the escapes of a string.
func armoured(b []byte) bool {
	var body []byte
	for headers := 0; len(body) < enough; {
		b = b[gap(b):]
		n := run(b, isBase64)
		if len(body) == 0 && isHeader(b) && headers < 8 {
			headers++
			b = b[lineEnd(b):]
			continue
		}
		if n == 0 {
			ended := bytes.HasPrefix(b, []byte("-----END ")) || bytes.HasPrefix(b, []byte("---- END "))
			return ended && len(body) >= enoughEnded && varied(body, 10)
		}
		if len(body) == 0 && n < enoughFirst {
			return false
		}
		body, b = append(body, b[:min(n, enough)]...), b[n:]
	}
	return varied(body, 10)
}

// gap is what stands between two lines of a body.
func gap(b []byte) int {
	i := 0
	for i < len(b) {
		switch c := b[i]; {
		case c == '\\' && bytes.HasPrefix(b[i:], []byte(`\u000`)):
			i += min(len(`\u000a`), len(b)-i)
		case c == '\\' && i+1 < len(b) && strings.IndexByte("nrt", b[i+1]) >= 0:
			i += 2
		case strings.IndexByte(" \t\r\n\\\"'`#>|*,<;()[]", c) >= 0:
			i++
		default:
			return i
		}
	}
	return i
}

// isHeader says whether b begins with a header: "Proc-Type: 4,ENCRYPTED".
func isHeader(b []byte) bool {
	n := run(b, isWord)
	return n > 0 && bytes.HasPrefix(b[n:], []byte(": "))
}

// lineEnd is where the line of b ends, a line of a string with escapes too.
func lineEnd(b []byte) int {
	b = b[:min(len(b), 1000)]
	end := len(b)
	for _, mark := range []string{"\n", `\n`, `\r`} {
		if i := bytes.Index(b, []byte(mark)); i >= 0 {
			end = min(end, i)
		}
	}
	return end
}

// encodedPEM is a key in PEM in base64, as Kubernetes and CI services keep it.
func encodedPEM(b []byte, at int) string {
	const most = 2 << 10 // characters: a bundle may begin with certificates
	text := b[at:]
	text = text[:min(run(text, isBase64), most)]
	plain := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, _ := base64.StdEncoding.Decode(plain, text) // as far as it goes
	plain = plain[:n]
	for from := 0; ; {
		i := bytes.Index(plain[from:], []byte("PRIVATE KEY"))
		if i < 0 {
			return ""
		}
		if what := pemKey(plain, from+i); what != "" {
			return what + " in base64"
		}
		from += i + 1
	}
}

func ageKey(b []byte, at int) string {
	v := b[at+len("AGE-SECRET-KEY-"):]
	v = v[:run(v, func(c byte) bool { return isUpper(c) || c == '-' })]
	if len(v) < 50 || !varied(v, 10) {
		return ""
	}
	return "a private key of age"
}

func puttyKey(b []byte, at int) string {
	_, after := near(b, at)
	if at > 0 && b[at-1] != '\n' || !bytes.Contains(after, []byte("\nPrivate-Lines: ")) {
		return ""
	}
	return "a private key of PuTTY"
}

// jwk is a key of RFC 7517 with its private part: "d", or "k" of a symmetric one.
func jwk(b []byte, at int) string {
	const around = 6 << 10 // bytes: RSA 4096 has 3,200
	begin := bytes.LastIndexByte(b[max(0, at-around):at], '{')
	if begin < 0 {
		return ""
	}
	object := b[max(0, at-around)+begin : min(len(b), at+around)]
	if end := bytes.IndexByte(object, '}'); end >= 0 {
		object = object[:end]
	}
	private := `"d"`
	if kty := jsonValue(object, `"kty"`); string(kty) == "oct" {
		private = `"k"`
	}
	if v := jsonValue(object, private); len(v) >= 20 && run(v, isWord) == len(v) && varied(v, 8) {
		return "a private key as JSON"
	}
	return ""
}

// jsonValue is the string that follows a key, with its quotes, in b.
func jsonValue(b []byte, key string) []byte {
	i := bytes.Index(b, []byte(key))
	if i < 0 {
		return nil
	}
	rest := bytes.TrimLeft(b[i+len(key):], " \t\r\n")
	if !bytes.HasPrefix(rest, []byte(":")) {
		return nil
	}
	rest = bytes.TrimLeft(rest[1:], " \t\r\n")
	if !bytes.HasPrefix(rest, []byte(`"`)) {
		return nil
	}
	v, _, _ := bytes.Cut(rest[1:], []byte(`"`))
	return v
}

// wireguardKey is 32 bytes in base64 after "PrivateKey =".
func wireguardKey(b []byte, at int) string {
	rest := bytes.TrimLeft(b[at+len("PrivateKey"):], " \t")
	if !bytes.HasPrefix(rest, []byte("=")) || at > 0 && isAlnum(b[at-1]) {
		return ""
	}
	v := bytes.TrimLeft(rest[1:], " \t")
	if n := run(v, isBase64); n != 44 || v[43] != '=' || !varied(v[:n], 10) {
		return ""
	}
	return "a private key of WireGuard"
}

// minisignKey is a secret key of minisign or of OpenBSD's signify.
func minisignKey(b []byte, at int) string {
	_, after := near(b, at)
	line, rest, _ := bytes.Cut(after, []byte("\n"))
	if !bytes.Contains(line, []byte("secret key")) || run(rest, isBase64) < 100 {
		return ""
	}
	return "a private key of minisign or signify"
}
