package rootfs_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"dram/internal/binary"
	"dram/internal/rootfs"
)

func TestSkeleton(t *testing.T) {
	elf := &binary.File{Soname: "libz.so.1"}
	s := rootfs.NewSkeleton(map[string]rootfs.Node{
		"lib":                 {Link: "usr/lib"},
		"usr/lib/libz.so.1":   {Link: "/lib/libz.so.1.3"},
		"usr/lib/libz.so.1.3": {Mode: 0o644, ELF: elf},
		"etc/ld.so.conf":      {Mode: 0o644, Text: "/opt/lib\n"},
		"usr/bin/sh":          {Mode: 0o755},
	})
	// The suite opens what it lists, so the links' targets must be there.
	if err := fstest.TestFS(s, "usr/lib/libz.so.1.3", "etc/ld.so.conf"); err != nil {
		t.Error(err)
	}
	real, err := rootfs.Resolve(s, "/lib/libz.so.1")
	if err != nil || real != "usr/lib/libz.so.1.3" {
		t.Errorf("resolved to %q, %v", real, err)
	}
	if got, ok := s.ELF(real); !ok || got != elf {
		t.Errorf("facts %v, %v", got, ok)
	}
	b, err := fs.ReadFile(s, "etc/ld.so.conf")
	if diff := cmp.Diff("/opt/lib\n", string(b)); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	found, _ := rootfs.Programs(s, []string{"sh"})
	if len(found) != 1 || found[0].Real != "usr/bin/sh" {
		t.Errorf("found %+v", found)
	}
}
