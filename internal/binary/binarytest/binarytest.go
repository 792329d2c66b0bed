// Package binarytest makes small ELF files for tests: what a loader reads of
// one, well-formed or not, and no code.
package binarytest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"

	binfo "dram/internal/binary"
)

// ELF lays out a 64-bit file: header, program headers, and one PT_LOAD that
// maps the file at address 0, with interpreter, strings, Tail and PT_DYNAMIC.
// Tests change its fields at will, into malformed files too.
type ELF struct {
	Order    binary.ByteOrder
	Machine  elf.Machine
	Interp   string
	Stack    elf.ProgFlag
	TLS      uint64    // bytes of thread-local storage; not with Interp
	ISA      binfo.ISA // the levels of x86-64 that it asks for; not with Interp or TLS
	Strings  []byte
	Tags     [][2]uint64 // PT_DYNAMIC, without the tags that lead to Strings and Tail
	Tail     []byte      // version records, mapped behind the strings
	TailTags []elf.DynTag
	placed   [][2]uint64 // tags that lead into Tail, and how far
}

// New is a little-endian x86-64 file with an empty PT_DYNAMIC.
func New() *ELF {
	return &ELF{Order: binary.LittleEndian, Machine: elf.EM_X86_64, Strings: []byte{0}}
}

// Str adds a string and gives its offset.
func (f *ELF) Str(s string) uint64 {
	at := len(f.Strings)
	f.Strings = append(append(f.Strings, s...), 0)
	return uint64(at) //nolint:gosec // lengths are not negative
}

// Tag adds an entry to PT_DYNAMIC.
func (f *ELF) Tag(tag elf.DynTag, v uint64) *ELF {
	f.Tags = append(f.Tags, [2]uint64{uint64(tag), v}) //nolint:gosec // tags are 64-bit patterns
	return f
}

// Name adds an entry to PT_DYNAMIC for each string.
func (f *ELF) Name(tag elf.DynTag, names ...string) *ELF {
	for _, n := range names {
		f.Tag(tag, f.Str(n))
	}
	return f
}

// Place adds a blob to Tail and an entry to PT_DYNAMIC that leads there. The
// blob's address is TailAt plus what this returns.
func (f *ELF) Place(tag elf.DynTag, blob []byte) uint64 {
	for len(f.Tail)%8 != 0 {
		f.Tail = append(f.Tail, 0)
	}
	at := uint64(len(f.Tail))
	f.Tail = append(f.Tail, blob...)
	f.placed = append(f.placed, [2]uint64{uint64(tag), at}) //nolint:gosec // tags are 64-bit patterns
	return at
}

const phnum, headers = 4, 64 + 4*56

// TailAt is the address of Tail once Interp and Strings are complete.
func (f *ELF) TailAt() uint64 { return headers + uint64(len(f.Interp)) + 1 + uint64(len(f.Strings)) }

// Bytes is the file.
func (f *ELF) Bytes() []byte {
	interp := append([]byte(f.Interp), 0)
	strAt := headers + uint64(len(interp))
	tailAt := strAt + uint64(len(f.Strings))
	dynAt := tailAt + uint64(len(f.Tail))
	tags := f.allTags(strAt, tailAt)
	end := dynAt + uint64(len(tags)*16)

	data := elf.ELFDATA2LSB
	if f.Order == binary.BigEndian {
		data = elf.ELFDATA2MSB
	}
	head := elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(data), 1},
		Type:  uint16(elf.ET_DYN), Machine: uint16(f.Machine),
		Version: 1, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: phnum,
	}
	progs := [phnum]elf.Prog64{
		{Type: uint32(elf.PT_LOAD), Filesz: end, Memsz: end},
		{Type: uint32(elf.PT_NULL)},
		{Type: uint32(elf.PT_DYNAMIC), Off: dynAt, Vaddr: dynAt, Filesz: end - dynAt},
		{Type: uint32(elf.PT_GNU_STACK), Flags: uint32(f.Stack)},
	}
	if f.TLS != 0 {
		progs[1] = elf.Prog64{Type: uint32(elf.PT_TLS), Memsz: f.TLS}
	}
	if f.Interp != "" {
		progs[1] = elf.Prog64{Type: uint32(elf.PT_INTERP), Off: headers, Filesz: uint64(len(interp))}
	}
	var note []byte
	if f.ISA != 0 {
		note = Records(f.Order, [3]uint32{4, 16, 5}, []byte("GNU\x00"), [4]uint32{0xc0008002, 4, uint32(f.ISA)})
		size := uint64(len(note))
		progs[1] = elf.Prog64{Type: uint32(elf.PT_GNU_PROPERTY), Off: end, Filesz: size, Memsz: size, Align: 8}
	}
	return Records(f.Order, head, progs, interp, f.Strings, f.Tail, tags, note)
}

func (f *ELF) allTags(strAt, tailAt uint64) [][2]uint64 {
	tags := append([][2]uint64{}, f.Tags...)
	tags = append(tags, [2]uint64{uint64(elf.DT_STRTAB), strAt}, [2]uint64{uint64(elf.DT_STRSZ), uint64(len(f.Strings))})
	for _, tag := range f.TailTags {
		tags = append(tags, [2]uint64{uint64(tag), tailAt}) //nolint:gosec // tags are 64-bit patterns
	}
	for _, p := range f.placed {
		tags = append(tags, [2]uint64{p[0], tailAt + p[1]})
	}
	return append(tags, [2]uint64{}) // DT_NULL
}

// Records is fields of fixed size, one after the other.
func Records(order binary.ByteOrder, fields ...any) []byte {
	var b bytes.Buffer
	for _, field := range fields {
		if err := binary.Write(&b, order, field); err != nil {
			panic(err) // a field without a fixed size: the test is wrong
		}
	}
	return b.Bytes()
}
