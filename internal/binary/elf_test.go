package binary_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	facts "dram/internal/binary"
)

// tiny lays out a 64-bit ELF file: header, program headers, then one PT_LOAD
// that maps the file at address 0, with the dynamic section and its strings.
type tiny struct {
	order   binary.ByteOrder
	machine elf.Machine
	interp  string
	stack   elf.ProgFlag
	strings []byte
	tags    [][2]uint64
	tail    []byte // version records, mapped behind the strings
	tailTag []elf.DynTag
}

func newTiny() *tiny {
	return &tiny{order: binary.LittleEndian, machine: elf.EM_X86_64, strings: []byte{0}}
}

func (t *tiny) str(s string) uint64 {
	at := len(t.strings)
	t.strings = append(append(t.strings, s...), 0)
	return uint64(at)
}

func (t *tiny) tag(tag elf.DynTag, v uint64) { t.tags = append(t.tags, [2]uint64{uint64(tag), v}) }

func (t *tiny) bytes() []byte {
	const phnum = 4
	interpAt := uint64(64 + phnum*56)
	interp := append([]byte(t.interp), 0)
	strAt := interpAt + uint64(len(interp))
	tailAt := strAt + uint64(len(t.strings))
	dynAt := tailAt + uint64(len(t.tail))
	tags := append([][2]uint64{}, t.tags...)
	tags = append(tags, [2]uint64{uint64(elf.DT_STRTAB), strAt}, [2]uint64{uint64(elf.DT_STRSZ), uint64(len(t.strings))})
	for _, tag := range t.tailTag {
		tags = append(tags, [2]uint64{uint64(tag), tailAt})
	}
	tags = append(tags, [2]uint64{})
	end := dynAt + uint64(len(tags)*16)

	data := byte(elf.ELFDATA2LSB)
	if t.order == binary.BigEndian {
		data = byte(elf.ELFDATA2MSB)
	}
	head := elf.Header64{
		Ident:   [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), data, 1},
		Type:    uint16(elf.ET_DYN),
		Machine: uint16(t.machine), Version: 1, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: phnum,
	}
	progs := []elf.Prog64{
		{Type: uint32(elf.PT_LOAD), Filesz: end, Memsz: end},
		{Type: uint32(elf.PT_NULL)},
		{Type: uint32(elf.PT_DYNAMIC), Off: dynAt, Vaddr: dynAt, Filesz: end - dynAt},
		{Type: uint32(elf.PT_GNU_STACK), Flags: uint32(t.stack)},
	}
	if t.interp != "" {
		progs[1] = elf.Prog64{Type: uint32(elf.PT_INTERP), Off: interpAt, Filesz: uint64(len(interp))}
	}
	var out bytes.Buffer
	for _, part := range []any{head, progs, interp, t.strings, t.tail, tags} {
		if err := binary.Write(&out, t.order, part); err != nil {
			panic(err)
		}
	}
	return out.Bytes()
}

func read(b []byte) (*facts.File, error) {
	return facts.ReadELF(bytes.NewReader(b), int64(len(b)))
}

func full(order binary.ByteOrder) *tiny {
	t := newTiny()
	t.order = order
	t.interp = "/lib64/ld-linux-x86-64.so.2"
	t.stack = elf.PF_R | elf.PF_W | elf.PF_X
	t.tag(elf.DT_NEEDED, t.str("libc.so.6"))
	t.tag(elf.DT_NEEDED, t.str("libz.so.1"))
	t.tag(elf.DT_SONAME, t.str("libself.so.3"))
	t.tag(elf.DT_RPATH, t.str("$ORIGIN/../lib"))
	t.tag(elf.DT_RUNPATH, t.str("/opt/a:/opt/b"))
	t.tag(elf.DT_FLAGS, uint64(elf.DF_BIND_NOW))
	t.tag(elf.DT_FLAGS_1, uint64(elf.DF_1_PIE))
	t.tag(elf.DynTag(35), 8)
	t.tag(elf.DynTag(36), 0x10)
	lib, strong, weak := t.str("libc.so.6"), t.str("GLIBC_2.38"), t.str("GLIBC_2.99")
	t.tail = records(order,
		uint16(1), uint16(2), uint32(lib), uint32(16), uint32(0),
		uint32(0), uint16(0), uint16(2), uint32(strong), uint32(16),
		uint32(0), uint16(2), uint16(3), uint32(weak), uint32(0))
	t.tailTag = []elf.DynTag{elf.DT_VERNEED}
	t.tag(elf.DT_VERNEEDNUM, 1)
	return t
}

func records(order binary.ByteOrder, fields ...any) []byte {
	var b bytes.Buffer
	for _, f := range fields {
		if err := binary.Write(&b, order, f); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

func TestReadELF(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		got, err := read(full(order).bytes())
		if err != nil {
			t.Fatal(err)
		}
		data := elf.ELFDATA2LSB
		if order == binary.BigEndian {
			data = elf.ELFDATA2MSB
		}
		want := &facts.File{
			Class: elf.ELFCLASS64, Data: data, Machine: elf.EM_X86_64, Type: elf.ET_DYN,
			Interp: "/lib64/ld-linux-x86-64.so.2", Dynamic: true,
			Needed: []string{"libc.so.6", "libz.so.1"}, Soname: "libself.so.3",
			RPath: "$ORIGIN/../lib", RunPath: "/opt/a:/opt/b",
			Flags: elf.DF_BIND_NOW, Flags1: elf.DF_1_PIE, RelR: true, Stack: facts.StackExecutable,
			VersionNeeds: []facts.VersionNeed{{
				Library:  "libc.so.6",
				Versions: []facts.Version{{Name: "GLIBC_2.38"}, {Name: "GLIBC_2.99", Weak: true}},
			}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", order, diff)
		}
	}
}

func TestReadELFVersionDefinitions(t *testing.T) {
	f := newTiny()
	self, label := f.str("libself.so.3"), f.str("SELF_1.0")
	f.tail = records(f.order,
		uint16(1), uint16(1), uint16(1), uint16(1), uint32(0), uint32(20), uint32(28),
		uint32(self), uint32(0),
		uint16(1), uint16(0), uint16(2), uint16(1), uint32(0), uint32(20), uint32(0),
		uint32(label), uint32(0))
	f.tailTag = []elf.DynTag{elf.DT_VERDEF}
	f.tag(elf.DT_VERDEFNUM, 2)
	got, err := read(f.bytes())
	if err != nil {
		t.Fatal(err)
	}
	want := []facts.VersionDef{{Name: "libself.so.3", Base: true}, {Name: "SELF_1.0"}}
	if diff := cmp.Diff(want, got.VersionDefs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadELFRefusesHostileFiles(t *testing.T) {
	sound := full(binary.LittleEndian)
	patch := func(at int, v ...byte) []byte {
		b := sound.bytes()
		copy(b[at:], v)
		return b
	}
	with := func(change func(*tiny)) []byte {
		f := full(binary.LittleEndian)
		change(f)
		return f.bytes()
	}
	ones := bytes.Repeat([]byte{0xff}, 8)
	tests := map[string][]byte{
		"empty":                       {},
		"text":                        bytes.Repeat([]byte("version https://git-lfs.github.com/spec/v1\n"), 3),
		"cut in the header":           sound.bytes()[:60],
		"cut in the program headers":  sound.bytes()[:100],
		"cut in the dynamic section":  sound.bytes()[:len(sound.bytes())-20],
		"unknown class":               patch(elf.EI_CLASS, 9),
		"unknown byte order":          patch(elf.EI_DATA, 9),
		"unknown version":             patch(elf.EI_VERSION, 9),
		"program headers far away":    patch(32, ones...),
		"program headers of 1 byte":   patch(54, 1, 0),
		"65535 program headers":       patch(56, 0xff, 0xff),
		"interpreter of 16 EB":        patch(64+56+32, ones...),
		"dynamic section of 16 EB":    patch(64+2*56+32, ones...),
		"dynamic section far away":    patch(64+2*56+8, ones...),
		"needed name out of bounds":   with(func(f *tiny) { f.tag(elf.DT_NEEDED, 1<<62) }),
		"strings outside the file":    with(func(f *tiny) { f.tag(elf.DT_SONAME, uint64(len(f.strings))) }),
		"name longer than the limit":  with(func(f *tiny) { f.tag(elf.DT_NEEDED, f.str(string(bytes.Repeat([]byte("a"), 5000)))) }),
		"5000 needed libraries":       with(func(f *tiny) { f.tags = append(f.tags, make5000Needed()...) }),
		"version needs out of bounds": with(func(f *tiny) { binary.LittleEndian.PutUint32(f.tail[8:], 1<<31) }),
		"version needs that overlap": with(func(f *tiny) {
			f.tag(elf.DT_VERNEEDNUM, 1<<40)
			f.tail = bytes.Repeat(records(f.order, uint16(1), uint16(0xffff), uint32(1), uint32(1), uint32(1)), 8000)
		}),
	}
	for name, b := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := read(b)
			if !errors.Is(err, facts.ErrFormat) {
				t.Errorf("got %+v and error %v, want ErrFormat", got, err)
			}
		})
	}
}

func make5000Needed() [][2]uint64 {
	out := make([][2]uint64, 5000)
	for i := range out {
		out[i] = [2]uint64{uint64(elf.DT_NEEDED), 1}
	}
	return out
}

// What a real linker writes, read by this package and by the standard library.
func TestReadELFAgreesWithStandardLibrary(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler here")
	}
	dir := t.TempDir()
	src, lib := filepath.Join(dir, "a.c"), filepath.Join(dir, "liba.so")
	if err := os.WriteFile(src, []byte("#include <stdio.h>\nint f(void) { return puts(\"f\"); }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), cc, "-shared", "-fPIC", "-o", lib, src,
		"-Wl,-soname,liba.so.1", "-Wl,-rpath,$ORIGIN/x", "-Wl,--enable-new-dtags", "-Wl,-z,execstack")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("the C compiler here cannot link a library: %v\n%s", err, out)
	}
	b, err := os.ReadFile(lib)
	if err != nil {
		t.Fatal(err)
	}
	got, err := read(b)
	if err != nil {
		t.Fatal(err)
	}
	std, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	needed, err := std.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(needed, got.Needed); diff != "" {
		t.Errorf("needed (-want +got):\n%s", diff)
	}
	if got.Soname != "liba.so.1" || got.RunPath != "$ORIGIN/x" || got.RPath != "" || got.Stack != facts.StackExecutable {
		t.Errorf("got %+v", got)
	}
}

func TestSniff(t *testing.T) {
	tests := map[string]facts.Format{
		"":                                 facts.Other,
		"\x7fELF\x02\x01\x01\x00":          facts.ELF,
		"#!/bin/s":                         facts.Script,
		"MZ\x90\x00":                       facts.PE,
		"\xcf\xfa\xed\xfe\x0c\x00\x00\x01": facts.MachO,
		"\xca\xfe\xba\xbe\x00\x00\x00\x02": facts.MachO,
		"\xca\xfe\xba\xbe\x00\x00\x00\x41": facts.Other, // a Java class
		"FOR1":                             facts.Other,
	}
	for head, want := range tests {
		if got := facts.Sniff([]byte(head)); got != want {
			t.Errorf("Sniff(%q) = %v, want %v", head, got, want)
		}
	}
}

func FuzzReadELF(f *testing.F) {
	f.Add(full(binary.LittleEndian).bytes())
	f.Add(full(binary.BigEndian).bytes())
	f.Add(newTiny().bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := read(b)
		if err == nil && len(got.Needed)+len(got.VersionNeeds) > len(b) {
			t.Errorf("%d bytes gave %d names", len(b), len(got.Needed)+len(got.VersionNeeds))
		}
		if err != nil && !errors.Is(err, facts.ErrFormat) {
			t.Errorf("unexpected kind of error: %v", err)
		}
	})
}
