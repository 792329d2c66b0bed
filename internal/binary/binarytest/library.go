package binarytest

import (
	"debug/elf"
	"slices"

	"dram/internal/binary"
)

// Library is a shared library or a program, as rules about libraries see it.
// The zero value is a sound x86-64 library that needs and offers nothing.
type Library struct {
	Machine   elf.Machine
	Interp    string
	Soname    string
	Needed    []string
	RunPath   string
	RelR      bool
	ExecStack bool
	StaticTLS uint64     // bytes of thread-local storage that must be at a fixed place
	ISA       binary.ISA // levels of x86-64 that it asks for
	PIE       bool       // linked as a program (DF_1_PIE)
	NoOpen    bool       // not to be opened when a program runs (DF_1_NOOPEN)
	OSABI     elf.OSABI
	Offers    []string        // versions, besides those of Defined
	Defined   []binary.Symbol // Library is not used
	Undefined []binary.Symbol
	NIF       *binary.NIF
}

// Bytes is the file.
func (l Library) Bytes() []byte {
	f := New()
	if l.Machine != 0 {
		f.Machine = l.Machine
	}
	f.Interp, f.Stack, f.ISA = l.Interp, elf.PF_R|elf.PF_W, l.ISA
	if l.ExecStack {
		f.Stack |= elf.PF_X
	}
	f.Name(elf.DT_NEEDED, l.Needed...)
	if l.Soname != "" {
		f.Name(elf.DT_SONAME, l.Soname)
	}
	if l.RunPath != "" {
		f.Name(elf.DT_RUNPATH, l.RunPath)
	}
	if l.StaticTLS != 0 {
		f.TLS = l.StaticTLS
		f.Tag(elf.DT_FLAGS, uint64(elf.DF_STATIC_TLS))
	}
	if l.PIE {
		f.Tag(elf.DT_FLAGS_1, uint64(elf.DF_1_PIE))
	}
	if l.NoOpen {
		f.Tag(elf.DT_FLAGS_1, uint64(elf.DF_1_NOOPEN))
	}
	if l.RelR {
		f.Tag(elf.DynTag(35), 8).Tag(elf.DynTag(36), 0)
	}
	l.symbols(f)
	if l.NIF != nil {
		addNIF(f, l.NIF)
	}
	out := f.Bytes()
	out[elf.EI_OSABI] = byte(l.OSABI)
	return out
}

// symbols adds the symbol table, its versions, and the hash table that gives
// the number of symbols.
func (l Library) symbols(f *ELF) {
	v := &versions{f: f, index: map[[2]string]uint16{}, next: 2, strong: map[uint16]bool{}}
	for _, name := range l.Offers {
		v.offer(name)
	}
	table, indexes := make([]byte, elf.Sym64Size), Records(f.Order, uint16(0))
	add := func(s binary.Symbol, section elf.SectionIndex, version uint16) {
		bind := elf.STB_GLOBAL
		if s.Weak {
			bind = elf.STB_WEAK
		}
		table = append(table, Records(f.Order, elf.Sym64{
			Name: uint32(f.Str(s.Name)), Info: elf.ST_INFO(bind, elf.STT_FUNC), Shndx: uint16(section), //nolint:gosec // small
		})...)
		indexes = append(indexes, Records(f.Order, version)...)
	}
	for _, s := range l.Undefined {
		add(s, elf.SHN_UNDEF, v.want(s))
	}
	for _, s := range l.Defined {
		add(s, 1, v.offer(s.Version))
	}
	v.place(l.Soname)
	count := uint32(len(table) / elf.Sym64Size) //nolint:gosec // small
	f.Place(elf.DT_SYMTAB, table)
	f.Place(elf.DT_HASH, Records(f.Order, uint32(0), count))
	if v.next > 2 {
		f.Place(elf.DT_VERSYM, indexes)
	}
}

// versions numbers the versions of a file.
type versions struct {
	f       *ELF
	index   map[[2]string]uint16 // by library, "" for its own, and name
	next    uint16
	offers  []string
	needs   []string // libraries
	wanting map[string][]string
	strong  map[uint16]bool // wanted by a symbol that is not weak
}

func (v *versions) number(key [2]string) (n uint16, fresh bool) {
	if n, ok := v.index[key]; ok {
		return n, false
	}
	v.index[key] = v.next
	v.next++
	return v.next - 1, true
}

func (v *versions) offer(name string) uint16 {
	if name == "" {
		return 1
	}
	n, fresh := v.number([2]string{"", name})
	if fresh {
		v.offers = append(v.offers, name)
	}
	return n
}

func (v *versions) want(s binary.Symbol) uint16 {
	if s.Version == "" {
		return 1
	}
	n, fresh := v.number([2]string{s.Library, s.Version})
	if fresh {
		if v.wanting == nil {
			v.wanting = map[string][]string{}
		}
		if !slices.Contains(v.needs, s.Library) {
			v.needs = append(v.needs, s.Library)
		}
		v.wanting[s.Library] = append(v.wanting[s.Library], s.Version)
	}
	v.strong[n] = v.strong[n] || !s.Weak
	return n
}

// place writes DT_VERDEF and DT_VERNEED.
func (v *versions) place(soname string) {
	o := v.f.Order
	var defs, needs []byte
	for i, name := range append([]string{soname}, v.offers...) {
		base, index, next := uint16(0), v.index[[2]string{"", name}], uint32(28)
		if i == 0 {
			base, index = 1, 1
		}
		if i == len(v.offers) {
			next = 0
		}
		defs = append(defs, Records(o, uint16(1), base, index, uint16(1), uint32(0), uint32(20), next,
			uint32(v.f.Str(name)), uint32(0))...) //nolint:gosec // small
	}
	for i, lib := range v.needs {
		names := v.wanting[lib]
		next := uint32(16 + 16*len(names)) //nolint:gosec // small
		if i == len(v.needs)-1 {
			next = 0
		}
		needs = append(needs, Records(o, uint16(1), uint16(len(names)), uint32(v.f.Str(lib)), uint32(16), next)...) //nolint:gosec // small
		for j, name := range names {
			step := uint32(16)
			if j == len(names)-1 {
				step = 0
			}
			index, flags := v.index[[2]string{lib, name}], uint16(0)
			if !v.strong[index] {
				flags = 2 // VER_FLG_WEAK
			}
			needs = append(needs, Records(o, uint32(0), flags, index, uint32(v.f.Str(name)), step)...) //nolint:gosec // small
		}
	}
	if len(v.offers) > 0 {
		v.f.Place(elf.DT_VERDEF, defs)
		v.f.Tag(elf.DT_VERDEFNUM, uint64(len(v.offers)+1))
	}
	if len(v.needs) > 0 {
		v.f.Place(elf.DT_VERNEED, needs)
		v.f.Tag(elf.DT_VERNEEDNUM, uint64(len(v.needs)))
	}
}

// addNIF adds an ErlNifEntry, its functions, and the relocations that lead to
// its strings, which are in the string table.
func addNIF(f *ELF, nif *binary.NIF) {
	names := []uint64{f.Str(nif.Module), f.Str("beam.vanilla"), f.Str(nif.MinERTS)}
	functions := make([]uint64, len(nif.Functions))
	for i, fn := range nif.Functions {
		functions[i] = f.Str(fn.Name)
	}
	strAt := headers + uint64(len(f.Interp)) + 1
	entry := Records(f.Order, uint32(nif.Major), uint32(nif.Minor), uint64(0), uint64(len(nif.Functions)), make([]byte, 96-24)) //nolint:gosec // small
	at := f.TailAt() + f.Place(elf.DT_INIT_ARRAY, entry)
	relative := func(slot, target uint64) []byte {
		return Records(f.Order, slot, uint64(elf.R_X86_64_RELATIVE), target)
	}
	rela := slices.Concat(relative(at+8, strAt+names[0]), relative(at+64, strAt+names[1]), relative(at+88, strAt+names[2]))
	if len(functions) > 0 {
		var rows []byte
		for _, fn := range nif.Functions {
			rows = append(rows, Records(f.Order, uint64(0), uint64(fn.Arity), uint64(0), uint64(fn.Flags))...) //nolint:gosec // small
		}
		table := f.TailAt() + f.Place(elf.DT_FINI_ARRAY, rows)
		rela = append(rela, relative(at+24, table)...)
		for i, name := range functions {
			rela = append(rela, relative(table+32*uint64(i), strAt+name)...)
		}
	}
	f.Place(elf.DT_RELA, rela)
	f.Tag(elf.DT_RELASZ, uint64(len(rela)))
}
