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
	"dram/internal/binary/binarytest"
)

func read(b []byte) (*facts.File, error) {
	return facts.ReadELF(bytes.NewReader(b), int64(len(b)))
}

func full(order binary.ByteOrder) *binarytest.ELF {
	t := binarytest.New()
	t.Order = order
	t.Interp = "/lib64/ld-linux-x86-64.so.2"
	t.Stack = elf.PF_R | elf.PF_W | elf.PF_X
	t.Tag(elf.DT_NEEDED, t.Str("libc.so.6"))
	t.Tag(elf.DT_NEEDED, t.Str("libz.so.1"))
	t.Tag(elf.DT_SONAME, t.Str("libself.so.3"))
	t.Tag(elf.DT_RPATH, t.Str("$ORIGIN/../lib"))
	t.Tag(elf.DT_RUNPATH, t.Str("/opt/a:/opt/b"))
	t.Tag(elf.DT_FLAGS, uint64(elf.DF_BIND_NOW))
	t.Tag(elf.DT_FLAGS_1, uint64(elf.DF_1_PIE))
	t.Tag(elf.DynTag(35), 8)
	t.Tag(elf.DynTag(36), 0x10)
	lib, strong, weak := t.Str("libc.so.6"), t.Str("GLIBC_2.38"), t.Str("GLIBC_2.99")
	t.Tail = binarytest.Records(order,
		uint16(1), uint16(2), uint32(lib), uint32(16), uint32(0),
		uint32(0), uint16(0), uint16(2), uint32(strong), uint32(16),
		uint32(0), uint16(2), uint16(3), uint32(weak), uint32(0))
	t.TailTags = []elf.DynTag{elf.DT_VERNEED}
	t.Tag(elf.DT_VERNEEDNUM, 1)
	return t
}

func TestReadELF(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		got, err := read(full(order).Bytes())
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
			Ident: facts.Ident{Mapped: true},
			Versions: facts.Versions{VersionNeeds: []facts.VersionNeed{{
				Library:  "libc.so.6",
				Versions: []facts.Version{{Name: "GLIBC_2.38"}, {Name: "GLIBC_2.99", Weak: true}},
			}}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", order, diff)
		}
	}
}

func TestReadELFVersionDefinitions(t *testing.T) {
	f := binarytest.New()
	self, label := f.Str("libself.so.3"), f.Str("SELF_1.0")
	f.Tail = binarytest.Records(f.Order,
		uint16(1), uint16(1), uint16(1), uint16(1), uint32(0), uint32(20), uint32(28),
		uint32(self), uint32(0),
		uint16(1), uint16(0), uint16(2), uint16(1), uint32(0), uint32(20), uint32(0),
		uint32(label), uint32(0))
	f.TailTags = []elf.DynTag{elf.DT_VERDEF}
	f.Tag(elf.DT_VERDEFNUM, 2)
	got, err := read(f.Bytes())
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
		b := sound.Bytes()
		copy(b[at:], v)
		return b
	}
	with := func(change func(*binarytest.ELF)) []byte {
		f := full(binary.LittleEndian)
		change(f)
		return f.Bytes()
	}
	ones := bytes.Repeat([]byte{0xff}, 8)
	tests := map[string][]byte{
		"empty":                       {},
		"text":                        bytes.Repeat([]byte("version https://git-lfs.github.com/spec/v1\n"), 3),
		"cut in the header":           sound.Bytes()[:60],
		"cut in the program headers":  sound.Bytes()[:100],
		"cut in the dynamic section":  sound.Bytes()[:len(sound.Bytes())-20],
		"unknown class":               patch(elf.EI_CLASS, 9),
		"unknown byte order":          patch(elf.EI_DATA, 9),
		"program headers far away":    patch(32, ones...),
		"program headers of 1 byte":   patch(54, 1, 0),
		"65535 program headers":       patch(56, 0xff, 0xff),
		"interpreter of 16 EB":        patch(64+56+32, ones...),
		"dynamic section of 16 EB":    patch(64+2*56+32, ones...),
		"dynamic section far away":    patch(64+2*56+8, ones...),
		"needed name out of bounds":   with(func(f *binarytest.ELF) { f.Tag(elf.DT_NEEDED, 1<<62) }),
		"strings outside the file":    with(func(f *binarytest.ELF) { f.Tag(elf.DT_SONAME, uint64(len(f.Strings))) }),
		"name longer than the limit":  with(func(f *binarytest.ELF) { f.Tag(elf.DT_NEEDED, f.Str(string(bytes.Repeat([]byte("a"), 5000)))) }),
		"5000 needed libraries":       with(func(f *binarytest.ELF) { f.Tags = append(f.Tags, make5000Needed()...) }),
		"version needs out of bounds": with(func(f *binarytest.ELF) { binary.LittleEndian.PutUint32(f.Tail[8:], 1<<31) }),
		"version needs that overlap": with(func(f *binarytest.ELF) {
			f.Tag(elf.DT_VERNEEDNUM, 1<<40)
			f.Tail = bytes.Repeat(binarytest.Records(f.Order, uint16(1), uint16(0xffff), uint32(1), uint32(1), uint32(1)), 8000)
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

// What glibc says of headers that it refuses was tried with libraries that had these
// bytes; the kernel and musl take them.
func TestReadELFSaysWhatGlibcRefuses(t *testing.T) {
	sound := full(binary.LittleEndian).Bytes()
	for name, tt := range map[string]struct {
		at   int
		with byte
		want string
	}{
		"as it is":          {at: 4, with: sound[4]},
		"an odd version":    {at: elf.EI_VERSION, with: 9, want: "ELF file version ident does not match current one"},
		"an ABI version":    {at: elf.EI_ABIVERSION, with: 1, want: "ELF file ABI version invalid"},
		"padding":           {at: 12, with: 1, want: "nonzero padding in e_ident"},
		"another version":   {at: 20, with: 2, want: "ELF file version does not match current one"},
		"not linked":        {at: 16, with: byte(elf.ET_REL), want: "only ET_DYN and ET_EXEC can be loaded"},
		"a core":            {at: 16, with: byte(elf.ET_CORE), want: "only ET_DYN and ET_EXEC can be loaded"},
		"no program header": {at: 56, with: 0, want: "object file has no loadable segments"},
	} {
		t.Run(name, func(t *testing.T) {
			b := bytes.Clone(sound)
			b[tt.at] = tt.with
			got, err := read(b)
			if err != nil {
				t.Fatal(err)
			}
			if got.Odd != tt.want {
				t.Errorf("%q, want %q", got.Odd, tt.want)
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
		"": facts.Empty,
		"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n": facts.LFSPointer,
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
	f.Add(full(binary.LittleEndian).Bytes())
	f.Add(full(binary.BigEndian).Bytes())
	f.Add(binarytest.New().Bytes())
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

// What is to be mapped at no multiple of a page is known: glibc before 2.36 refuses it.
func TestReadELFSeesAlignment(t *testing.T) {
	const header, size, align = 64, 56, 48
	b := bytes.Clone(full(binary.LittleEndian).Bytes())
	for at := header; ; at += size {
		if elf.ProgType(binary.LittleEndian.Uint32(b[at:])) == elf.PT_LOAD {
			binary.LittleEndian.PutUint64(b[at+align:], 0x1003)
			break
		}
	}
	odd, err := read(b)
	if err != nil || !odd.Unaligned || odd.Odd != "" {
		t.Errorf("%v, %+v", err, odd)
	}
	sound, err := read(full(binary.LittleEndian).Bytes())
	if err != nil || sound.Unaligned {
		t.Errorf("as it is: %v, %+v", err, sound)
	}
}
