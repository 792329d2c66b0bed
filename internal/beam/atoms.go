package beam

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// readAtoms reads the atom table. Up to OTP 27 an atom is a byte of length and
// its text; OTP 28 writes a negative count and lengths as compact terms.
func (m *Module) readAtoms() error {
	c, ok := m.chunk("AtU8", "Atom")
	if !ok {
		return malformed(`BEAM file: neither chunk "AtU8" nor "Atom" is there`)
	}
	if len(c.data) < 4 {
		return c.malformed(0, "%d bytes, too few for a count", len(c.data))
	}
	count := int64(int32(binary.BigEndian.Uint32(c.data)))
	if c.id == "AtU8" {
		m.AtomTable = AtomsUTF8
		if count < 0 {
			m.AtomTable, count = AtomsLong, -count
		}
	}
	if count < 1 || count > min(maxAtoms, int64(len(c.data)-4)) {
		return c.malformed(0, "%d atoms in %d bytes", count, len(c.data)-4)
	}
	all := string(c.data) // the atoms are parts of one string
	m.Atoms = make([]string, 0, count)
	at := 4
	for range count {
		n, next, ok := m.atomLength(c.data, at)
		if !ok || n > len(all)-next {
			return c.malformed(at, "atom %d is longer than the chunk", len(m.Atoms)+1)
		}
		m.Atoms = append(m.Atoms, atomText(c.id, all[next:next+n]))
		at = next + n
	}
	m.Name = m.Atoms[0]
	return nil
}

func (m *Module) atomLength(b []byte, at int) (n, next int, ok bool) {
	if at >= len(b) {
		return 0, 0, false
	}
	if m.AtomTable != AtomsLong {
		return int(b[at]), at + 1, true
	}
	tag, v, next, ok := compact(b, at)
	return int(v), next, ok && tag == tagU
}

func atomText(id, s string) string {
	if id == "Atom" {
		return latin1(s)
	}
	return strings.ToValidUTF8(s, "\ufffd")
}

// latin1 is s, a byte a character, as UTF-8.
func latin1(s string) string {
	i := 0
	for i < len(s) && s[i] < utf8.RuneSelf {
		i++
	}
	if i == len(s) {
		return s
	}
	runes := make([]rune, 0, len(s))
	for _, b := range []byte(s) {
		runes = append(runes, rune(b))
	}
	return string(runes)
}
