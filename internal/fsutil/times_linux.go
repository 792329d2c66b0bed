package fsutil

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// SetTime sets the time of an open file, whatever its path leads to by now.
func SetTime(f *os.File, t time.Time) error {
	ts := unix.NsecToTimespec(t.UnixNano())
	// The empty path means the descriptor itself (Linux 5.8); unix.Futimes would
	// look /proc/self/fd/N up.
	return unix.UtimesNanoAt(int(f.Fd()), "", []unix.Timespec{ts, ts}, unix.AT_EMPTY_PATH) //nolint:gosec // a descriptor fits
}

// SetLinkTime sets the time of the path itself, be it a link.
func SetLinkTime(path string, t time.Time) error {
	ts := unix.NsecToTimespec(t.UnixNano())
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
}
