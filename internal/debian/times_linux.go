package debian

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

func setTime(f *os.File, t time.Time) error {
	tv := unix.NsecToTimeval(t.UnixNano())
	return unix.Futimes(int(f.Fd()), []unix.Timeval{tv, tv}) //nolint:gosec // a file descriptor fits
}

// setLinkTime sets the time of the path itself, be it a link.
func setLinkTime(path string, t time.Time) error {
	ts := unix.NsecToTimespec(t.UnixNano())
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
}
