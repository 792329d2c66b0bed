package binary_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"strings"
	"testing"

	facts "dram/internal/binary"
	"dram/internal/binary/binarytest"
)

func noted(note []byte) []byte {
	f := binarytest.New()
	f.Tail = note
	at := f.TailAt()
	b := f.Bytes()
	copy(b[64+56:], binarytest.Records(f.Order, elf.Prog64{Type: uint32(elf.PT_NOTE), Off: at, Vaddr: at, Filesz: uint64(len(note))}))
	return b
}

func abiTag(system uint32, version ...uint32) []byte {
	return binarytest.Records(binary.LittleEndian, uint32(4), uint32(16), uint32(1), []byte("GNU\x00"), system, version)
}

func TestMinKernel(t *testing.T) {
	buildID := binarytest.Records(binary.LittleEndian, uint32(4), uint32(4), uint32(3), []byte("GNU\x00"), uint32(0xabcd))
	for name, tt := range map[string]struct {
		note []byte
		want string
	}{
		"glibc of today":    {abiTag(0, 3, 2, 0), "3.2.0"},
		"behind another":    {append(buildID, abiTag(0, 2, 6, 32)...), "2.6.32"},
		"another system":    {abiTag(1, 3, 2, 0), ""},
		"cut short":         {abiTag(0, 3, 2, 0)[:24], ""},
		"a name too long":   {append([]byte{0xff, 0xff, 0xff, 0xff}, abiTag(0, 3, 2, 0)[4:]...), ""},
		"none":              {buildID, ""},
		"somebody else's":   {bytes.Replace(abiTag(0, 3, 2, 0), []byte("GNU"), []byte("Go\x00"), 1), ""},
		"of another length": {binarytest.Records(binary.LittleEndian, uint32(4), uint32(8), uint32(1), []byte("GNU\x00"), uint32(0), uint32(3)), ""},
	} {
		b := noted(tt.note)
		got, err := facts.MinKernel(bytes.NewReader(b), int64(len(b)))
		if err != nil || got != tt.want {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, tt.want)
		}
	}
	if _, err := facts.MinKernel(strings.NewReader("#!/bin/sh\n"), 10); err == nil {
		t.Error("a script is read as an ELF file")
	}
}

func FuzzMinKernel(f *testing.F) {
	f.Add(noted(abiTag(0, 3, 2, 0)))
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := facts.MinKernel(bytes.NewReader(b), int64(len(b)))
		if err != nil && v != "" || v != "" && strings.Count(v, ".") != 2 {
			t.Errorf("%q, %v", v, err)
		}
	})
}

func TestIsAppImage(t *testing.T) {
	for head, want := range map[string]bool{
		"\x7fELF\x02\x01\x01\x00AI\x02":       true,
		"\x7fELF\x02\x01\x01\x00AI\x01":       true,
		"\x7fELF\x02\x01\x01\x00AI\x03":       false,
		"\x7fELF\x02\x01\x01\x00AI":           false,
		"\x7fELF\x02\x01\x01\x00\x00\x00\x00": false,
		"":                                    false,
	} {
		if got := facts.IsAppImage(strings.NewReader(head)); got != want {
			t.Errorf("%q: %v", head, got)
		}
	}
}
