package binary

import (
	"bytes"
	"debug/elf"
)

// Tags that debug/elf has no names for (Solaris and GNU).
const (
	dtAuxiliary = elf.DynTag(0x7ffffffd)
	dtFilter    = elf.DynTag(0x7fffffff)
)

// cString is b up to its first NUL.
func cString(b []byte) string {
	s, _, _ := bytes.Cut(b, []byte{0})
	return string(s)
}

// dynamic reads PT_DYNAMIC up to DT_NULL.
func (e *elfReader) dynamic() error {
	if !e.out.Dynamic {
		return nil
	}
	step := uint64(8)
	if e.wide {
		step = 16
	}
	if e.dyn.filesz/step > maxDynamic {
		return malformed("%d dynamic entries, more than %d", e.dyn.filesz/step, maxDynamic)
	}
	b, err := e.bytes(e.dyn.off, e.dyn.filesz/step*step)
	if err != nil {
		return err
	}
	names := map[elf.DynTag][]uint64{elf.DT_NEEDED: nil, dtFilter: nil, dtAuxiliary: nil}
	e.tags = make(map[elf.DynTag]uint64)
	for ; len(b) > 0; b = b[step:] {
		tag, val := e.entry(b)
		if tag == elf.DT_NULL {
			break
		}
		if list, several := names[tag]; several {
			if names[tag] = append(list, val); len(list) == maxNeeded {
				return malformed("%d needed libraries, more than %d", len(list)+1, maxNeeded)
			}
			continue
		}
		e.tags[tag] = val // the last one counts, as in glibc
	}
	return e.facts(names)
}

func (e *elfReader) entry(b []byte) (elf.DynTag, uint64) {
	if e.wide {
		return elf.DynTag(e.order.Uint64(b)), e.order.Uint64(b[8:]) //nolint:gosec // tags are 64-bit patterns
	}
	return elf.DynTag(int32(e.order.Uint32(b))), uint64(e.order.Uint32(b[4:])) //nolint:gosec // sign-extended as readelf does
}

// facts turns the tags that matter into the File's fields.
func (e *elfReader) facts(names map[elf.DynTag][]uint64) error {
	o := &e.out
	o.Flags = elf.DynFlag(e.tags[elf.DT_FLAGS])     //nolint:gosec // flags are 32 bits wide
	o.Flags1 = elf.DynFlag1(e.tags[elf.DT_FLAGS_1]) //nolint:gosec // flags are 32 bits wide
	_, table := e.tags[dtRelr]
	o.RelR = table && e.tags[dtRelrSize] > 0
	if err := e.findStrings(); err != nil {
		return err
	}
	for tag, to := range map[elf.DynTag]*[]string{elf.DT_NEEDED: &o.Needed, dtFilter: &o.Filters, dtAuxiliary: &o.Auxiliaries} {
		for _, off := range names[tag] {
			s, err := e.str(off)
			if err != nil {
				return err
			}
			*to = append(*to, s)
		}
	}
	for tag, to := range map[elf.DynTag]*string{
		elf.DT_SONAME: &o.Soname, elf.DT_RPATH: &o.RPath, elf.DT_RUNPATH: &o.RunPath,
	} {
		off, ok := e.tags[tag]
		if !ok {
			continue
		}
		s, err := e.stringOf(off, maxPaths)
		if err != nil {
			return err
		}
		*to = s
	}
	return nil
}

// findStrings finds DT_STRTAB in the file. A file without one may still be
// sound so long as nothing asks for a string.
func (e *elfReader) findStrings() error {
	addr, ok := e.tags[elf.DT_STRTAB]
	if !ok {
		return nil
	}
	off, left, err := e.at(addr)
	if err != nil {
		return err
	}
	e.strings, e.strsize = off, min(left, e.tags[elf.DT_STRSZ])
	return nil
}

// at is the file offset of an address, and how many bytes of the file are
// mapped from there on.
func (e *elfReader) at(addr uint64) (off, left uint64, err error) {
	for _, s := range e.loads {
		if addr >= s.vaddr && addr-s.vaddr < s.filesz {
			in := addr - s.vaddr
			if s.off > uint64(e.size) || in > uint64(e.size)-s.off { //nolint:gosec // sizes of files are not negative
				break
			}
			off = s.off + in
			return off, min(s.filesz-in, uint64(e.size)-off), nil //nolint:gosec // as above
		}
	}
	return 0, 0, malformed("address %#x is not in the file", addr)
}

// str is the string at off in the string table.
func (e *elfReader) str(off uint64) (string, error) { return e.stringOf(off, maxString) }

// stringOf is one of at most some bytes.
func (e *elfReader) stringOf(off, most uint64) (string, error) {
	if off >= e.strsize {
		return "", malformed("string at %d is outside the string table (%d bytes)", off, e.strsize)
	}
	// Names are short; long ones are paths.
	for _, n := range []uint64{128, min(most, maxString), most} {
		n = min(n, e.strsize-off)
		b, err := e.bytes(e.strings+off, n)
		if err != nil {
			return "", err
		}
		if before, _, ok := bytes.Cut(b, []byte{0}); ok {
			return string(before), nil
		}
	}
	return "", malformed("string at %d is longer than %d bytes or has no end", off, most)
}
