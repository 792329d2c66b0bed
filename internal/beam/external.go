package beam

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zlib"
)

// Limits of terms, in the external format and as text.
const (
	maxTermBytes = 32 << 20
	maxTermDepth = 512
	maxTerms     = 1 << 20 // in one file
	maxBigBytes  = 4096    // of an integer
)

// DecodeTerm decodes one term in the external term format (version 131), zlib
// or not, as term_to_binary writes it.
func DecodeTerm(b []byte) (Term, error) {
	if len(b) < 2 || b[0] != 131 {
		return nil, malformed("external term: it does not start with its version, 131")
	}
	if len(b) > maxTermBytes {
		return nil, malformed("external term of %d bytes, at most %d are read", len(b), maxTermBytes)
	}
	if b[1] != 'P' {
		return decodePlain(b[1:])
	}
	if len(b) < 6 {
		return nil, malformed("external term: truncated at offset %d", len(b))
	}
	unpacked, err := inflate(b[6:], binary.BigEndian.Uint32(b[2:]))
	if err != nil {
		return nil, err
	}
	return decodePlain(unpacked)
}

// decodePlain decodes a term without its version and not compressed.
func decodePlain(b []byte) (Term, error) {
	d := decoder{b: b, room: uint64(len(b))}
	t := d.term(0)
	if d.wrong != "" {
		return nil, malformed("external term, %d bytes behind its version: %s", d.at, d.wrong)
	}
	return t, nil
}

// inflate unpacks zlib data that says it has size bytes unpacked.
func inflate(b []byte, size uint32) ([]byte, error) {
	if limit := min(maxTermBytes, unpackLimit(len(b))); int64(size) > int64(limit) {
		return nil, malformed("%d packed bytes say that they unpack to %d, at most %d are read", len(b), size, limit)
	}
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, malformed("packed data: %v", err)
	}
	out, err := io.ReadAll(io.LimitReader(z, int64(size)+1))
	if err != nil {
		return nil, malformed("packed data: %v", err)
	}
	if len(out) != int(size) {
		return nil, malformed("packed data: it says %d bytes and has others", size)
	}
	return out, nil
}

var emptyList Term = List(nil) // one for all, for hostile files can hold millions

// decoder reads terms; wrong is what is wrong at at, after which it reads
// nothing more. Each term takes a byte at least: room is how many of the bytes
// no list, tuple or map has claimed yet for its elements, so that what is
// reserved for elements is bounded by the bytes, however false counts nest.
type decoder struct {
	b     []byte
	room  uint64
	at    int
	terms int
	wrong string
}

func (d *decoder) fail(wrong string) Term {
	if d.wrong == "" {
		d.wrong = wrong
	}
	return nil
}

// take gives n bytes, or zeros past the end of short reads.
func (d *decoder) take(n uint64) []byte {
	if d.wrong == "" && n <= uint64(len(d.b)-d.at) {
		d.at += int(n)
		return d.b[d.at-int(n) : d.at]
	}
	d.fail("truncated")
	if n <= 8 {
		return make([]byte, n)
	}
	return nil
}

func (d *decoder) u8() uint64  { return uint64(d.take(1)[0]) }
func (d *decoder) u16() uint64 { return uint64(binary.BigEndian.Uint16(d.take(2))) }
func (d *decoder) u32() uint64 { return uint64(binary.BigEndian.Uint32(d.take(4))) }

func (d *decoder) term(depth int) Term {
	d.terms++
	if d.terms > maxTerms {
		return d.fail("more than a million terms")
	}
	if depth > maxTermDepth {
		return d.fail("nested too deep")
	}
	tag := byte(d.u8())
	if d.wrong != "" {
		return nil
	}
	switch tag {
	case 97: // SMALL_INTEGER_EXT
		return Int(d.u8())
	case 98: // INTEGER_EXT
		return Int(int32(d.u32()))
	case 70, 99: // NEW_FLOAT_EXT, FLOAT_EXT
		return d.float(tag)
	case 110, 111: // SMALL_BIG_EXT, LARGE_BIG_EXT
		return d.bigInt(d.count(tag == 111))
	case 100, 115, 118, 119: // atoms
		return d.atomText(tag)
	case 106: // NIL_EXT
		return emptyList
	case 107: // STRING_EXT
		return String(latin1(string(d.take(d.u16()))))
	case 108: // LIST_EXT
		return d.list(depth)
	case 104, 105: // SMALL_TUPLE_EXT, LARGE_TUPLE_EXT
		return Tuple(d.items(d.count(tag == 105), depth))
	case 109: // BINARY_EXT
		return Binary(d.take(d.u32()))
	case 116: // MAP_EXT
		return d.mapTerm(depth)
	}
	return d.opaque(tag, depth)
}

func (d *decoder) count(large bool) uint64 {
	if large {
		return d.u32()
	}
	return d.u8()
}

func (d *decoder) items(n uint64, depth int) []Term {
	if n > d.room {
		d.fail("more elements than bytes")
		return nil
	}
	if n > maxTerms {
		d.fail("more than a million terms")
		return nil
	}
	d.room -= n
	items := make([]Term, 0, n)
	for range n {
		t := d.term(depth + 1)
		if d.wrong != "" {
			return nil
		}
		items = append(items, t)
	}
	return items
}

func (d *decoder) list(depth int) Term {
	items := d.items(d.u32(), depth)
	tail := d.term(depth + 1)
	if d.wrong != "" {
		return nil
	}
	if end, ok := tail.(List); ok && len(end) == 0 {
		return List(items)
	}
	return Improper{items, tail}
}

func (d *decoder) mapTerm(depth int) Term {
	n := d.u32()
	items := d.items(2*n, depth)
	if d.wrong != "" {
		return nil
	}
	m := make(Map, 0, n)
	for i := 0; i < len(items); i += 2 {
		m = append(m, Pair{items[i], items[i+1]})
	}
	return m
}

func (d *decoder) float(tag byte) Term {
	if tag == 70 {
		return Float(math.Float64frombits(binary.BigEndian.Uint64(d.take(8))))
	}
	f, err := strconv.ParseFloat(strings.TrimRight(string(d.take(31)), "\x00"), 64)
	if err != nil {
		return d.fail("no float")
	}
	return Float(f)
}

func (d *decoder) bigInt(n uint64) Term {
	negative := d.u8() != 0
	if n > maxBigBytes {
		return d.fail("integer too large")
	}
	little := d.take(n)
	be := make([]byte, len(little))
	for i, x := range little {
		be[len(be)-1-i] = x
	}
	v := new(big.Int).SetBytes(be)
	if negative {
		v.Neg(v)
	}
	return integer(v)
}

func integer(v *big.Int) Term {
	if v.IsInt64() {
		return Int(v.Int64())
	}
	return Big{v}
}

func (d *decoder) atomText(tag byte) Term {
	n := d.count(false)
	if tag == 100 || tag == 118 { // ATOM_EXT, ATOM_UTF8_EXT: two bytes of length
		n = n<<8 | d.u8()
	}
	s := string(d.take(n))
	if tag == 100 || tag == 115 { // ATOM_EXT, SMALL_ATOM_EXT: Latin-1
		s = latin1(s)
	}
	return Atom(strings.ToValidUTF8(s, "\ufffd"))
}

// opaque passes over terms that mean nothing outside their node.
func (d *decoder) opaque(tag byte, depth int) Term {
	switch tag {
	case 77: // BIT_BINARY_EXT
		d.take(d.u32() + 1)
		return Opaque("bitstring")
	case 113: // EXPORT_EXT
		return d.export(depth)
	case 112: // NEW_FUN_EXT, whose size counts its own four bytes
		if size := d.u32(); size >= 4 {
			d.take(size - 4)
			return Opaque("fun")
		}
		return d.fail("fun of no size")
	case 103, 88: // PID_EXT, NEW_PID_EXT: id, serial, creation
		return d.nodeTerm("pid", depth, creation(tag == 88)+8)
	case 102, 89, 120: // PORT_EXT, NEW_PORT_EXT, V4_PORT_EXT: id, creation
		return d.nodeTerm("port", depth, map[byte]uint64{102: 5, 89: 8, 120: 12}[tag])
	case 101: // REFERENCE_EXT
		return d.nodeTerm("reference", depth, 5)
	case 114, 90: // NEW_REFERENCE_EXT, NEWER_REFERENCE_EXT
		return d.nodeTerm("reference", depth, 4*d.u16()+creation(tag == 90))
	}
	return d.fail("tag " + strconv.Itoa(int(tag)) + " is no term")
}

func creation(long bool) uint64 {
	if long {
		return 4
	}
	return 1
}

func (d *decoder) nodeTerm(what string, depth int, n uint64) Term {
	d.term(depth + 1)
	d.take(n)
	return Opaque(what)
}

func (d *decoder) export(depth int) Term {
	m, _ := d.term(depth + 1).(Atom)
	f, _ := d.term(depth + 1).(Atom)
	a, ok := d.term(depth + 1).(Int)
	if !ok || a < 0 || a > 255 {
		return d.fail("no exported fun")
	}
	return Fun{string(m), string(f), int(a)}
}
