package beam

import "encoding/binary"

// Constants is what the module's code has of constant bytes, as they lie in the
// file: the table of literals, unpacked, and the strings that binaries are put
// together from.
func (m *Module) Constants() ([][]byte, error) {
	_, table, err := m.literals()
	if err != nil {
		return nil, err
	}
	parts := [][]byte{table}
	if c, ok := m.chunk("StrT"); ok {
		parts = append(parts, c.data)
	}
	return parts, nil
}

// literals is the table of literals, unpacked; nil if the module has none.
func (m *Module) literals() (chunk, []byte, error) {
	c, ok := m.chunk("LitT")
	if !ok {
		return c, nil, nil
	}
	b := c.data[4:] // readLiteralTable saw to it
	if m.Literals != LiteralsCompressed {
		return c, b, nil
	}
	b, err := inflate(b, binary.BigEndian.Uint32(c.data))
	if err != nil {
		return c, nil, c.malformed(4, "%v", err)
	}
	return c, b, nil
}
