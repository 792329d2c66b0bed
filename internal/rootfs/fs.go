package rootfs

import "io/fs"

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
