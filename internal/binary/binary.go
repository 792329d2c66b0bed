// Package binary reads bounded facts from executables and shared libraries:
// from ELF files (System V ABI, generic part, and the GNU extensions) what the
// loader looks at, the dynamic symbols and the entry of a NIF library, and of
// Mach-O and PE files only that they are such.
//
// It reads what the kernel and the loader read: the file header, the program
// headers and PT_DYNAMIC, never section headers, which a stripped or hostile
// file may lack or forge. Files are taken to be hostile: every count, size and
// string has a limit, no amount of memory follows from a number in the file
// alone, and a file that breaks a rule ends in an error that wraps ErrFormat.
package binary

import (
	"bytes"
	"errors"
)

// ErrFormat is what reading a file that breaks its format's rules, or passes
// this package's limits, ends in.
var ErrFormat = errors.New("malformed binary")

// Format is a kind of file, as its first bytes tell it.
type Format int

// The formats that are recognised.
const (
	Other      Format = iota // anything else: data
	ELF                      // Linux, BSD
	MachO                    // macOS
	PE                       // Windows
	Script                   // "#!" and an interpreter
	LFSPointer               // what Git has in place of a file that Git LFS did not fetch
	Empty                    // no byte at all
)

func (f Format) String() string {
	switch f {
	case ELF:
		return "ELF"
	case MachO:
		return "Mach-O"
	case PE:
		return "PE"
	case Script:
		return "script"
	case LFSPointer:
		return "Git LFS pointer"
	case Empty:
		return "empty file"
	case Other:
	}
	return "data"
}

// SniffLen is how many bytes Sniff looks at.
const SniffLen = len(lfsMagic)

// lfsMagic is how a pointer begins (Git LFS specification, version 1).
const lfsMagic = "version https://git-lfs.github.com/spec/"

// Sniff tells a file's format from its first bytes; fewer than SniffLen are
// fine where the file is shorter.
func Sniff(head []byte) Format {
	magics := []struct {
		magic  string
		format Format
	}{
		{"\x7fELF", ELF},
		{"#!", Script},
		{"MZ", PE},
		{lfsMagic, LFSPointer},
		{"\xfe\xed\xfa\xce", MachO},
		{"\xce\xfa\xed\xfe", MachO}, // 32 bits, both byte orders
		{"\xfe\xed\xfa\xcf", MachO},
		{"\xcf\xfa\xed\xfe", MachO}, // 64 bits, both byte orders
	}
	if len(head) == 0 {
		return Empty
	}
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return m.format
		}
	}
	// A universal Mach-O shares its magic with Java classes; the next word is
	// its number of architectures, where a class has its version (45 or more).
	if bytes.HasPrefix(head, []byte("\xca\xfe\xba\xbe\x00\x00\x00")) && len(head) > 7 && head[7] < 45 {
		return MachO
	}
	return Other
}
