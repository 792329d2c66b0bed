package binary

import "debug/elf"

// ISA is a set of x86-64 instruction set levels (x86-64 psABI).
type ISA uint32

// The levels, as GNU_PROPERTY_X86_ISA_1_NEEDED has them.
const (
	ISABaseline ISA = 1 << iota
	ISAV2
	ISAV3
	ISAV4
)

// String is the highest level of the set as the psABI calls it, "" for none.
func (i ISA) String() string {
	switch {
	case i&ISAV4 != 0:
		return "x86-64-v4"
	case i&ISAV3 != 0:
		return "x86-64-v3"
	case i&ISAV2 != 0:
		return "x86-64-v2"
	case i&ISABaseline != 0:
		return "x86-64"
	}
	return ""
}

const (
	ntGNUProperty   = 5 // NT_GNU_PROPERTY_TYPE_0
	x86ISANeeded    = 0xc0008002
	maxPropertySize = 1 << 16
)

// properties reads the notes of PT_GNU_PROPERTY (Linux Extensions to gABI). A
// note that is cut short says nothing, as for the loader.
func (e *elfReader) properties(s segment) error {
	if e.out.Machine != elf.EM_X86_64 || s.filesz > maxPropertySize {
		return nil
	}
	b, err := e.bytes(s.off, s.filesz)
	if err != nil {
		return err
	}
	align := uint64(4)
	if e.wide {
		align = 8
	}
	for len(b) >= 16 {
		name, desc, typ := e.word(b, 0), e.word(b, 4), e.word(b, 8)
		start := padded(12+name, align)
		if start > uint64(len(b)) || desc > uint64(len(b))-start {
			return nil
		}
		if typ == ntGNUProperty && name == 4 && string(b[12:15]) == "GNU" {
			e.property(b[start:start+desc], align)
		}
		b = b[min(padded(start+desc, align), uint64(len(b))):]
	}
	return nil
}

func (e *elfReader) property(b []byte, align uint64) {
	for len(b) >= 8 {
		typ, size := e.word(b, 0), e.word(b, 4)
		if size > uint64(len(b))-8 {
			return
		}
		if typ == x86ISANeeded && size == 4 {
			e.out.ISA |= ISA(e.word(b, 8))
		}
		b = b[min(padded(8+size, align), uint64(len(b))):]
	}
}

func padded(n, align uint64) uint64 { return (n + align - 1) &^ (align - 1) }
