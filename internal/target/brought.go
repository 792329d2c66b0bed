package target

import (
	"debug/elf"
	"io"
	"slices"

	"dram/internal/binary"
)

// Brought is what a release brings of what others take from their target.
type Brought struct {
	Libc     Libc
	CABundle string
}

// With is the target as it is to a release that brings its C library, the libraries
// beside that and the locale C.UTF-8: of these nothing is open, and certificates are
// those of the release where the target has none. The platform is that of the shell,
// if the target has no C library to tell it.
func (t *Target) With(b Brought) *Target {
	out := *t
	out.Facts.Libc, out.Facts.UTF8 = b.Libc, true
	open := []Kind{Libraries, Locales, Patches}
	if out.Facts.CABundle == "" && b.CABundle != "" {
		out.Facts.CABundle = b.CABundle
		open = append(open, Certificates)
	}
	if t.profile != nil {
		p := *t.profile
		p.Absent = nil
		p.Open = slices.DeleteFunc(slices.Clone(p.Open), func(k Kind) bool { return slices.Contains(open, k) })
		out.profile = &p
	}
	if out.Facts.Platform == "" {
		out.Facts.Platform = t.shellPlatform()
	}
	return &out
}

// shellPlatform is the platform of a shell that is linked statically.
func (t *Target) shellPlatform() (platform string) {
	_ = withFile(t.root, "bin/sh", func(r io.ReaderAt, size int64) error {
		f, err := binary.ReadELF(r, size)
		if err == nil {
			platform = map[elf.Machine]string{elf.EM_X86_64: "linux/amd64", elf.EM_AARCH64: "linux/arm64"}[f.Machine]
		}
		return err
	}) // without one nothing is known
	return platform
}
