package binary_test

import (
	"debug/elf"
	"encoding/binary"
	"testing"

	binfo "dram/internal/binary"
	"dram/internal/binary/binarytest"
)

// The header tells the processor of what is mapped, in either byte order, and of nothing
// else.
func TestHeader(t *testing.T) {
	of := func(m elf.Machine, order binary.ByteOrder, kind elf.Type) []byte {
		f := binarytest.New()
		f.Machine, f.Order = m, order
		raw := f.Bytes()
		order.PutUint16(raw[16:], uint16(kind))
		return raw
	}
	for name, tt := range map[string]struct {
		raw  []byte
		want elf.Machine
		ok   bool
	}{
		"a library":       {of(elf.EM_AARCH64, binary.LittleEndian, elf.ET_DYN), elf.EM_AARCH64, true},
		"a program":       {of(elf.EM_X86_64, binary.LittleEndian, elf.ET_EXEC), elf.EM_X86_64, true},
		"big-endian":      {of(elf.EM_S390, binary.BigEndian, elf.ET_DYN), elf.EM_S390, true},
		"an object file":  {of(elf.EM_X86_64, binary.LittleEndian, elf.ET_REL), elf.EM_X86_64, false},
		"a script":        {[]byte("#!/bin/sh\nexec true true\n"), elf.EM_NONE, false},
		"a short file":    {[]byte("\x7fELF"), elf.EM_NONE, false},
		"nothing":         {nil, elf.EM_NONE, false},
		"nineteen bytes":  {of(elf.EM_AARCH64, binary.LittleEndian, elf.ET_DYN)[:19], elf.EM_NONE, false},
		"twenty of them":  {of(elf.EM_AARCH64, binary.LittleEndian, elf.ET_DYN)[:20], elf.EM_AARCH64, true},
		"data that seems": {append([]byte("\x7fELG"), make([]byte, 20)...), elf.EM_NONE, false},
	} {
		if got, ok := binfo.Header(tt.raw); ok != tt.ok || ok && got != tt.want {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
	for m, want := range map[elf.Machine]string{elf.EM_AARCH64: "linux/arm64", elf.EM_X86_64: "linux/amd64", elf.EM_RISCV: "riscv"} {
		if got := binfo.MachineName(m); got != want {
			t.Errorf("%v is %q", m, got)
		}
	}
	if binfo.Machine("arm64") != elf.EM_AARCH64 || binfo.Machine("vax") != elf.EM_NONE {
		t.Error("architectures")
	}
}

// A file of debug information alone has the headers of the library that it is of, and
// nothing of its dynamic section.
func TestReadKnowsThatDebugFilesHaveNoDynamicSection(t *testing.T) {
	b := binarytest.Library{Soname: "libx.so"}.Bytes()
	for i := range int(binary.LittleEndian.Uint16(b[56:])) {
		if h := b[64+56*i:]; binary.LittleEndian.Uint32(h) == uint32(elf.PT_DYNAMIC) {
			binary.LittleEndian.PutUint64(h[32:], 0)
		}
	}
	f, err := read(b)
	if err != nil || f.Dynamic {
		t.Errorf("it is taken for a library: %+v, %v", f, err)
	}
}
