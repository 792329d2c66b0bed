package binary

import "debug/elf"

const maxRelocations = 1 << 20

// Relocation tags that debug/elf has no names for.
const (
	dtRelrSize = elf.DynTag(35)
	dtRelr     = elf.DynTag(36)
)

// table is the bytes of a table that two tags give the place and the size of.
func (e *elfReader) table(place, size elf.DynTag, entry uint64) ([]byte, error) {
	addr, ok := e.tags[place]
	if !ok || e.tags[size] == 0 {
		return nil, nil
	}
	n := e.tags[size] / entry
	if n > maxRelocations {
		return nil, malformed("%d relocations, more than %d", n, maxRelocations)
	}
	off, _, err := e.at(addr)
	if err != nil {
		return nil, err
	}
	return e.bytes(off, n*entry)
}

// relocatedCount is one more than the highest symbol that a relocation names.
func (e *elfReader) relocatedCount() (uint64, error) {
	entry, info, shift := uint64(12), 4, 8
	if e.wide {
		entry, info, shift = 24, 8, 32
	}
	var highest uint64
	plain := entry * 2 / 3 // DT_REL has no addends
	tables := []struct {
		place, size elf.DynTag
		entry       uint64
	}{
		{elf.DT_RELA, elf.DT_RELASZ, entry},
		{elf.DT_REL, elf.DT_RELSZ, plain},
		{elf.DT_JMPREL, elf.DT_PLTRELSZ, entry},
	}
	if elf.DynTag(e.tags[elf.DT_PLTREL]) == elf.DT_REL {
		tables[2].entry = plain
	}
	for _, t := range tables {
		b, err := e.table(t.place, t.size, t.entry)
		if err != nil {
			return 0, err
		}
		for ; len(b) > 0; b = b[t.entry:] {
			if e.wide {
				highest = max(highest, e.order.Uint64(b[info:])>>shift)
			} else {
				highest = max(highest, e.word(b, info)>>shift)
			}
		}
	}
	if highest == 0 {
		return 0, nil
	}
	return highest + 1, nil
}

// pointers is what the loader adds the base address to: slot to target, of a
// 64-bit file for a machine that dram knows.
func (e *elfReader) pointers() (map[uint64]uint64, error) {
	relative := map[elf.Machine]uint64{
		elf.EM_X86_64:  uint64(elf.R_X86_64_RELATIVE),
		elf.EM_AARCH64: uint64(elf.R_AARCH64_RELATIVE),
	}[e.out.Machine]
	out := map[uint64]uint64{}
	if !e.wide || relative == 0 {
		return out, nil
	}
	b, err := e.table(elf.DT_RELA, elf.DT_RELASZ, 24)
	if err != nil {
		return nil, err
	}
	for ; len(b) > 0; b = b[24:] {
		if e.order.Uint64(b[8:])&0xffffffff == relative {
			out[e.order.Uint64(b)] = e.order.Uint64(b[16:])
		}
	}
	return out, e.packed(out)
}

// packed adds the slots of DT_RELR, whose targets stand in the slots. An even
// word is a slot, an odd one a bitmap of the 63 words that follow.
func (e *elfReader) packed(out map[uint64]uint64) error {
	b, err := e.table(dtRelr, dtRelrSize, 8)
	if err != nil {
		return err
	}
	var next uint64
	for ; len(b) > 0 && len(out) < maxRelocations; b = b[8:] {
		word := e.order.Uint64(b)
		if word&1 == 0 {
			e.pointer(out, word)
			next = word + 8
			continue
		}
		for i := range uint64(63) {
			if word>>(i+1)&1 != 0 {
				e.pointer(out, next+8*i)
			}
		}
		next += 63 * 8
	}
	return nil
}

func (e *elfReader) pointer(out map[uint64]uint64, slot uint64) {
	if b, err := e.mapped(slot, 8); err == nil {
		out[slot] = e.order.Uint64(b)
	}
}

// mapped is n bytes at an address.
func (e *elfReader) mapped(addr, n uint64) ([]byte, error) {
	off, left, err := e.at(addr)
	if err != nil {
		return nil, err
	}
	if n > left {
		return nil, malformed("%d bytes at address %#x are not in the file", n, addr)
	}
	return e.bytes(off, n)
}
