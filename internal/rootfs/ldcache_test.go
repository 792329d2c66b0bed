package rootfs

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cacheOf makes a cache as ldconfig does: names and paths in turn, each with a number
// of a level, -1 for none, -2 for the folder "tls" of old.
func cacheOf(levels []string, entries ...any) []byte {
	const entrySize = cacheEntryNew
	count := len(entries) / 3
	var text []byte
	base := cacheHeadNew + count*entrySize
	put := func(s string) uint32 {
		at := base + len(text)
		text = append(append(text, s...), 0)
		return uint32(at) //nolint:gosec // small
	}
	var rows, numbers []byte
	for i := 0; i < len(entries); i += 3 {
		hwcap := uint64(0)
		switch level, _ := entries[i+2].(int); {
		case level == -2:
			hwcap = cacheTLSFlag
		case level >= 0:
			hwcap = cacheLevelFlag | uint64(level) //nolint:gosec // small
		}
		name, _ := entries[i].(string)
		to, _ := entries[i+1].(string)
		rows = binary.LittleEndian.AppendUint32(rows, cacheFlagsX8664)
		rows = binary.LittleEndian.AppendUint32(rows, put(name))
		rows = binary.LittleEndian.AppendUint32(rows, put(to))
		rows = binary.LittleEndian.AppendUint32(rows, 0)
		rows = binary.LittleEndian.AppendUint64(rows, hwcap)
	}
	for _, l := range levels {
		numbers = binary.LittleEndian.AppendUint32(numbers, put(l))
	}
	for len(text)%4 != 0 {
		text = append(text, 0)
	}
	at := base + len(text)
	head := append([]byte(cacheMagicNew), make([]byte, cacheHeadNew-len(cacheMagicNew))...)
	binary.LittleEndian.PutUint32(head[20:], uint32(count)) //nolint:gosec // small
	binary.LittleEndian.PutUint32(head[32:], uint32(at))    //nolint:gosec // small
	tail := binary.LittleEndian.AppendUint32(nil, cacheExtension)
	tail = binary.LittleEndian.AppendUint32(tail, 1)
	tail = binary.LittleEndian.AppendUint32(tail, cacheLevelsTag)
	tail = binary.LittleEndian.AppendUint32(tail, 0)
	tail = binary.LittleEndian.AppendUint32(tail, uint32(at+24))        //nolint:gosec // small
	tail = binary.LittleEndian.AppendUint32(tail, uint32(len(numbers))) //nolint:gosec // small
	return bytes.Join([][]byte{head, rows, text, tail, numbers}, nil)
}

func TestReadCache(t *testing.T) {
	b := cacheOf([]string{"x86-64-v2", "x86-64-v3"},
		"liba.so.1", "/lib/x86_64-linux-gnu/liba.so.1", -1, "liba.so.1", "/usr/local/lib/liba.so.1", -1,
		"libb.so.1", "/usr/lib/libb.so.1", -1, "libb.so.1", "/usr/lib/glibc-hwcaps/x86-64-v2/libb.so.1", 0, "libb.so.1", "/usr/lib/glibc-hwcaps/x86-64-v3/libb.so.1", 1,
		"libc.so.1", "/usr/lib/tls/libc.so.1", -2, "libc.so.1", "/usr/lib/libc.so.1", -1)
	old := append([]byte(cacheMagicOld), 0)
	old = binary.LittleEndian.AppendUint32(old, 0)
	for _, b := range [][]byte{b, append(old, b...)} {
		c, err := readCache(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name, level, want string
			legacy, more      bool
		}{
			{"liba.so.1", "", "/lib/x86_64-linux-gnu/liba.so.1", false, false},
			{"libb.so.1", "", "/usr/lib/libb.so.1", false, true},
			{"libb.so.1", "x86-64-v2", "/usr/lib/glibc-hwcaps/x86-64-v2/libb.so.1", false, true},
			{"libb.so.1", "x86-64-v4", "/usr/lib/glibc-hwcaps/x86-64-v3/libb.so.1", false, false},
			{"libc.so.1", "", "/usr/lib/libc.so.1", false, false},
			{"libc.so.1", "", "/usr/lib/tls/libc.so.1", true, false},
			{"libd.so.1", "", "", false, false},
		} {
			got, more := c.lookup(tt.name, cacheFlagsX8664, tt.level, tt.legacy)
			if got != tt.want || more != tt.more {
				t.Errorf("%s at %q: %q, %t, want %q, %t", tt.name, tt.level, got, more, tt.want, tt.more)
			}
		}
		if got, _ := c.lookup("liba.so.1", cacheFlagsARM64, "", false); got != "" {
			t.Errorf("a library for another machine is found: %q", got)
		}
		want := []string{"lib/x86_64-linux-gnu", "usr/lib", "usr/local/lib"}
		if diff := cmp.Diff(want, c.directories()); diff != "" {
			t.Errorf("directories (-want +got):\n%s", diff)
		}
	}
}

// The machine's own cache and loader are read, where it has glibc's.
func TestReadOwnCache(t *testing.T) {
	b, err := os.ReadFile("/etc/ld.so.cache")
	if err != nil {
		t.Skip("no cache here")
	}
	c, err := readCache(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.entries["libc.so.6"]) == 0 {
		t.Errorf("libc.so.6 is not among %d libraries", len(c.entries))
	}
	loader, err := os.ReadFile("/lib64/ld-linux-x86-64.so.2")
	if err != nil {
		t.Skip("no loader for x86-64 here")
	}
	strings := LoaderStrings(loader)
	if len(strings) < 2 || strings[0][0] != '/' || strings[0][len(strings[0])-1] != '/' {
		t.Errorf("its directories are %q", strings)
	}
}

func FuzzReadCache(f *testing.F) {
	f.Add(cacheOf([]string{"x86-64-v3"}, "liba.so", "/lib/liba.so", 0, "libb.so", "/lib/libb.so", -1))
	f.Add([]byte(cacheMagicOld))
	f.Add([]byte(cacheMagicNew))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := readCache(b)
		if err != nil {
			return
		}
		for name := range c.entries {
			c.lookup(name, cacheFlagsX8664, "x86-64-v4", true)
		}
		if len(c.directories()) > len(b) {
			t.Errorf("%d bytes gave %d directories", len(b), len(c.directories()))
		}
		_ = LoaderStrings(b)
	})
}
