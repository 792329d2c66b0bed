package binary

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"reflect"
	"slices"
	"strings"
)

// Sizes and places of an ELF file's parts, of 64 bits (the System V ABI, chapter 4).
const (
	ehdrSize, phdrSize, shdrSize = 64, 56, 64

	atType, atPhoff, atShoff                  = 16, 32, 40
	atPhentsize, atPhnum                      = 54, 56
	atShentsize, atShnum, atShstrndx          = 58, 60, 62
	phOffset, phFilesz                        = 8, 32
	shType, shFlags, shOffset, shBytes        = 4, 8, 24, 32
	shAlign                                   = 48
	maxSections                               = 0xff00
	maxAlign                           uint64 = 1 << 16
)

// WithoutDebug is a program or a shared library of 64 bits without its DWARF sections
// (.debug_*): what is mapped when it runs, its symbols and all other sections stay as they
// are, and so do the sections' numbers. A file without any, and one that is laid out
// otherwise than linkers do it, is given back as it is. The result is never larger.
func WithoutDebug(b []byte) []byte {
	s, ok := readSections(b)
	if !ok {
		return b
	}
	cut, ok := s.cut()
	if !ok {
		return b
	}
	out, ok := s.without(cut)
	if !ok || len(out) >= len(b) || !sameFacts(b, out) {
		return b
	}
	return out
}

// sameFacts says whether a loader reads the same of two files.
func sameFacts(a, b []byte) bool {
	was, err := ReadELF(bytes.NewReader(a), int64(len(a)))
	if err != nil {
		return false
	}
	is, err := ReadELF(bytes.NewReader(b), int64(len(b)))
	return err == nil && reflect.DeepEqual(was, is)
}

// sections are a file with its section headers.
type sections struct {
	file  []byte
	order binary.ByteOrder
	table []byte // of headers
	names []byte
}

func readSections(b []byte) (s sections, ok bool) {
	if len(b) < ehdrSize || !bytes.HasPrefix(b, []byte(elf.ELFMAG)) || elf.Class(b[elf.EI_CLASS]) != elf.ELFCLASS64 {
		return s, false
	}
	s.file, s.order = b, binary.LittleEndian
	if elf.Data(b[elf.EI_DATA]) == elf.ELFDATA2MSB {
		s.order = binary.BigEndian
	}
	kind := elf.Type(s.order.Uint16(b[atType:]))
	n, names := int(s.order.Uint16(b[atShnum:])), int(s.order.Uint16(b[atShstrndx:]))
	if kind != elf.ET_EXEC && kind != elf.ET_DYN || s.order.Uint16(b[atShentsize:]) != shdrSize || n == 0 || n > maxSections || names >= n {
		return s, false
	}
	if s.table, ok = s.part(s.order.Uint64(b[atShoff:]), uint64(n)*shdrSize); !ok { //nolint:gosec // a small number
		return s, false
	}
	s.names, ok = s.content(names)
	return s, ok
}

// part is bytes of the file.
func (s sections) part(at, size uint64) ([]byte, bool) {
	all := uint64(len(s.file))
	if at > all || size > all-at {
		return nil, false
	}
	return s.file[at : at+size], true
}

func (s sections) count() int          { return len(s.table) / shdrSize }
func (s sections) header(i int) []byte { return s.table[i*shdrSize : (i+1)*shdrSize] }
func (s sections) offset(i int) uint64 { return s.order.Uint64(s.header(i)[shOffset:]) }
func (s sections) size(i int) uint64   { return s.order.Uint64(s.header(i)[shBytes:]) }
func (s sections) mapped(i int) bool {
	return s.order.Uint64(s.header(i)[shFlags:])&uint64(elf.SHF_ALLOC) != 0
}

func (s sections) kind(i int) elf.SectionType {
	return elf.SectionType(s.order.Uint32(s.header(i)[shType:]))
}

// lies says whether a section has bytes in the file.
func (s sections) lies(i int) bool {
	return s.kind(i) != elf.SHT_NULL && s.kind(i) != elf.SHT_NOBITS && s.size(i) > 0
}

func (s sections) content(i int) ([]byte, bool) { return s.part(s.offset(i), s.size(i)) }

func (s sections) debug(i int) bool {
	at := uint64(s.order.Uint32(s.header(i)))
	if at >= uint64(len(s.names)) || s.mapped(i) || !s.lies(i) {
		return false
	}
	name, _, _ := strings.Cut(string(s.names[at:min(at+64, uint64(len(s.names)))]), "\x00")
	return strings.HasPrefix(name, ".debug_") || strings.HasPrefix(name, ".zdebug_")
}

// cut is where debug information begins: all before it stays where it is. ok says whether
// there is some, and nothing that is mapped lies behind it.
func (s sections) cut() (cut uint64, ok bool) {
	for i := range s.count() {
		if s.debug(i) && (!ok || s.offset(i) < cut) {
			cut, ok = s.offset(i), true
		}
	}
	if !ok || cut > uint64(len(s.file)) {
		return 0, false
	}
	for i := range s.count() {
		if s.lies(i) && (s.mapped(i) && s.offset(i) >= cut || s.offset(i) < cut && s.size(i) > cut-s.offset(i)) {
			return 0, false
		}
	}
	n, size := uint64(s.order.Uint16(s.file[atPhnum:])), uint64(s.order.Uint16(s.file[atPhentsize:]))
	at := s.order.Uint64(s.file[atPhoff:])
	programs, there := s.part(at, n*phdrSize)
	if !there || size != phdrSize || at+n*phdrSize > cut {
		return 0, false
	}
	for ; len(programs) > 0; programs = programs[phdrSize:] {
		from, bytes := s.order.Uint64(programs[phOffset:]), s.order.Uint64(programs[phFilesz:])
		if from > cut || bytes > cut-from {
			return 0, false
		}
	}
	return cut, true
}

// without is the file up to there, what is no debug information behind it, and the
// headers, of which those of debug information say nothing.
func (s sections) without(cut uint64) ([]byte, bool) {
	out, table := slices.Clone(s.file[:cut]), slices.Clone(s.table)
	for i := range s.count() {
		h := table[i*shdrSize : (i+1)*shdrSize]
		switch content, there := s.content(i); {
		case s.debug(i):
			clear(h)
		case !s.lies(i) || s.offset(i) < cut:
		case !there || len(out)+len(content) > len(s.file):
			return nil, false
		default:
			align := s.order.Uint64(h[shAlign:])
			if align > maxAlign || align&(align-1) != 0 {
				return nil, false
			}
			out = aligned(out, max(align, 1))
			s.order.PutUint64(h[shOffset:], uint64(len(out)))
			out = append(out, content...)
		}
	}
	out = aligned(out, 8)
	s.order.PutUint64(out[atShoff:], uint64(len(out)))
	return append(out, table...), true
}

// aligned is b with zeros up to a multiple of align.
func aligned(b []byte, align uint64) []byte {
	n := uint64(len(b))
	return append(b, make([]byte, (n+align-1)/align*align-n)...)
}
