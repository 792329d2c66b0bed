package sandbox

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Whoever runs dram owns the files of the host that show inside, so the process
// may change what is said about them: their mode, their times, their access
// lists. A mount that is read-only forbids this, and lets devices be written to
// all the same. Standard streams and this program itself are files of the
// host, too, and reached by links of /proc without any mount of the sandbox's.

// deviceNames are the devices shown inside. The number is that of the kernel's
// memory device (major 1), 0 for another.
var deviceNames = []struct {
	name  string
	minor uint32
}{{"null", 3}, {"zero", 5}, {"full", 7}, {"random", 8}, {"urandom", 9}, {"tty", 0}}

// deviceTree is a detached mount of a device, by which it can be used and its
// node cannot be changed.
func deviceTree(path string) (int, error) {
	fd, err := cloneTree(path)
	if err != nil {
		return -1, err
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &attr); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// guardStreams opens standard streams that are devices anew, by mounts that
// keep their nodes as they are. A device that has no name here, as a terminal
// that was handed into a container, stays open as it came.
func guardStreams() error {
	for fd := range 3 {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR {
			continue
		}
		tree, err := deviceTree(streamPath(fd, st))
		if err != nil {
			continue
		}
		err = reopen(fd, tree, st)
		_ = unix.Close(tree)
		if err != nil {
			return failed(stepOther, err, "opening standard stream %d anew", fd)
		}
	}
	return nil
}

// streamPath is a path of the device that is open.
func streamPath(fd int, st unix.Stat_t) string {
	for _, d := range deviceNames {
		if d.minor != 0 && uint64(st.Rdev) == unix.Mkdev(1, d.minor) { //nolint:unconvert // 32 bits on some architectures
			return "/dev/" + d.name
		}
	}
	path, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	return path
}

// reopen puts the device at tree in place of fd, if it is the same.
func reopen(fd, tree int, st unix.Stat_t) error {
	var now unix.Stat_t
	if err := unix.Fstat(tree, &now); err != nil || now.Rdev != st.Rdev || now.Mode&unix.S_IFMT != unix.S_IFCHR {
		return err
	}
	if memory := unix.Major(uint64(st.Rdev)) == 1; !memory && (now.Ino != st.Ino || now.Dev != st.Dev) { //nolint:unconvert // as above
		return nil // a terminal's number means another one in another devpts
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	flags = flags&(unix.O_ACCMODE|unix.O_APPEND|unix.O_NONBLOCK) | unix.O_NOCTTY | unix.O_CLOEXEC
	opened, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", tree), flags, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(opened) }()
	return unix.Dup3(opened, fd, 0)
}

// ownProgram is what the init is executed from. By its path, it lies in a mount of
// the sandbox's own, which becomes read-only with all others before anything
// else runs: by /proc/self/exe, it would lie in the host's mount, and a program
// whose interpreter is /proc/self/exe could write to it. Where the path leads
// elsewhere by now, or the user namespace may not follow it, a copy in memory
// serves.
func ownProgram() (path string, done func(), err error) {
	const self = "/proc/self/exe"
	path, err = os.Readlink(self)
	if err == nil {
		own, errOwn := os.Stat(self)
		named, errNamed := os.Stat(path)
		if errOwn == nil && errNamed == nil && os.SameFile(own, named) {
			return path, func() {}, nil
		}
	}
	return ownProgramCopy()
}

// ownProgramCopy is this program in memory, sealed.
func ownProgramCopy() (path string, done func(), err error) {
	fail := func(err error) (string, func(), error) {
		return "", func() {}, fmt.Errorf("copying this program into memory: %w", err)
	}
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		return fail(err)
	}
	defer func() { _ = from.Close() }()
	fd, err := unix.MemfdCreate("dram", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return fail(err)
	}
	to := os.NewFile(uintptr(fd), "dram")
	if err := to.Chmod(0o500); err != nil {
		_ = to.Close()
		return fail(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		_ = to.Close()
		return fail(err)
	}
	seals := unix.F_SEAL_WRITE | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL
	// Below 16 the child may put a file of its own before it executes this one.
	high, err := unix.FcntlInt(to.Fd(), unix.F_DUPFD_CLOEXEC, 16)
	if err == nil {
		_, err = unix.FcntlInt(to.Fd(), unix.F_ADD_SEALS, seals)
	}
	_ = to.Close()
	if err != nil {
		return fail(err)
	}
	return fmt.Sprintf("/proc/self/fd/%d", high), func() { _ = unix.Close(high) }, nil
}
