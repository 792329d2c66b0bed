package rootfs

import (
	"io/fs"

	"dram/internal/binary"
)

// FS is a root filesystem: an unpacked directory, an image's layers, a release
// inside one. Names are as in io/fs ("usr/bin/sh", no leading slash). Open and
// Stat follow symbolic links, absolute ones too, inside this root and never
// leave it; Lstat and ReadLink do not follow the last element but follow the
// ones before it.
type FS interface {
	fs.ReadDirFS
	fs.StatFS
	fs.ReadLinkFS // ReadLink and Lstat
}

// Described is a root filesystem that knows what the loader reads of ELF files
// without having their bytes, such as one that was captured.
type Described interface {
	FS
	// ELF is what the file with this real name holds; ok is false where the
	// file itself has to be read.
	ELF(name string) (f *binary.File, ok bool)
}
