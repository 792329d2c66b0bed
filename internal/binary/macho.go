package binary

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Foreign is what the header of a file for another system says of it.
type Foreign struct {
	Format Format
	CPUs   []string // "arm64", "x86_64"; as their own tools name them
	System string   // "macOS", "Windows"
}

// String is "Mach-O for arm64, built for macOS".
func (f Foreign) String() string {
	out := f.Format.String()
	if len(f.CPUs) > 0 {
		out += " for " + strings.Join(f.CPUs, " and ")
	}
	if f.System != "" {
		out += ", built for " + f.System
	}
	return out
}

// ForeignLen is how many bytes of a file ReadForeign looks at.
const ForeignLen = 4096

const (
	maxFat        = 8 // architectures of a universal file
	maxMachoLoads = 64
	machoWide     = 1 << 24 // CPU_ARCH_ABI64
	lcVersionMin  = 0x24    // LC_VERSION_MIN_MACOSX
	lcBuild       = 0x32    // LC_BUILD_VERSION
)

// machoCPUs are the CPU types of mach/machine.h.
func machoCPU(t uint32) string {
	switch t {
	case 7:
		return "i386"
	case 7 | machoWide:
		return "x86_64"
	case 12:
		return "arm"
	case 12 | machoWide:
		return "arm64"
	case 18:
		return "ppc"
	}
	return fmt.Sprintf("CPU type %#x", t)
}

// ReadForeign reads the first bytes of a Mach-O or PE file; what they do not
// tell is left out.
func ReadForeign(head []byte) Foreign {
	head = head[:min(len(head), ForeignLen)]
	switch Sniff(head) {
	case MachO:
		return readMachO(head)
	case PE:
		return readPE(head)
	case Other, ELF, Script, LFSPointer, Empty:
	}
	return Foreign{}
}

func readMachO(head []byte) Foreign {
	f := Foreign{Format: MachO, System: "macOS"}
	if head[0] == 0xca { // universal: count, then CPU, subtype, offset, size, align
		n := min(int(head[7]), maxFat)
		for i := 0; i < n && 8+20*(i+1) <= len(head); i++ {
			f.CPUs = append(f.CPUs, machoCPU(binary.BigEndian.Uint32(head[8+20*i:])))
		}
		return f
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[0] == 0xfe {
		order = binary.BigEndian
	}
	if len(head) < 28 {
		return f
	}
	f.CPUs = []string{machoCPU(order.Uint32(head[4:]))}
	at := 28
	if slices.Contains([]byte{head[0], head[3]}, 0xcf) { // 64 bits
		at = 32
	}
	for range min(order.Uint32(head[16:]), maxMachoLoads) {
		if len(head)-at < 16 {
			break
		}
		size := order.Uint32(head[at+4:])
		switch order.Uint32(head[at:]) {
		case lcVersionMin:
			return f
		case lcBuild:
			f.System = machoSystem(order.Uint32(head[at+8:]))
			return f
		}
		if size < 8 || size > ForeignLen {
			break
		}
		at += int(size)
	}
	return f
}

// machoSystem is a platform of mach-o/loader.h.
func machoSystem(platform uint32) string {
	switch platform {
	case 1:
		return "macOS"
	case 2, 7:
		return "iOS"
	}
	return "an Apple system"
}

// readPE reads the machine of the COFF header, to which the word at 0x3c leads
// (PE format, 2.).
func readPE(head []byte) Foreign {
	f := Foreign{Format: PE, System: "Windows"}
	if len(head) < 0x40 {
		return f
	}
	at := binary.LittleEndian.Uint32(head[0x3c:])
	if uint64(at)+6 > uint64(len(head)) || string(head[at:at+4]) != "PE\x00\x00" {
		return f
	}
	machine := binary.LittleEndian.Uint16(head[at+4:])
	name, ok := map[uint16]string{0x14c: "x86", 0x8664: "x64", 0xaa64: "arm64", 0x1c4: "arm"}[machine]
	if !ok {
		name = fmt.Sprintf("machine %#x", machine)
	}
	f.CPUs = []string{name}
	return f
}
