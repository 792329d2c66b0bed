package binary_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	facts "dram/internal/binary"
	"dram/internal/binary/binarytest"
)

// coded is a library whose mapped bytes hold code, as often as said.
func coded(machine elf.Machine, executable bool, code string, times int) []byte {
	f := binarytest.New()
	f.Machine = machine
	f.Tail = bytes.Repeat([]byte(code), times)
	b := f.Bytes()
	flags := uint32(elf.PF_R)
	if executable {
		flags |= uint32(elf.PF_X)
	}
	binary.LittleEndian.PutUint32(b[64+4:], flags) // of the first program header
	return b
}

// Instructions as an assembler encodes them.
const (
	movups     = "\x0f\x10\x00"                     // movups (%rax),%xmm0
	movaps     = "\x0f\x29\x00"                     // movaps %xmm0,(%rax)
	movdqa     = "\x66\x0f\x6f\x00"                 // movdqa (%rax),%xmm0
	vmovupsXMM = "\xc5\xf8\x10\x00"                 // vmovups (%rax),%xmm0
	vmovupsYMM = "\xc5\xfc\x10\x00"                 // vmovups (%rax),%ymm0
	vmovdquYMM = "\xc5\xfe\x6f\x00"                 // vmovdqu (%rax),%ymm0
	vzeroupper = "\xc5\xf8\x77"                     // vzeroupper
	vaddpsYMM  = "\xc5\xf4\x58\xc0"                 // vaddps %ymm0,%ymm1,%ymm0
	vmovupsZMM = "\x62\xf1\x7c\x48\x10\x00"         // vmovups (%rax),%zmm0
	vmovdquZMM = "\x62\xf1\xfe\x48\x6f\x00"         // vmovdqu64 (%rax),%zmm0
	cpuid      = "\x0f\xa2"                         // cpuid
	xgetbv     = "\x0f\x01\xd0"                     // xgetbv
	padding    = "\x90\x90\x90\x90\x90\x90\x90\x90" // nop
	call       = "\xe8\x00\x00\x00\x00\x48\x89\xc3" // call; mov %rax,%rbx
)

// What moves data is counted by its kind, what computes is not; and only where code is.
func TestReadVector(t *testing.T) {
	const n = 20
	for name, tt := range map[string]struct {
		code string
		want facts.Vector
	}{
		"the baseline":               {movups + movaps + movdqa + padding, facts.Vector{SSE: 3 * n}},
		"128 bits with a VEX prefix": {vmovupsXMM + padding, facts.Vector{AVX: n}},
		"256 bits":                   {vmovupsYMM + vmovdquYMM + padding, facts.Vector{AVX: 2 * n, Wide: 2 * n}},
		"what ends 256 bits":         {vzeroupper + padding, facts.Vector{AVX: n}},
		"what computes":              {vaddpsYMM + padding, facts.Vector{}},
		"512 bits":                   {vmovupsZMM + vmovdquZMM + padding, facts.Vector{AVX512: 2 * n}},
		"what asks":                  {cpuid + padding, facts.Vector{Asks: true}},
		"what asks the system":       {xgetbv + padding, facts.Vector{Asks: true}},
		"neither":                    {call + padding, facts.Vector{}},
	} {
		t.Run(name, func(t *testing.T) {
			for kind, c := range map[string]struct {
				raw  []byte
				want facts.Vector
			}{
				"code":                   {coded(elf.EM_X86_64, true, tt.code, n), tt.want},
				"data":                   {coded(elf.EM_X86_64, false, tt.code, n), facts.Vector{}},
				"of another processor's": {coded(elf.EM_AARCH64, true, tt.code, n), facts.Vector{}},
			} {
				got, err := facts.ReadVector(bytes.NewReader(c.raw), int64(len(c.raw)))
				if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
					t.Errorf("%s: %v %s", kind, err, diff)
				}
			}
		})
	}
	if _, err := facts.ReadVector(bytes.NewReader([]byte("#!/bin/sh\n")), 10); !errors.Is(err, facts.ErrFormat) {
		t.Errorf("of a script: %v", err)
	}
}

// A level is told where the code leaves no other choice: a dozen moves, more by far than
// of the baseline, or wide ones that nobody asks for.
func TestVectorLevel(t *testing.T) {
	for name, tt := range map[string]struct {
		v    facts.Vector
		want facts.ISA
	}{
		"nothing":                         {facts.Vector{}, 0},
		"the baseline":                    {facts.Vector{SSE: 1000}, 0},
		"too few to say":                  {facts.Vector{AVX: 11, Wide: 11, AVX512: 11}, 0},
		"VEX throughout":                  {facts.Vector{AVX: 12}, facts.ISAV3},
		"VEX throughout, though it asks":  {facts.Vector{AVX: 50, SSE: 24, Asks: true}, facts.ISAV3},
		"VEX beside the baseline":         {facts.Vector{AVX: 50, SSE: 25}, 0},
		"wide beside it":                  {facts.Vector{AVX: 50, SSE: 100, Wide: 12}, facts.ISAV3},
		"wide beside it, where it asks":   {facts.Vector{AVX: 50, SSE: 100, Wide: 12, Asks: true}, 0},
		"512 bits":                        {facts.Vector{SSE: 100, AVX512: 12}, facts.ISAV4},
		"512 bits, where it asks":         {facts.Vector{SSE: 100, AVX512: 12, Asks: true}, 0},
		"512 bits, and 256 bits anywhere": {facts.Vector{AVX: 50, Wide: 50, AVX512: 12}, facts.ISAV4},
	} {
		if got := tt.v.Level(); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// relocation is one of a table, by its symbol and its type.
func relocation(symbol uint32, kind uint32) []byte {
	return binarytest.Records(binary.LittleEndian, uint64(0), uint64(symbol)<<32|uint64(kind), uint64(0))
}

// A function that gives another's address is found where the loader would have to call
// it, whether a symbol says so or the relocation itself.
func TestReadIndirect(t *testing.T) {
	const plain, ifunc = 2, 10 // STT_FUNC, STT_GNU_IFUNC
	for name, tt := range map[string]struct {
		machine elf.Machine
		types   []byte // of symbols: 0 is one that is elsewhere
		tables  map[elf.DynTag][]byte
		want    bool
	}{
		"no relocation":                     {elf.EM_X86_64, []byte{ifunc}, nil, false},
		"of a plain function":               {elf.EM_X86_64, []byte{plain, ifunc}, map[elf.DynTag][]byte{elf.DT_RELA: relocation(1, uint32(elf.R_X86_64_GLOB_DAT))}, false},
		"of an indirect one":                {elf.EM_X86_64, []byte{plain, ifunc}, map[elf.DynTag][]byte{elf.DT_RELA: relocation(2, uint32(elf.R_X86_64_GLOB_DAT))}, true},
		"of an indirect one, by the PLT":    {elf.EM_X86_64, []byte{ifunc}, map[elf.DynTag][]byte{elf.DT_JMPREL: relocation(1, uint32(elf.R_X86_64_JMP_SLOT))}, true},
		"of one that is elsewhere":          {elf.EM_X86_64, []byte{0}, map[elf.DynTag][]byte{elf.DT_RELA: relocation(1, uint32(elf.R_X86_64_GLOB_DAT))}, false},
		"by itself":                         {elf.EM_X86_64, nil, map[elf.DynTag][]byte{elf.DT_RELA: relocation(0, uint32(elf.R_X86_64_IRELATIVE))}, true},
		"by itself, of the other processor": {elf.EM_AARCH64, nil, map[elf.DynTag][]byte{elf.DT_JMPREL: relocation(0, uint32(elf.R_AARCH64_IRELATIVE))}, true},
		"a number of the other processor's": {elf.EM_AARCH64, nil, map[elf.DynTag][]byte{elf.DT_RELA: relocation(0, uint32(elf.R_X86_64_IRELATIVE))}, false},
		"behind others":                     {elf.EM_X86_64, []byte{plain}, map[elf.DynTag][]byte{elf.DT_RELA: append(relocation(1, 6), relocation(0, uint32(elf.R_X86_64_IRELATIVE))...)}, true},
		"of a symbol that there is not":     {elf.EM_X86_64, []byte{ifunc}, map[elf.DynTag][]byte{elf.DT_RELA: relocation(9, uint32(elf.R_X86_64_GLOB_DAT))}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := binarytest.New()
			f.Machine = tt.machine
			table := make([]byte, elf.Sym64Size)
			for _, kind := range tt.types {
				section := elf.SectionIndex(1)
				if kind == 0 {
					section, kind = elf.SHN_UNDEF, ifunc
				}
				table = append(table, binarytest.Records(f.Order, elf.Sym64{Info: elf.ST_INFO(elf.STB_GLOBAL, elf.SymType(kind)), Shndx: uint16(section)})...)
			}
			f.Place(elf.DT_SYMTAB, table)
			f.Place(elf.DT_HASH, binarytest.Records(f.Order, uint32(0), uint32(len(table)/elf.Sym64Size)))
			for tag, entries := range tt.tables {
				f.Place(tag, entries)
				size := map[elf.DynTag]elf.DynTag{elf.DT_RELA: elf.DT_RELASZ, elf.DT_JMPREL: elf.DT_PLTRELSZ}[tag]
				f.Tag(size, uint64(len(entries)))
			}
			b := f.Bytes()
			got, err := facts.ReadIndirect(bytes.NewReader(b), int64(len(b)))
			if got != tt.want || err != nil {
				t.Errorf("%v, %v, want %v", got, err, tt.want)
			}
		})
	}
}
