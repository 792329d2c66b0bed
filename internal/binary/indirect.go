package binary

import (
	"debug/elf"
	"io"
)

// sttIFunc is STT_GNU_IFUNC: a function that gives the address of the one meant.
const sttIFunc = 10

// ReadIndirect says whether the loader has to call functions of the ELF file of size
// bytes in r to learn which are meant (STT_GNU_IFUNC, R_*_IRELATIVE), which musl does
// not do. Errors are as for ReadELF.
func ReadIndirect(r io.ReaderAt, size int64) (bool, error) {
	e, err := readELF(r, size)
	if err != nil || !e.wide {
		return false, err
	}
	relative := map[elf.Machine]uint64{elf.EM_X86_64: uint64(elf.R_X86_64_IRELATIVE), elf.EM_AARCH64: uint64(elf.R_AARCH64_IRELATIVE)}[e.out.Machine]
	symbols, err := e.symbolTable()
	if err != nil {
		return false, err
	}
	for _, t := range [][2]elf.DynTag{{elf.DT_RELA, elf.DT_RELASZ}, {elf.DT_JMPREL, elf.DT_PLTRELSZ}} {
		b, err := e.table(t[0], t[1], 24)
		if err != nil {
			return false, err
		}
		for ; len(b) >= 24; b = b[24:] {
			info := e.order.Uint64(b[8:])
			at := info >> 32 * elf.Sym64Size
			if relative != 0 && info&0xffffffff == relative || info>>32 != 0 && at+elf.Sym64Size <= uint64(len(symbols)) &&
				symbols[at+4]&0xf == sttIFunc && e.order.Uint16(symbols[at+6:]) != 0 {
				return true, nil
			}
		}
	}
	return false, nil
}

// symbolTable is the bytes of DT_SYMTAB, nil if there is none.
func (e *elfReader) symbolTable() ([]byte, error) {
	addr, ok := e.tags[elf.DT_SYMTAB]
	if !ok {
		return nil, nil
	}
	count, err := e.symbolCount()
	if err != nil || count == 0 {
		return nil, err
	}
	off, _, err := e.at(addr)
	if err != nil {
		return nil, err
	}
	return e.bytes(off, count*elf.Sym64Size)
}
