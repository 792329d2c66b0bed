package binary

import (
	"debug/elf"
	"fmt"
	"io"
	"strings"
)

// Limits of the symbol reader. The largest library seen (libLLVM, 60,000
// symbols, 6 MB of names) stays far below.
const (
	maxSymbols     = 1 << 19
	maxSymbolNames = 1 << 26 // bytes of the string table
	maxSymbolName  = 1 << 16 // bytes of one name
	maxNamesRead   = 1 << 27 // bytes of all names together, for they can overlap
	maxBuckets     = 1 << 20
)

// Symbols is the dynamic symbols of a file, in the order of its table; local
// ones are left out.
type Symbols struct {
	Undefined []Symbol
	Defined   []Symbol
}

// Symbol is one dynamic symbol.
type Symbol struct {
	Name    string
	Version string // "GLIBC_2.38", "" if it has none
	// Library is where an undefined one with a version shall be found. A defined
	// one that has it is a copy of that library's (a program's R_*_COPY).
	Library string
	Weak    bool
	Hidden  bool // it is found by its version alone, which musl does not look for
}

func (s Symbol) String() string {
	if s.Version == "" {
		return s.Name
	}
	return s.Name + "@" + s.Version
}

// versionRef is a version wanted of a library.
type versionRef struct{ library, name string }

// versionIndex is the part of a version index that counts; the highest bit
// says that the symbol is not the default one of its name.
const versionIndex = 0x7fff

// ReadSymbols reads the dynamic symbols of the ELF file of size bytes in r.
// Errors are as for ReadELF.
func ReadSymbols(r io.ReaderAt, size int64) (*Symbols, error) {
	e, err := readELF(r, size)
	if err != nil {
		return nil, err
	}
	out, err := e.symbols()
	if err != nil {
		return nil, fmt.Errorf("reading ELF symbols: %w", err)
	}
	return out, nil
}

func (e *elfReader) symbols() (*Symbols, error) {
	out := &Symbols{}
	addr, ok := e.tags[elf.DT_SYMTAB]
	if !ok {
		return out, nil
	}
	count, err := e.symbolCount()
	if err != nil || count == 0 {
		return out, err
	}
	size := uint64(elf.Sym32Size)
	if e.wide {
		size = elf.Sym64Size
	}
	off, _, err := e.at(addr)
	if err != nil {
		return nil, err
	}
	table, err := e.bytes(off, count*size)
	if err != nil {
		return nil, err
	}
	versions, err := e.versionTable(count)
	if err != nil {
		return nil, err
	}
	names, err := e.names()
	if err != nil {
		return nil, err
	}
	for i := uint64(1); i < count; i++ {
		version := uint16(1)
		if versions != nil {
			version = e.order.Uint16(versions[2*i:])
		}
		if err := e.symbol(out, table[i*size:(i+1)*size], version, names); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// versionTable is DT_VERSYM, nil if there is none.
func (e *elfReader) versionTable(count uint64) ([]byte, error) {
	addr, ok := e.tags[elf.DT_VERSYM]
	if !ok {
		return nil, nil
	}
	off, _, err := e.at(addr)
	if err != nil {
		return nil, err
	}
	return e.bytes(off, 2*count)
}

// nameTable is the string table, and how much may still be read of it.
type nameTable struct {
	text string
	left int
}

func (e *elfReader) names() (*nameTable, error) {
	if e.strsize > maxSymbolNames {
		return nil, malformed("string table of %d bytes, more than %d", e.strsize, maxSymbolNames)
	}
	b, err := e.bytes(e.strings, e.strsize)
	return &nameTable{string(b), maxNamesRead}, err
}

func (t *nameTable) at(off uint64) (string, error) {
	if off >= uint64(len(t.text)) {
		return "", malformed("symbol name at %d is outside the string table (%d bytes)", off, len(t.text))
	}
	rest := t.text[off:min(uint64(len(t.text)), off+maxSymbolName)]
	n := strings.IndexByte(rest, 0)
	if n < 0 {
		return "", malformed("symbol name at %d is longer than %d bytes or has no end", off, maxSymbolName)
	}
	if t.left -= n; t.left < 0 {
		return "", malformed("symbol names of more than %d bytes", maxNamesRead)
	}
	return rest[:n], nil
}

// symbol takes in one entry of the table.
func (e *elfReader) symbol(out *Symbols, b []byte, version uint16, names *nameTable) error {
	info, section := b[4], e.order.Uint16(b[6:])
	if !e.wide {
		info, section = b[12], e.order.Uint16(b[14:])
	}
	bind, typ := elf.ST_BIND(info), elf.ST_TYPE(info)
	if bind == elf.STB_LOCAL || typ == elf.STT_SECTION || typ == elf.STT_FILE {
		return nil
	}
	name, err := names.at(e.word(b, 0))
	if err != nil || name == "" {
		return err
	}
	s := Symbol{Name: name, Weak: bind == elf.STB_WEAK}
	if elf.SectionIndex(section) == elf.SHN_UNDEF {
		ref := e.want[version&versionIndex]
		s.Version, s.Library = ref.name, ref.library
		out.Undefined = append(out.Undefined, s)
		return nil
	}
	s.Hidden = version&^versionIndex != 0
	if version&versionIndex != 0 { // 0: hidden from others
		s.Version = e.offer[version&versionIndex]
		if ref, copied := e.want[version&versionIndex]; copied {
			s.Version, s.Library = ref.name, ref.library
		}
		if elf.SectionIndex(section) != elf.SHN_ABS || s.Name != s.Version { // the version's own symbol
			out.Defined = append(out.Defined, s)
		}
	}
	return nil
}

// symbolCount is how many entries the symbol table has. Only the hash tables
// tell; where nothing is exported, the GNU one does not, and the relocations
// say which symbols matter.
func (e *elfReader) symbolCount() (uint64, error) {
	var count uint64
	var err error
	if addr, ok := e.tags[elf.DT_HASH]; ok {
		count, err = e.sysvCount(addr)
	} else if addr, ok := e.tags[elf.DT_GNU_HASH]; ok {
		if count, err = e.gnuCount(addr); err == nil && count == 0 {
			count, err = e.relocatedCount()
		}
	}
	if count > maxSymbols {
		return 0, malformed("%d symbols, more than %d", count, maxSymbols)
	}
	return count, err
}

func (e *elfReader) sysvCount(addr uint64) (uint64, error) {
	off, _, err := e.at(addr)
	if err != nil {
		return 0, err
	}
	b, err := e.bytes(off, 8)
	if err != nil {
		return 0, err
	}
	return e.word(b, 4), nil
}

// gnuCount follows the last chain of DT_GNU_HASH to its end. 0 means that
// nothing is hashed.
func (e *elfReader) gnuCount(addr uint64) (uint64, error) {
	off, left, err := e.at(addr)
	if err != nil {
		return 0, err
	}
	head, err := e.bytes(off, 16)
	if err != nil {
		return 0, err
	}
	buckets, first, bloom, word := e.word(head, 0), e.word(head, 4), e.word(head, 8), uint64(4)
	if e.wide {
		word = 8
	}
	start := 16 + bloom*word
	if buckets > maxBuckets || start > left || buckets*4 > left-start {
		return 0, malformed("hash table of %d buckets", buckets)
	}
	b, err := e.bytes(off+start, buckets*4)
	if err != nil {
		return 0, err
	}
	var last uint64
	for i := range int(buckets) {
		last = max(last, e.word(b, 4*i))
	}
	if last < first || last == 0 {
		return 0, nil
	}
	chains := off + start + buckets*4
	return e.chainEnd(chains, last, first)
}

// chainEnd is the index behind the last symbol of a chain.
func (e *elfReader) chainEnd(chains, last, first uint64) (uint64, error) {
	if last > maxSymbols {
		return 0, malformed("%d symbols, more than %d", last, maxSymbols)
	}
	const step = 64 // chains are short
	for i := last; i <= maxSymbols; i += step {
		at := chains + (i-first)*4
		if at > uint64(e.size) {
			break
		}
		b, err := e.bytes(at, min(step*4, (uint64(e.size)-at)/4*4))
		if err != nil {
			return 0, err
		}
		for j := range len(b) / 4 {
			if e.word(b, 4*j)&1 != 0 {
				return i + uint64(j) + 1, nil
			}
		}
	}
	return 0, malformed("hash chain without end")
}
