package binary_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	facts "dram/internal/binary"
	"dram/internal/binary/binarytest"
)

func symbols(b []byte) (*facts.Symbols, error) {
	return facts.ReadSymbols(bytes.NewReader(b), int64(len(b)))
}

func nif(b []byte) (*facts.NIF, error) {
	return facts.ReadNIF(bytes.NewReader(b), int64(len(b)))
}

func library() binarytest.Library {
	return binarytest.Library{
		Soname: "libfoo.so.1", Needed: []string{"libc.so.6"},
		Defined: []facts.Symbol{{Name: "foo", Version: "FOO_2"}, {Name: "plain"}, {Name: "nif_init"}},
		Undefined: []facts.Symbol{
			{Name: "strtol", Version: "GLIBC_2.38", Library: "libc.so.6"},
			{Name: "enif_make_int"},
			{Name: "__cxa_finalize", Version: "GLIBC_2.2.5", Library: "libc.so.6", Weak: true},
		},
		NIF: &facts.NIF{
			Major: 2, Minor: 17, Module: "Elixir.Foo", MinERTS: "erts-14.0",
			Functions: []facts.NIFFunction{{Name: "hello", Arity: 0}, {Name: "world", Arity: 3}},
		},
	}
}

func TestReadSymbols(t *testing.T) {
	l := library()
	got, err := symbols(l.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&facts.Symbols{Undefined: l.Undefined, Defined: l.Defined}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadNIF(t *testing.T) {
	l := library()
	got, err := nif(l.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l.NIF, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := nif(binarytest.Library{}.Bytes()); !errors.Is(err, facts.ErrNoNIF) {
		t.Errorf("without an entry: %v, want ErrNoNIF", err)
	}
}

func TestReadISA(t *testing.T) {
	note := func(typ, size uint32, data uint64) []byte {
		return binarytest.Records(binary.LittleEndian, uint32(4), uint32(16), uint32(5), []byte("GNU\x00"), typ, size, data)
	}
	for name, tt := range map[string]struct {
		note []byte
		want string
	}{
		"v3":           {note(0xc0008002, 4, uint64(facts.ISABaseline|facts.ISAV3)), "x86-64-v3"},
		"used only":    {note(0xc0010002, 4, uint64(facts.ISAV4)), ""},
		"cut short":    {note(0xc0008002, 4, uint64(facts.ISAV3))[:20], ""},
		"size too big": {note(0xc0008002, 1<<31, uint64(facts.ISAV3)), ""},
		"name too big": {append([]byte{0xff, 0xff, 0xff, 0xff}, note(0xc0008002, 4, 4)[4:]...), ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := binarytest.New()
			f.Tail = tt.note
			at := f.TailAt()
			b := f.Bytes()
			// The second program header is free: make it PT_GNU_PROPERTY.
			copy(b[64+56:], binarytest.Records(f.Order, elf.Prog64{
				Type: uint32(elf.PT_GNU_PROPERTY), Off: at, Vaddr: at, Filesz: uint64(len(tt.note)),
			}))
			got, err := read(b)
			if err != nil || got.ISA.String() != tt.want {
				t.Errorf("got %v, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestReadSymbolsRefusesHostileFiles(t *testing.T) {
	with := func(place func(f *binarytest.ELF)) []byte {
		f := binarytest.New()
		f.Str("a")
		place(f)
		return f.Bytes()
	}
	words := func(v ...uint32) []byte { return binarytest.Records(binary.LittleEndian, v) }
	table := func(f *binarytest.ELF) { f.Place(elf.DT_SYMTAB, make([]byte, 48)) }
	for name, b := range map[string][]byte{
		"4 billion symbols":     with(func(f *binarytest.ELF) { table(f); f.Place(elf.DT_HASH, words(0, 0xffffffff)) }),
		"table behind the end":  with(func(f *binarytest.ELF) { table(f); f.Place(elf.DT_HASH, words(0, 5000)) }),
		"4 billion buckets":     with(func(f *binarytest.ELF) { table(f); f.Place(elf.DT_GNU_HASH, words(0xffffffff, 1, 1, 0, 0, 0)) }),
		"4 billion bloom words": with(func(f *binarytest.ELF) { table(f); f.Place(elf.DT_GNU_HASH, words(1, 1, 0xffffffff, 0, 0, 0)) }),
		"bucket far away":       with(func(f *binarytest.ELF) { table(f); f.Place(elf.DT_GNU_HASH, words(1, 1, 0, 0, 1<<30)) }),
		"name outside the strings": with(func(f *binarytest.ELF) {
			f.Place(elf.DT_SYMTAB, slices.Concat(make([]byte, 24), words(999, 0x12), make([]byte, 16)))
			f.Place(elf.DT_HASH, words(0, 2))
		}),
		"relocations of 16 EB": with(func(f *binarytest.ELF) {
			table(f)
			f.Place(elf.DT_GNU_HASH, words(1, 1, 0, 0, 0))
			f.Place(elf.DT_RELA, nil)
			f.Tag(elf.DT_RELASZ, 1<<62)
		}),
		"relocation of a far symbol": with(func(f *binarytest.ELF) {
			table(f)
			f.Place(elf.DT_GNU_HASH, words(1, 1, 0, 0, 0))
			f.Place(elf.DT_RELA, words(0, 0, 1, 0x7fffffff, 0, 0))
			f.Tag(elf.DT_RELASZ, 24)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := symbols(b); !errors.Is(err, facts.ErrFormat) {
				t.Errorf("got %+v and %v, want ErrFormat", got, err)
			}
		})
	}
}

// What a real linker writes, read by this package and by the standard library;
// with both kinds of hash tables and of relative relocations.
func TestReadSymbolsAgreesWithStandardLibrary(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler here")
	}
	dir := t.TempDir()
	src := filepath.Join(dir, "nif.c")
	if err := os.WriteFile(src, []byte(nifSource), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"-Wl,--hash-style=gnu", "-Wl,--hash-style=sysv", "-Wl,-z,pack-relative-relocs"} {
		lib := filepath.Join(dir, "nif.so")
		if out, err := exec.CommandContext(t.Context(), cc, "-shared", "-fPIC", "-o", lib, src, flag).CombinedOutput(); err != nil {
			t.Logf("this linker does not know %s: %v\n%s", flag, err, out)
			continue
		}
		b, err := os.ReadFile(lib)
		if err != nil {
			t.Fatal(err)
		}
		std, err := elf.NewFile(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		list, err := std.DynamicSymbols()
		if err != nil {
			t.Fatal(err)
		}
		var want facts.Symbols
		for _, s := range list {
			weak := elf.ST_BIND(s.Info) == elf.STB_WEAK
			if s.Section == elf.SHN_UNDEF {
				want.Undefined = append(want.Undefined, facts.Symbol{Name: s.Name, Version: s.Version, Library: s.Library, Weak: weak})
			} else {
				want.Defined = append(want.Defined, facts.Symbol{Name: s.Name, Weak: weak})
			}
		}
		got, err := symbols(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("%s: symbols (-want +got):\n%s", flag, diff)
		}
		entry, err := nif(b)
		wantNIF := &facts.NIF{
			Major: 2, Minor: 15, Module: "Elixir.Real", MinERTS: "erts-10.4",
			Functions: []facts.NIFFunction{{Name: "one", Arity: 1}, {Name: "two", Arity: 258, Flags: 2}},
		}
		if diff := cmp.Diff(wantNIF, entry); err != nil || diff != "" {
			t.Errorf("%s: NIF entry: %v (-want +got):\n%s", flag, err, diff)
		}
	}
}

// nifSource has an ErlNifEntry as erl_nif.h declares it.
const nifSource = `
#include <stdio.h>
typedef struct { const char *name; unsigned arity; void *fptr; unsigned flags; } Func;
typedef struct {
  int major, minor; const char *name; int num; Func *funcs; void *load, *reload, *upgrade, *unload;
  const char *variant; unsigned options; size_t sizeof_init; const char *min_erts;
} Entry;
static void f(void) { puts("f"); }
static Func funcs[] = {{"one", 1, f, 0}, {"two", 258, f, 2}};
static Entry entry = {2, 15, "Elixir.Real", 2, funcs, 0, 0, 0, 0, "beam.vanilla", 1, 24, "erts-10.4"};
Entry *nif_init(void) { return &entry; }
`

func FuzzReadSymbols(f *testing.F) {
	f.Add(library().Bytes())
	f.Add(full(binary.LittleEndian).Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := symbols(b); err != nil && !errors.Is(err, facts.ErrFormat) {
			t.Errorf("unexpected kind of error: %v", err)
		}
		if _, err := nif(b); err != nil && !errors.Is(err, facts.ErrFormat) && !errors.Is(err, facts.ErrNoNIF) {
			t.Errorf("unexpected kind of error: %v", err)
		}
	})
}
