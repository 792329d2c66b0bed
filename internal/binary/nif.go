package binary

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
)

// NIF is the entry of a NIF library (ErlNifEntry of erl_nif.h) as the compiler
// laid it out. Libraries that fill it at run time, as some Rust ones do, have
// none to read.
type NIF struct {
	Major, Minor int    // of the NIF API it was compiled for
	Module       string // "Elixir.Exqlite.Sqlite3NIF"
	Functions    []NIFFunction
	MinERTS      string // "erts-14.0", "" if the entry is too old to say
}

// NIFFunction is one function of a NIF library. Its arity is whatever 32 bits
// hold: the VM, which looks for a function of that arity, is to judge it.
type NIFFunction struct {
	Name  string
	Arity int
	Flags int // 0, or a kind of dirty scheduler: 1 (CPU), 2 (I/O)
}

// ErrNoNIF is what reading a file without a static NIF entry ends in.
var ErrNoNIF = errors.New("no static NIF entry")

// The layout of ErlNifEntry and ErlNifFunc with 8-byte pointers.
const (
	vmVariant     = "beam.vanilla\x00" // ERL_NIF_VM_VARIANT
	variantOffset = 64
	flagsOffset   = 24 // in ErlNifFunc
	minERTSOffset = 88
	functionSize  = 32
	firstFlags    = 7 // minor version of the NIF API
	maxNIFFuncs   = 4096
	maxScanned    = 256 << 20 // bytes of a file searched for the VM variant
)

// ReadNIF reads the NIF entry of a 64-bit ELF file: the structure whose field
// for the VM variant the loader points to "beam.vanilla".
func ReadNIF(r io.ReaderAt, size int64) (*NIF, error) {
	e, err := readELF(r, size)
	if err != nil {
		return nil, err
	}
	places, err := e.variants()
	if err != nil || len(places) == 0 {
		return nil, cmp.Or(err, ErrNoNIF)
	}
	pointers, err := e.pointers()
	if err != nil {
		return nil, fmt.Errorf("reading ELF relocations: %w", err)
	}
	var slots []uint64
	for slot, to := range pointers {
		if slot >= variantOffset && slices.Contains(places, to) {
			slots = append(slots, slot)
		}
	}
	slices.Sort(slots)
	for _, slot := range slots {
		if nif, err := e.nif(slot-variantOffset, pointers); err == nil {
			return nif, nil
		}
	}
	return nil, ErrNoNIF
}

// variants is the addresses at which the VM variant's name stands.
func (e *elfReader) variants() ([]uint64, error) {
	var out []uint64
	const chunk = 1 << 20
	for _, s := range e.loads {
		end := min(s.filesz, maxScanned)
		for at := uint64(0); at < end && len(out) < 16; at += chunk - uint64(len(vmVariant)) {
			b, err := e.bytes(s.off+at, min(chunk, end-at))
			if err != nil {
				return nil, err
			}
			for base := 0; len(out) < 16; {
				n := bytes.Index(b[base:], []byte(vmVariant))
				if n < 0 {
					break
				}
				out = append(out, s.vaddr+at+uint64(base+n))
				base += n + 1
			}
			if end-at <= chunk {
				break
			}
		}
	}
	return out, nil
}

// nif reads the entry at an address.
func (e *elfReader) nif(at uint64, pointers map[uint64]uint64) (*NIF, error) {
	b, err := e.mapped(at, variantOffset)
	if err != nil {
		return nil, err
	}
	major, minor, count := e.word(b, 0), e.word(b, 4), e.word(b, 16)
	if major == 0 || major > 9 || minor > 999 || count > maxNIFFuncs {
		return nil, malformed("NIF entry for API %d.%d with %d functions", major, minor, count)
	}
	out := &NIF{Major: int(major), Minor: int(minor)}
	if out.Module, err = e.text(pointers[at+8]); err != nil {
		return nil, err
	}
	if major == 2 && minor < firstFlags {
		count = 0 // rows are shorter, without flags
	}
	for i := range count {
		row := pointers[at+24] + i*functionSize
		f, err := e.mapped(row, functionSize)
		if err != nil {
			return nil, err
		}
		name, err := e.text(pointers[row])
		if err != nil {
			return nil, err
		}
		out.Functions = append(out.Functions, NIFFunction{name, int(e.word(f, 8)), int(e.word(f, flagsOffset))})
	}
	// Since API 2.14.
	if text, err := e.text(pointers[at+minERTSOffset]); err == nil && len(text) < 32 {
		out.MinERTS = text
	}
	return out, nil
}

// text is the string at an address. Names of modules and functions are atoms,
// of at most 255 characters.
func (e *elfReader) text(addr uint64) (string, error) {
	off, left, err := e.at(addr)
	if err != nil || addr == 0 {
		return "", cmp.Or(err, malformed("no string"))
	}
	b, err := e.bytes(off, min(left, 1024))
	if err != nil {
		return "", err
	}
	if bytes.IndexByte(b, 0) < 0 {
		return "", malformed("string at %#x has no end", addr)
	}
	return cString(b), nil
}
