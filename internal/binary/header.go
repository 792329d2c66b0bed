package binary

import (
	"debug/elf"
	"encoding/binary"
	"strings"
)

// HeaderLen is how many bytes of a file Header looks at.
const HeaderLen = 20

// Header is the processor of a program or a shared library, as the first bytes of an ELF
// file have it. ok is false of all else, object files among it: nothing maps them.
func Header(head []byte) (m elf.Machine, ok bool) {
	if len(head) < HeaderLen || Sniff(head) != ELF {
		return elf.EM_NONE, false
	}
	var order binary.ByteOrder = binary.LittleEndian
	if elf.Data(head[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	kind := elf.Type(order.Uint16(head[16:]))
	return elf.Machine(order.Uint16(head[18:])), kind == elf.ET_EXEC || kind == elf.ET_DYN
}

// machines are the processors of platforms, by the names that Go has for them.
func machines() map[string]elf.Machine {
	return map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
}

// Machine is the processor of an architecture, EM_NONE of one that is not known.
func Machine(arch string) elf.Machine { return machines()[arch] }

// MachineName is what people call a processor: "linux/amd64" where it is a platform's.
func MachineName(m elf.Machine) string {
	for arch, known := range machines() {
		if known == m {
			return "linux/" + arch
		}
	}
	return strings.ToLower(strings.TrimPrefix(m.String(), "EM_"))
}
