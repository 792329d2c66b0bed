package secret

import (
	"bytes"
	"encoding/asn1"
	"encoding/binary"
)

// binaryKey is what a file is as a whole that is not text: a key in DER, a key
// store, a PGP key.
func binaryKey(b []byte) string {
	switch {
	case len(b) < 16:
		return ""
	case b[0] == 0x30:
		return derKey(b)
	case bytes.HasPrefix(b, []byte{0xfe, 0xed, 0xfe, 0xed}), bytes.HasPrefix(b, []byte{0xce, 0xce, 0xce, 0xce}):
		return javaKeyStore(b)
	case isPGPSecret(b):
		return "a PGP private key"
	}
	return ""
}

// derKey tells keys by their structure: each kind is a sequence that begins in
// its own way, and no certificate, request or public key in any of these.
func derKey(b []byte) string {
	var top asn1.RawValue
	rest, err := asn1.Unmarshal(b, &top)
	if err != nil {
		if isPKCS12(b) { // with lengths that are not definite, as NSS writes it
			return "a private key (PKCS #12)"
		}
		return ""
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return ""
	}
	parts := sequence(top.Bytes)
	switch {
	case isPKCS12(b):
		return "a private key (PKCS #12)"
	case begins(parts, asn1.TagInteger, asn1.TagSequence, asn1.TagOctetString) && isOIDFirst(parts[1]) && small(parts[0]):
		return "a private key (PKCS #8, DER)"
	case begins(parts, asn1.TagSequence, asn1.TagOctetString) && len(parts) == 2 && isEncryption(parts[0]):
		return "an encrypted private key (PKCS #8, DER)"
	case begins(parts, asn1.TagInteger, asn1.TagOctetString) && small(parts[0]) && len(parts[1].Bytes) >= 16 && len(parts[1].Bytes) <= 72:
		return "an EC private key (DER)"
	case integers(parts) >= 9 && small(parts[0]) && len(parts[1].Bytes) >= 32:
		return "an RSA private key (DER)"
	case integers(parts) == 6 && len(parts) == 6 && small(parts[0]) && len(parts[1].Bytes) >= 64:
		return "a DSA private key (DER)"
	}
	return ""
}

// sequence is the first elements of a sequence's content.
func sequence(b []byte) (out []asn1.RawValue) {
	const most = 12
	for len(b) > 0 && len(out) < most {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(b, &v)
		if err != nil {
			return nil
		}
		out, b = append(out, v), rest
	}
	return out
}

func begins(parts []asn1.RawValue, tags ...int) bool {
	if len(parts) < len(tags) {
		return false
	}
	for i, tag := range tags {
		if parts[i].Class != asn1.ClassUniversal || parts[i].Tag != tag {
			return false
		}
	}
	return true
}

// small is a version: 0, 1, or at most a few.
func small(v asn1.RawValue) bool { return len(v.Bytes) == 1 && v.Bytes[0] < 4 }

func integers(parts []asn1.RawValue) int {
	n := 0
	for n < len(parts) && parts[n].Class == asn1.ClassUniversal && parts[n].Tag == asn1.TagInteger {
		n++
	}
	return n
}

func isOIDFirst(v asn1.RawValue) bool { return begins(sequence(v.Bytes), asn1.TagOID) }

// isEncryption says whether an algorithm is one of PKCS #5 or #12.
func isEncryption(v asn1.RawValue) bool {
	parts := sequence(v.Bytes)
	return begins(parts, asn1.TagOID) &&
		(bytes.HasPrefix(parts[0].Bytes, []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05}) || // pkcs-5
			bytes.HasPrefix(parts[0].Bytes, []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01})) // pkcs-12PbeIds
}

// isPKCS12 says whether a file is a PFX of version 3 with a bag of a key: those
// with certificates alone hold no secret.
func isPKCS12(b []byte) bool {
	head := b[:min(len(b), 64)]
	version := bytes.Index(head, []byte{0x02, 0x01, 0x03, 0x30})
	if version < 0 || version > 8 || !bytes.Contains(head, []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07}) { // pkcs-7
		return false
	}
	bag := []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01} // pkcs-12 bag types
	for {
		i := bytes.Index(b, bag)
		if i < 0 || i+len(bag) >= len(b) {
			return false
		}
		if kind := b[i+len(bag)]; kind == 1 || kind == 2 { // keyBag, pkcs8ShroudedKeyBag
			return true
		}
		b = b[i+len(bag):]
	}
}

// javaKeyStore walks the entries of a JKS or JCEKS to the first that is a key.
func javaKeyStore(b []byte) string {
	r := reader{b: b[4:]}
	version, count := r.u32(), r.u32()
	if version != 1 && version != 2 {
		return ""
	}
	for range min(count, 10_000) {
		switch r.u32() {
		case 1, 3: // a private key, a secret key
			if r.bad {
				return ""
			}
			return "a private key (Java key store)"
		case 2:
			r.skip(r.u16()) // alias
			r.skip(8)       // time
			if version == 2 {
				r.skip(r.u16()) // type
			}
			r.skip(r.u32())
		default:
			return ""
		}
	}
	return ""
}

// reader reads what is there, and is bad once it is not.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) skip(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.b, r.bad = nil, true
		return make([]byte, 8)
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u16() int { return int(binary.BigEndian.Uint16(r.skip(2))) }
func (r *reader) u32() int { return int(binary.BigEndian.Uint32(r.skip(4))) }

// isPGPSecret says whether a file begins with a secret key packet (RFC 9580,
// 5.5.1.3) of version 3 to 6.
func isPGPSecret(b []byte) bool {
	var body []byte
	switch c := b[0]; {
	case c == 0xc5: // the new format
		switch l := b[1]; {
		case l < 192:
			body = b[2:]
		case l < 224:
			body = b[3:]
		case l == 255:
			body = b[6:]
		default:
			return false
		}
	case c&0xfc == 0x94: // the old one, with 1, 2 or 4 bytes of length
		body = b[1+(1<<(c&3)):]
		if c&3 == 3 {
			return false
		}
	default:
		return false
	}
	version, algorithm := body[0], body[5]
	return version >= 4 && version <= 6 && (algorithm >= 1 && algorithm <= 3 || algorithm >= 16 && algorithm <= 28)
}
