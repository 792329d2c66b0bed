package binary_test

import (
	"encoding/binary"
	"strings"
	"testing"

	facts "dram/internal/binary"
)

func words(order binary.AppendByteOrder, list ...uint32) string {
	var b []byte
	for _, w := range list {
		b = order.AppendUint32(b, w)
	}
	return string(b)
}

func TestReadForeign(t *testing.T) {
	little, big := binary.LittleEndian, binary.BigEndian
	header := words(little, 0xfeedfacf, 0x0100000c, 0, 6, 2, 48, 0, 0) + words(little, 0x0d, 24, 0, 0, 0, 0)
	pe := "MZ" + strings.Repeat("\x00", 0x3a) + "\x80\x00\x00\x00" + strings.Repeat("\x00", 0x40) + "PE\x00\x00\x64\x86"
	for _, tt := range []struct{ head, want string }{
		{header + words(little, 0x32, 24, 1, 0, 0, 0), "Mach-O for arm64, built for macOS"},
		{header + words(little, 0x32, 24, 2, 0, 0, 0), "Mach-O for arm64, built for iOS"},
		{words(little, 0xfeedfacf, 0x01000007, 3, 8, 0, 0, 0, 0), "Mach-O for x86_64, built for macOS"},
		{words(big, 0xfeedface, 18, 0, 8, 0, 0, 0, 0), "Mach-O for ppc, built for macOS"},
		{words(big, 0xcafebabe, 2, 0x01000007, 3, 0, 0, 0, 0x0100000c, 0, 0, 0, 0), "Mach-O for x86_64 and arm64, built for macOS"},
		{"\xcf\xfa\xed\xfe", "Mach-O, built for macOS"},
		{pe, "PE for x64, built for Windows"},
		{"MZ\x90", "PE, built for Windows"},
		{"\x7fELF", "data"},
	} {
		if got := facts.ReadForeign([]byte(tt.head)).String(); got != tt.want {
			t.Errorf("%.20q: %q, want %q", tt.head, got, tt.want)
		}
	}
}

func FuzzReadForeign(f *testing.F) {
	f.Add([]byte(words(binary.LittleEndian, 0xfeedfacf, 0x0100000c, 0, 6, 2, 48, 0, 0, 0x0d, 24, 0, 0, 0, 0, 0x32, 24, 1, 0)))
	f.Add([]byte(words(binary.BigEndian, 0xcafebabe, 2, 7, 0, 0, 0, 0)))
	f.Add([]byte("MZ" + strings.Repeat("\x3d", 80)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got := facts.ReadForeign(b); got.String() == "" || len(got.CPUs) > 8 {
			t.Errorf("%+v", got)
		}
	})
}
