package target

import (
	"debug/elf"
	"strings"

	"dram/internal/binary"
	"dram/internal/rootfs"
)

// loaderCache is where glibc's loader has its cache.
const loaderCache = "etc/ld.so.cache"

const (
	maxLoader = 8 << 20  // bytes of a loader
	maxCache  = 16 << 20 // bytes of its cache
)

// loaderFacts is what a loader reads of a library beside its names.
type loaderFacts struct {
	OSABI       uint8    `json:"os_abi,omitempty"`  // EI_OSABI
	Flags       uint32   `json:"flags,omitempty"`   // DT_FLAGS
	Flags1      uint32   `json:"flags_1,omitempty"` // DT_FLAGS_1
	TLS         uint64   `json:"tls,omitempty"`     // bytes of PT_TLS
	Filters     []string `json:"filters,omitempty"`
	Auxiliaries []string `json:"auxiliaries,omitempty"`
	// Strings are of a loader of glibc's: see rootfs.LoaderStrings.
	Strings []string `json:"strings,omitempty"`
}

// loaderFactsOf reads them of a file of the target.
func (t *Target) loaderFactsOf(real string, f *binary.File) loaderFacts {
	out := loaderFacts{
		OSABI: uint8(f.OSABI), Flags: uint32(f.Flags), Flags1: uint32(f.Flags1), TLS: f.TLS, //nolint:gosec // as wide as in the file
		Filters: f.Filters, Auxiliaries: f.Auxiliaries,
	}
	if strings.HasPrefix(f.Soname, "ld-linux") {
		if b, err := rootfs.ReadFile(t.root, real, maxLoader); err == nil { // else where it looks is not known
			out.Strings = rootfs.LoaderStrings(b)
		}
	}
	return out
}

// put takes them over into what the loader's search reads.
func (l *loaderFacts) put(f *binary.File) {
	f.OSABI, f.Flags, f.Flags1, f.TLS = elf.OSABI(l.OSABI), elf.DynFlag(l.Flags), elf.DynFlag1(l.Flags1), l.TLS
	f.Filters, f.Auxiliaries = l.Filters, l.Auxiliaries
}

// text is a file that has a loader's strings and nothing else.
func (l *loaderFacts) text() string {
	if len(l.Strings) == 0 {
		return ""
	}
	return "\x00" + strings.Join(l.Strings, "\x00") + "\x00"
}
