package rootfs_test

import (
	"testing"

	"dram/internal/rootfs"
)

func TestGlibcVersion(t *testing.T) {
	for in, want := range map[string]string{
		"\x00GNU C Library (Debian GLIBC 2.31-13+deb11u13) stable release version 2.31.\n": "2.31",
		"GNU C Library (GNU libc) stable release version 2.41.":                            "2.41",
		"GNU C Library (GNU libc) development release version 2.42.9000.\n":                "2.42.9000",
		"GNU C Library stable release version 2.17, by Roland McGrath et al.":              "2.17",
		"GNU C Library\nversion 2.31":                                                      "", "musl libc": "", "": "",
	} {
		if got := rootfs.GlibcVersion([]byte(in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
