package manifest

import "golang.org/x/sys/unix"

// lookFlags opens a directory to look at what is in it by name.
const lookFlags = unix.O_PATH
