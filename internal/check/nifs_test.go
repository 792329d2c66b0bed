package check_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	facts "dram/internal/binary"
	"dram/internal/binary/binarytest"
	"dram/internal/check"
)

// defining is a BEAM file of a module that defines one/0 and two/1, and
// declares one/0 as a NIF if asked to.
func defining(name string, declared bool) string {
	word := func(n int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) } //nolint:gosec // small
	chunk := func(id, data string) string {
		return id + word(len(data)) + data + strings.Repeat("\x00", (4-len(data)%4)%4)
	}
	atom := func(s string) string { return string(rune(len(s))) + s }
	nifStart, highest := "", 170
	if declared {
		nifStart, highest = "\xb3", 182
	}
	const label, funcInfo, ret, codeEnd = "\x01", "\x02", "\x13", "\x03"
	code := label + "\x10" + funcInfo + "\x12\x22\x00" + nifStart + label + "\x20" + ret +
		label + "\x30" + funcInfo + "\x12\x32\x10" + label + "\x40" + ret + codeEnd
	chunks := chunk("AtU8", word(3)+atom(name)+atom("one")+atom("two")) +
		chunk("Code", word(16)+word(0)+word(highest)+word(5)+word(2)+code) +
		chunk("StrT", "") + chunk("ImpT", word(0)) + chunk("ExpT", word(0))
	return "644 FOR1" + word(len(chunks)+4) + "BEAM" + chunks
}

// The refusals are the VM's own words: OTP 23, 25, 27 and 29 say so of the
// libraries of the e2e test.
func TestRunComparesNIFsWithTheirModules(t *testing.T) {
	const module = "Elixir.Exqlite.NIF"
	fn := func(name string, arity, flags int) binarytest.Library {
		l := sqlite()
		l.NIF.Functions = []facts.NIFFunction{{Name: "one"}, {Name: name, Arity: arity, Flags: flags}}
		return l
	}
	const refused = "FAIL nif-functions " + nif + ": its functions are not those of its module " + module + ": "
	for _, tt := range []struct {
		name     string
		library  lib
		declared bool
		want     []string
	}{
		{"all there", fn("two", 1, 0), false, nil},
		{"a dirty one", fn("two", 1, 2), false, nil},
		{"one that is missing", fn("three", 1, 0), false, []string{refused + "Function not found " + module + ":three/1"}},
		{"another arity", fn("two", 2, 0), false, []string{refused + "Function not found " + module + ":two/2"}},
		{"an arity past a byte", fn("two", 257, 0), false, []string{refused + "Function not found " + module + ":two/257"}},
		{"not declared, where others are", fn("two", 1, 0), true, []string{refused + "Function not declared as nif " + module + ":two/1"}},
		{"flags that mean nothing", fn("two", 1, 9), false, []string{refused + "Illegal flags field value 9 for NIF " + module + ":two/1"}},
		{"twice the same", fn("one", 0, 0), false, []string{refused + "Duplicate NIF entry for " + module + ":one/0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := check.Run(t.Context(), open(t, hello().with(nif, elf(tt.library)).with(nifModule, defining(module, tt.declared)), bookworm()))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lines(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			kept(t, got)
		})
	}
	got, err := check.Run(t.Context(), open(t, hello().without(nifModule), bookworm()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"WARN nif-functions " + nif + ": it is for the module " + module + ", which the release does not have"}, lines(got)); diff != "" {
		t.Errorf("without its module (-want +got):\n%s", diff)
	}
	kept(t, got)
}
