package secret

import "bytes"

// sign is a row of the table: a text by which something shows.
type sign struct {
	text string
	kind Kind
	// holds looks at b around at, where the text begins, and says what is there;
	// "" if it is nothing.
	holds func(b []byte, at int) string
	// loose says that source code and documentation hold the like without being
	// a secret.
	loose bool
	// always says that looking is cheap: it is done as often as the text stands
	// there.
	always bool
}

// index finds all signs in one pass: by the last two bytes of each, which are
// rarer in texts than the first.
type index struct {
	hot  [1 << 16 / 64]uint64 // a bit for each pair of bytes
	slot [1 << 16]uint8       // where in by
	by   [][]*sign
	most int // how often one sign is looked at in a window
}

// signs is never changed.
var signs = newIndex(keySigns(), tokenSigns(), storeSigns())

func newIndex(tables ...[]sign) *index {
	x := &index{by: [][]*sign{nil}, most: 200}
	for _, table := range tables {
		for i := range table {
			n := len(table[i].text)
			pair := uint16(table[i].text[n-2])<<8 | uint16(table[i].text[n-1])
			x.hot[pair>>6] |= 1 << (pair & 63)
			if x.slot[pair] == 0 {
				x.slot[pair] = uint8(len(x.by))
				x.by = append(x.by, nil)
			}
			x.by[x.slot[pair]] = append(x.by[x.slot[pair]], &table[i])
		}
	}
	return x
}

// searching is what kind of file is searched.
type searching struct {
	text bool // all signs; otherwise those of keys
	code bool // no loose signs
}

// search finds the first key in b, or else the first credential. base is where
// b begins in the file.
func (x *index) search(b []byte, in searching, base int64) (found Finding) {
	tried := map[*sign]int{}
	var pair uint16
	for i, c := range b {
		pair = pair<<8 | uint16(c)
		if x.hot[pair>>6]>>(pair&63)&1 == 0 {
			continue
		}
		for _, s := range x.by[x.slot[pair]] {
			at := i + 1 - len(s.text)
			skip := s.kind <= found.Kind || s.kind != Key && !in.text || s.loose && in.code
			if at < 0 || skip || !s.always && tried[s] >= x.most || string(b[at:i+1]) != s.text {
				continue
			}
			tried[s]++
			if what := s.holds(b, at); what != "" {
				found = Finding{Kind: s.kind, What: what, At: base + int64(at)}
				if begin := bytes.LastIndexByte(b[:at], '\n') + 1; base == 0 && atStart(b, begin) {
					found.At = 0
				}
			}
		}
		if found.Kind == Key {
			break
		}
	}
	return found
}

// near is what of b may belong to what shows at an offset: enough for a file of
// credentials, and not so much that looking at each sign takes long.
func near(b []byte, at int) (before, after []byte) {
	const most = 16 << 10 // bytes
	return b[max(0, at-most):at], b[at:min(len(b), at+most)]
}

// run is how many bytes of b are of a class, up to more than any token has.
func run(b []byte, is func(byte) bool) int {
	b = b[:min(len(b), 4<<10)]
	for i, c := range b {
		if !is(c) {
			return i
		}
	}
	return len(b)
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' || isDigit(c) }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isAlnum(c byte) bool { return isUpper(c) || 'a' <= c && c <= 'z' }
func isHex(c byte) bool   { return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }
func isWord(c byte) bool  { return isAlnum(c) || c == '_' || c == '-' }
func isBase64(c byte) bool {
	return isAlnum(c) || c == '+' || c == '/' || c == '='
}

// varied says whether a value has as many different bytes as chance would give
// it, and no word by which examples are known.
func varied(v []byte, distinct int) bool {
	var seen [256]bool
	n := 0
	for _, c := range v {
		if !seen[c] {
			seen[c] = true
			n++
		}
	}
	lower := bytes.ToLower(v)
	for _, word := range []string{"example", "xxxxxx", "changeme", "placeholder", "000000000000"} {
		if bytes.Contains(lower, []byte(word)) {
			return false
		}
	}
	return n >= distinct
}
