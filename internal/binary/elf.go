package binary

import (
	"cmp"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// Limits of the ELF reader. The largest libraries seen (WebKit, LLVM) stay
// below a tenth of each.
const (
	maxSegments = 512
	maxDynamic  = 1 << 16 // entries of PT_DYNAMIC
	maxNeeded   = 4096
	maxString   = 4096    // bytes of one name or path
	maxPaths    = 1 << 16 // bytes of a list of folders, as long ones of Nix are
	maxVersions = 1 << 14 // version records of a file, needs and definitions each
)

// File is what an ELF file asks of its loader. Paths and names are as they
// stand in the file, with $ORIGIN and the like unexpanded.
type File struct {
	Class   elf.Class
	Data    elf.Data
	Machine elf.Machine
	Type    elf.Type
	Ident

	Interp  string // PT_INTERP, "" if there is none
	Dynamic bool   // it has PT_DYNAMIC, so the loader has work to do

	Needed []string // DT_NEEDED in order
	Filtering
	Soname  string
	RPath   string // DT_RPATH, "" if absent
	RunPath string // DT_RUNPATH, "" if absent
	Flags   elf.DynFlag
	Flags1  elf.DynFlag1

	Truncated bool // a part that is to be mapped lies behind the file's end

	RelR  bool   // it has DT_RELR relocations, which glibc before 2.36 ignores
	Stack Stack  // what PT_GNU_STACK says
	TLS   uint64 // bytes of thread-local storage (PT_TLS)
	ISA   ISA    // the instruction sets without which it refuses to be loaded

	Versions
}

// Ident is what glibc's loader looks at before it maps a library, beside the processor.
type Ident struct {
	OSABI elf.OSABI
	Odd   string // what it says of a header that it refuses, "" of all others

	Mapped    bool // there is something to be mapped (PT_LOAD)
	Unaligned bool // what is mapped is to be aligned to no multiple of a page
}

// Filtering is what stands in front of a library: the loader asks it for symbols first.
type Filtering struct {
	Filters     []string // DT_FILTER
	Auxiliaries []string // DT_AUXILIARY, without which it can do
}

// Versions are a file's versions of symbols.
type Versions struct {
	VersionNeeds []VersionNeed // those it wants, by library
	VersionDefs  []VersionDef  // those it offers
}

// Stack is what a file says about an executable stack.
type Stack int

// The answers of PT_GNU_STACK.
const (
	StackUnsaid     Stack = iota // no PT_GNU_STACK: the loader takes it as executable on most machines
	StackPlain                   // not executable
	StackExecutable              // executable
)

// VersionNeed is the versions that a file wants of one library (DT_VERNEED).
type VersionNeed struct {
	Library  string
	Versions []Version
}

// Version is one symbol version wanted. The loader only warns about a missing
// weak one.
type Version struct {
	Name string
	Weak bool
}

// VersionDef is one symbol version offered (DT_VERDEF). The base version names
// the file itself.
type VersionDef struct {
	Name string
	Base bool
	Weak bool
}

// ReadELF reads the ELF file of size bytes in r. Errors wrap ErrFormat, or are
// r's own.
func ReadELF(r io.ReaderAt, size int64) (*File, error) {
	e, err := readELF(r, size)
	if err != nil {
		return nil, err
	}
	return &e.out, nil
}

// IsAppImage says whether a file is an AppImage, of type 1 or 2 (AppImage
// specification): a program that reads what follows it in its own file and brings its
// libraries there.
func IsAppImage(r io.ReaderAt) bool {
	var mark [3]byte
	_, err := r.ReadAt(mark[:], 8) // in e_ident's padding
	return err == nil && (string(mark[:]) == "AI\x01" || string(mark[:]) == "AI\x02")
}

func readELF(r io.ReaderAt, size int64) (*elfReader, error) {
	e := &elfReader{r: r, size: size, want: map[uint16]versionRef{}, offer: map[uint16]string{}}
	if err := e.header(); err != nil {
		return nil, fmt.Errorf("reading ELF header: %w", err)
	}
	if err := e.segments(); err != nil {
		return nil, fmt.Errorf("reading ELF program headers: %w", err)
	}
	e.out.Odd, e.out.Mapped = cmp.Or(e.out.Odd, e.oddSegments()), len(e.loads) > 0
	if err := e.dynamic(); err != nil {
		return nil, fmt.Errorf("reading ELF dynamic section: %w", err)
	}
	if err := e.versions(); err != nil {
		return nil, fmt.Errorf("reading ELF symbol versions: %w", err)
	}
	return e, nil
}

// elfReader is the state of reading one file.
type elfReader struct {
	r     io.ReaderAt
	size  int64
	order binary.ByteOrder
	wide  bool // 64 bits
	phoff uint64
	phnum int

	loads   []segment
	notes   []segment
	dyn     segment
	tags    map[elf.DynTag]uint64
	want    map[uint16]versionRef // version indexes of DT_VERNEED
	offer   map[uint16]string     // version indexes of DT_VERDEF
	strings uint64                // file offset of the string table
	strsize uint64
	out     File
}

type segment struct {
	off, vaddr, filesz uint64
	code               bool // it may be executed
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

// bytes reads n bytes at off; the caller has bounded n.
func (e *elfReader) bytes(off, n uint64) ([]byte, error) {
	if off > uint64(e.size) || n > uint64(e.size)-off { //nolint:gosec // sizes of files are not negative
		return nil, malformed("%d bytes at offset %d reach past the end of the file (%d bytes)", n, off, e.size)
	}
	buf := make([]byte, n)
	if _, err := io.ReadFull(io.NewSectionReader(e.r, int64(off), int64(n)), buf); err != nil { //nolint:gosec // within size
		return nil, err
	}
	return buf, nil
}

func (e *elfReader) header() error {
	if e.size < 52 {
		return malformed("the file is too short (%d bytes)", e.size)
	}
	b, err := e.bytes(0, uint64(min(e.size, 64))) //nolint:gosec // positive
	if err != nil {
		return err
	}
	if string(b[:4]) != elf.ELFMAG {
		return malformed("no ELF magic")
	}
	o := &e.out
	o.Class, o.Data, o.OSABI = elf.Class(b[elf.EI_CLASS]), elf.Data(b[elf.EI_DATA]), elf.OSABI(b[elf.EI_OSABI])
	switch o.Data {
	case elf.ELFDATA2LSB:
		e.order = binary.LittleEndian
	case elf.ELFDATA2MSB:
		e.order = binary.BigEndian
	default:
		return malformed("unknown byte order %d", b[elf.EI_DATA])
	}
	o.Type, o.Machine = elf.Type(e.order.Uint16(b[16:])), elf.Machine(e.order.Uint16(b[18:]))
	o.Odd = oddHeader(b, e.order)
	return e.classHeader(b)
}

// oddHeader is what glibc's open_verify says of the first bytes, its words unchanged.
func oddHeader(b []byte, order binary.ByteOrder) string {
	switch {
	case b[elf.EI_VERSION] != byte(elf.EV_CURRENT):
		return "ELF file version ident does not match current one"
	case elf.OSABI(b[elf.EI_OSABI]) == elf.ELFOSABI_NONE && b[elf.EI_ABIVERSION] != 0:
		return "ELF file ABI version invalid"
	case strings.Trim(string(b[elf.EI_PAD:elf.EI_NIDENT]), "\x00") != "":
		return "nonzero padding in e_ident"
	case order.Uint32(b[20:]) != uint32(elf.EV_CURRENT):
		return "ELF file version does not match current one"
	}
	return ""
}

// oddSegments is what glibc's loader says of a library that has nothing to be mapped, or
// nothing for the loader.
func (e *elfReader) oddSegments() string {
	switch t := e.out.Type; {
	case t != elf.ET_DYN && t != elf.ET_EXEC:
		return "only ET_DYN and ET_EXEC can be loaded"
	case len(e.loads) == 0:
		return "object file has no loadable segments"
	case !e.out.Dynamic:
		return "object file has no dynamic section"
	}
	return ""
}

// classHeader reads what lies elsewhere in 32-bit and 64-bit files.
func (e *elfReader) classHeader(b []byte) error {
	var tail []byte // from e_flags on: flags, ehsize, phentsize, phnum
	want := 32
	switch e.out.Class {
	case elf.ELFCLASS64:
		if len(b) < 64 {
			return malformed("the file is too short (%d bytes)", e.size)
		}
		e.wide, want = true, 56
		e.phoff, tail = e.order.Uint64(b[32:]), b[48:]
	case elf.ELFCLASS32:
		e.phoff, tail = uint64(e.order.Uint32(b[28:])), b[36:]
	default:
		return malformed("unknown class %d", b[elf.EI_CLASS])
	}
	e.phnum = int(e.order.Uint16(tail[8:]))
	if got := int(e.order.Uint16(tail[6:])); e.phnum > 0 && got != want {
		return malformed("program headers of %d bytes, expected %d", got, want)
	}
	if e.phnum > maxSegments {
		return malformed("%d program headers, more than %d", e.phnum, maxSegments)
	}
	return nil
}

func (e *elfReader) segments() error {
	step := 32
	if e.wide {
		step = 56
	}
	b, err := e.bytes(e.phoff, uint64(e.phnum*step)) //nolint:gosec // both small and positive
	if err != nil || e.phnum == 0 {
		return err
	}
	for ; len(b) > 0; b = b[step:] {
		if err := e.segment(b); err != nil {
			return err
		}
	}
	return nil
}

// page is the least size of a page of the systems that releases run on, in bytes.
const page = 4096

func (e *elfReader) segment(b []byte) error {
	typ := elf.ProgType(e.order.Uint32(b))
	var s segment
	var flags elf.ProgFlag
	memsz, align := uint64(e.order.Uint32(b[20:])), uint64(e.order.Uint32(b[28:]))
	if e.wide {
		memsz, align = e.order.Uint64(b[40:]), e.order.Uint64(b[48:])
		flags = elf.ProgFlag(e.order.Uint32(b[4:]))
		s = segment{off: e.order.Uint64(b[8:]), vaddr: e.order.Uint64(b[16:]), filesz: e.order.Uint64(b[32:])}
	} else {
		flags = elf.ProgFlag(e.order.Uint32(b[24:]))
		s = segment{off: uint64(e.order.Uint32(b[4:])), vaddr: uint64(e.order.Uint32(b[8:])), filesz: uint64(e.order.Uint32(b[16:]))}
	}
	s.code = flags&elf.PF_X != 0
	switch typ { //nolint:exhaustive // the others are not read
	case elf.PT_LOAD:
		e.loads = append(e.loads, s)
		e.out.Unaligned = e.out.Unaligned || align%page != 0
		if size := uint64(e.size); s.off > size || s.filesz > size-s.off {
			e.out.Truncated = true
		}
	case elf.PT_DYNAMIC:
		e.dyn, e.out.Dynamic = s, s.filesz > 0 // which files of debug information alone have not
	case elf.PT_TLS:
		e.out.TLS = memsz
	case elf.PT_GNU_STACK:
		e.out.Stack = StackPlain
		if flags&elf.PF_X != 0 {
			e.out.Stack = StackExecutable
		}
	case elf.PT_INTERP:
		return e.interp(s)
	case elf.PT_NOTE:
		e.notes = append(e.notes, s)
	case elf.PT_GNU_PROPERTY:
		return e.properties(s)
	}
	return nil
}

func (e *elfReader) interp(s segment) error {
	if s.filesz < 2 || s.filesz > maxString {
		return malformed("interpreter path of %d bytes", s.filesz)
	}
	b, err := e.bytes(s.off, s.filesz)
	if err != nil {
		return err
	}
	if b[len(b)-1] != 0 {
		return malformed("interpreter path without end")
	}
	e.out.Interp = cString(b)
	return nil
}
