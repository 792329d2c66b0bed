package sandbox

import (
	"os"
	"runtime"
)

// Emulates says, as an error with a remedy, why programs of an architecture
// cannot run on this machine; nil if they can.
func Emulates(arch string) error {
	if arch == runtime.GOARCH {
		return nil
	}
	return emulates(os.DirFS("/proc/sys/fs/binfmt_misc"), arch)
}
