package git

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func FuzzIndex(f *testing.F) {
	f.Add([]byte("DIRC\x00\x00\x00\x02\x00\x00\x00\x01" + strings.Repeat("\x00", 60) + "\x00\x01a\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("DIRC\x00\x00\x00\x04\x00\x00\x00\x01" + strings.Repeat("\x00", 60) + "\x00\x01\x00a\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		entries, err := parseIndex(raw)
		if err != nil {
			return
		}
		if len(entries)*60 > len(raw) {
			t.Errorf("%d names of %d bytes", len(entries), len(raw))
		}
		_, _ = Written(entries)
	})
}

func FuzzApply(f *testing.F) {
	f.Add([]byte("from here"), []byte{9, 4, 0x90, 4, 2, 'x', 'y'})
	f.Fuzz(func(t *testing.T, from, delta []byte) {
		if out, err := apply(from, delta); err == nil && len(out) > maxObject+1<<24 {
			t.Errorf("%d bytes", len(out))
		}
	})
}

func FuzzPack(f *testing.F) {
	f.Add([]byte("\xfftOc\x00\x00\x00\x02"+strings.Repeat("\x00\x00\x00\x01", 256)+strings.Repeat("\x00", 28)), []byte("PACK"))
	f.Fuzz(func(t *testing.T, idx, body []byte) {
		dir := t.TempDir()
		at := filepath.Join(dir, "p")
		if os.WriteFile(at+".idx", idx, 0o600) != nil || os.WriteFile(at+".pack", body, 0o600) != nil {
			t.Skip()
		}
		if out, err := packed(at+".idx", ID(strings.Repeat("00", 20))); err == nil && len(out) > maxObject+1<<24 {
			t.Errorf("%d bytes", len(out))
		}
	})
}

func FuzzTags(f *testing.F) {
	id := strings.Repeat("0a", 20)
	f.Add([]byte("# pack-refs with: peeled\n" + id + " refs/tags/v1\n^" + id + "\n" + id + " refs/heads/main\n^" + id + "\n"))
	f.Add([]byte(id + " refs/tags/a\x1b[2J\n" + id + " refs/tags/a\x00b\n"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		c := &Checkout{common: t.TempDir()}
		if err := os.WriteFile(filepath.Join(c.common, "packed-refs"), packed, 0o600); err != nil {
			t.Fatal(err)
		}
		tags, err := c.Tags(ID(id))
		if err == nil && len(tags) > len(packed)/len(id) {
			t.Errorf("%d tags of %d bytes", len(tags), len(packed))
		}
		for _, name := range tags {
			if strings.ContainsAny(name, "\x00\x1b\n ") {
				t.Errorf("a tag is called %q", name)
			}
		}
	})
}
