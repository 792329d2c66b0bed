package binary_test

import (
	"bytes"
	"debug/elf"
	stdbinary "encoding/binary"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"dram/internal/binary"
	"dram/internal/binary/binarytest"
)

// compiled is a program of the machine's compiler, where it has one.
func compiled(t testing.TB, flags ...string) []byte {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler here")
	}
	dir := t.TempDir()
	source, to := filepath.Join(dir, "a.c"), filepath.Join(dir, "a")
	if err := os.WriteFile(source, []byte("#include <stdio.h>\nstatic int twice(int a) { return 2 * a; }\nint main(int n, char **v) { (void)v; printf(\"%d\\n\", twice(n)); return 3; }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), cc, append(flags, "-o", to, source)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What a compiler adds for debuggers is gone, and all else is as it was: the program runs,
// and its symbols are there.
func TestWithoutDebug(t *testing.T) {
	for name, flags := range map[string][]string{"a program": {"-g"}, "compressed": {"-g", "-gz"}, "an old one": {"-g", "-no-pie"}, "a library": {"-g", "-shared", "-fPIC"}} {
		was := compiled(t, flags...)
		is := binary.WithoutDebug(was)
		if len(is) >= len(was) {
			t.Errorf("%s: %d bytes, were %d", name, len(is), len(was))
		}
		file, err := elf.NewFile(bytes.NewReader(is))
		if err != nil {
			t.Fatal(err)
		}
		if file.Section(".debug_info") != nil || file.Section(".debug_line") != nil || file.Section(".comment") == nil {
			t.Errorf("%s: sections %v", name, file.Sections)
		}
		old, err := elf.NewFile(bytes.NewReader(was))
		if err != nil {
			t.Fatal(err)
		}
		before, _ := old.Symbols()
		after, err := file.Symbols()
		if err != nil || len(before) != len(after) || len(after) == 0 {
			t.Errorf("%s: %d symbols, were %d: %v", name, len(after), len(before), err)
		}
		if again := binary.WithoutDebug(is); !bytes.Equal(again, is) {
			t.Errorf("%s: there was more", name)
		}
		if name == "a library" {
			continue
		}
		at := filepath.Join(t.TempDir(), "stripped")
		if err := os.WriteFile(at, is, 0o700); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), at).Output()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 3 || string(out) != "2\n" { //nolint:errorlint // as os/exec gives it
			t.Errorf("%s: it says %q, %v", name, out, err)
		}
	}
}

// What has none, or is no program, stays byte by byte.
func TestWithoutDebugOfOthers(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing": nil, "text": []byte("#!/bin/sh\n"), "a stripped one": compiled(t, "-s"), "one without sections": binarytest.Library{Soname: "x"}.Bytes(),
		"an object": compiled(t, "-g", "-c"), "half of one": compiled(t, "-g")[:5000],
	} {
		if got := binary.WithoutDebug(b); !bytes.Equal(got, b) {
			t.Errorf("%s: %d bytes, were %d", name, len(got), len(b))
		}
	}
}

// sound holds what is promised of every file: nothing grows, what is given stays as it is,
// and what is mapped does.
func sound(t *testing.T, b []byte) {
	t.Helper()
	was := bytes.Clone(b)
	out := binary.WithoutDebug(b)
	if !bytes.Equal(was, b) {
		t.Fatal("it changed what it was given")
	}
	if len(out) > len(b) {
		t.Fatalf("%d bytes became %d", len(b), len(out))
	}
	if bytes.Equal(out, b) {
		return
	}
	before, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		return
	}
	const header = 64 // says where the sections are
	for _, p := range before.Progs {
		if end := p.Off + p.Filesz; end > uint64(len(out)) || !bytes.Equal(out[max(p.Off, header):max(end, header)], b[max(p.Off, header):max(end, header)]) {
			t.Fatalf("segment at %d differs", p.Off)
		}
	}
}

// Headers may say anything.
func TestWithoutDebugOfDamaged(t *testing.T) {
	whole := compiled(t, "-g", "-Os")
	table := int(binaryOrder.Uint64(whole[40:]))
	r := rand.New(rand.NewPCG(1, 2))
	stripped := 0
	for range 4000 {
		b := bytes.Clone(whole)
		for range 1 + r.IntN(3) {
			at := r.IntN(64 + 14*56) // the header, and those of segments
			if r.IntN(3) > 0 {
				at = table + r.IntN(len(b)-table)
			}
			b[at] = [...]byte{0, 1, 0x7f, 0xff, byte(r.IntN(256))}[r.IntN(5)]
		}
		if len(binary.WithoutDebug(b)) < len(b) {
			stripped++
		}
		sound(t, b)
	}
	if stripped == 0 || stripped == 4000 {
		t.Errorf("%d of 4000 were taken for sound", stripped)
	}
}

var binaryOrder = stdbinary.LittleEndian

func FuzzWithoutDebug(f *testing.F) {
	whole := compiled(f, "-g", "-Os")
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(elf.ELFMAG))
	f.Fuzz(func(t *testing.T, b []byte) { sound(t, b) })
}
