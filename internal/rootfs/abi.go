package rootfs

import (
	"debug/elf"
	"strings"

	"dram/internal/binary"
)

// abi is one way of loading programs: a machine and a C library.
type abi struct {
	machine elf.Machine
	class   elf.Class
	data    elf.Data
	musl    bool
	arch    string   // as musl's files and glibc's $PLATFORM have it
	triplet string   // of Debian's multiarch directories
	libs    []string // what $LIB can be
	interps []string // where the loader is, the usual place first
}

// abis is the machines that dram knows. To add one is to add a row.
func abis() []abi {
	return []abi{
		{
			machine: elf.EM_X86_64, class: elf.ELFCLASS64, data: elf.ELFDATA2LSB, arch: "x86_64",
			triplet: "x86_64-linux-gnu", libs: []string{"lib/x86_64-linux-gnu", "lib64", "lib"},
			interps: []string{"lib64/ld-linux-x86-64.so.2"},
		},
		{
			machine: elf.EM_AARCH64, class: elf.ELFCLASS64, data: elf.ELFDATA2LSB, arch: "aarch64",
			triplet: "aarch64-linux-gnu", libs: []string{"lib/aarch64-linux-gnu", "lib64", "lib"},
			interps: []string{"lib/ld-linux-aarch64.so.1"},
		},
		{
			machine: elf.EM_X86_64, class: elf.ELFCLASS64, data: elf.ELFDATA2LSB, arch: "x86_64", musl: true,
			interps: []string{"lib/ld-musl-x86_64.so.1"},
		},
		{
			machine: elf.EM_AARCH64, class: elf.ELFCLASS64, data: elf.ELFDATA2LSB, arch: "aarch64", musl: true,
			interps: []string{"lib/ld-musl-aarch64.so.1"},
		},
	}
}

// runs says whether the machine of this ABI is the file's.
func (a *abi) runs(f *binary.File) bool {
	return a.machine == f.Machine && a.class == f.Class && a.data == f.Data
}

// defaults is where the loader looks in the end. What glibc has built in
// differs by distribution; here it is all of it, multiarch directories first.
func (a *abi) defaults() []string {
	if a.musl {
		return []string{"lib", "usr/local/lib", "usr/lib"}
	}
	return []string{"lib/" + a.triplet, "usr/lib/" + a.triplet, "lib64", "usr/lib64", "lib", "usr/lib"}
}

// muslItself says whether musl's loader takes a needed name as itself: libc
// and its parts are one file, whatever the name's ending.
func muslItself(name string) bool {
	rest, ok := strings.CutPrefix(name, "lib")
	if !ok {
		return false
	}
	part, _, ok := strings.Cut(rest, ".")
	if !ok {
		return false
	}
	switch part {
	case "c", "pthread", "rt", "m", "dl", "util", "xnet":
		return true
	}
	return false
}

// wantsMusl says what a file without an interpreter tells of its C library.
func wantsMusl(f *binary.File) (musl, known bool) {
	if f.Interp != "" {
		return strings.Contains(f.Interp, "/ld-musl-"), true
	}
	for _, n := range f.Needed {
		switch {
		case strings.HasPrefix(n, "libc.musl-"), n == "libc.so":
			return true, true
		case n == "libc.so.6", strings.HasPrefix(n, "ld-linux"):
			return false, true
		}
	}
	return false, false
}
