package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sort"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// An attack tries to change or to reach something outside; nil is success.
// None does harm where it succeeds: it sets what is set already, or only opens.
type attackFunc func() error

// attack runs the attacks named and prints what came of each.
func attack(args []string) error {
	all := map[string]attackFunc{}
	for _, some := range []map[string]attackFunc{nodeAttacks(), procAttacks(), mountAttacks(), processAttacks(), socketAttacks(), ipcAttacks()} {
		for name, f := range some {
			all[name] = f
		}
	}
	for _, name := range args {
		f, ok := all[name]
		if !ok {
			return fmt.Errorf("no attack %q", name)
		}
		fmt.Printf("%s=%s\n", name, outcome(f()))
	}
	return nil
}

func outcome(err error) string {
	var errno syscall.Errno
	switch {
	case err == nil:
		return "DONE"
	case errors.As(err, &errno) && errno != 0:
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

// each is an attack on every one of paths; it is done if one is.
func each(paths []string, f func(path string) error) attackFunc {
	return func() error {
		errs := map[string]bool{}
		for _, p := range paths {
			err := f(p)
			if err == nil {
				return nil
			}
			errs[outcome(err)] = true
		}
		var names []string
		for name := range errs {
			names = append(names, name)
		}
		sort.Strings(names)
		return errors.New(strings.Join(names, " "))
	}
}

func sameMode(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	return unix.Chmod(path, st.Mode&0o7777)
}

func sameTimes(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{st.Atim, st.Mtim}, 0)
}

// sameACL sets the access list that says what the mode says.
func sameACL(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	acl := []byte{2, 0, 0, 0}
	for i, tag := range []byte{1, 4, 0x20} { // owner, group, others
		perm := byte(st.Mode >> (6 - 3*i) & 7)
		acl = append(acl, tag, 0, perm, 0, 0xff, 0xff, 0xff, 0xff)
	}
	return unix.Setxattr(path, "system.posix_acl_access", acl, 0)
}

func xattr(path string) error {
	var err error
	for _, name := range []string{"user.dram", "trusted.dram", "security.dram", "trusted.overlay.opaque"} {
		if err = unix.Setxattr(path, name, []byte("x"), 0); err == nil {
			return nil
		}
	}
	return err
}

// openFor opens a file and does no more.
func openFor(flags int) func(string) error {
	return func(path string) error {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err == nil {
			_ = unix.Close(fd)
		}
		return err
	}
}

var nodes = []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"}

// links are ways to a file that is open from outside.
var links = []string{"/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2", "/dev/stdin", "/proc/thread-self/fd/0", "/proc/self/exe"}

func nodeAttacks() map[string]attackFunc {
	shown := []string{"/etc/hosts", "/etc/resolv.conf", "/ro", "/ro/file"}
	return map[string]attackFunc{
		"node mode":        each(nodes, sameMode),
		"node times":       each(nodes, sameTimes),
		"node acl":         each(nodes, sameACL),
		"node xattr":       each(nodes, xattr),
		"node owner":       each(nodes, func(p string) error { return unix.Chown(p, 1, 1) }),
		"node mode at":     each(nodes, modeAt),
		"node opened":      each(nodes, openedMode),
		"node unlink":      each(nodes, unix.Unlink),
		"stdin mode":       func() error { return fdMode(0) },
		"stdin times":      func() error { return fdTimes(0) },
		"stdio of dev":     each([]string{"0", "1", "2"}, func(fd string) error { return fdMode(number(fd)) }),
		"links mode":       each(links[:1], sameMode),
		"links times":      each(links[:1], sameTimes),
		"links acl":        each(links[:1], sameACL),
		"shown mode":       each(shown, sameMode),
		"shown times":      each(shown, sameTimes),
		"shown acl":        each(shown, sameACL),
		"shown xattr":      each(shown, xattr),
		"shown write":      each([]string{"/etc/hosts", "/etc/resolv.conf", "/ro/file"}, openFor(unix.O_WRONLY)),
		"shown truncate":   each([]string{"/etc/hosts", "/etc/resolv.conf", "/ro/file"}, func(p string) error { return unix.Truncate(p, 0) }),
		"shown make":       each([]string{"/ro/new"}, openFor(unix.O_WRONLY|unix.O_CREAT)),
		"shown link":       func() error { return unix.Link("/ro/file", "/tmp/stolen") },
		"shown rename":     func() error { return unix.Rename("/ro/file", "/ro/gone") },
		"resolver lease":   resolverLease,
		"lower unchanged":  lower,
		"device made":      deviceMade,
		"devices there":    each([]string{"/dev/mem", "/dev/kmsg", "/dev/port", "/dev/net/tun", "/dev/fuse", "/dev/kvm", "/dev/console", "/dev/vsock", "/dev/loop-control", "/dev/userfaultfd"}, openFor(unix.O_RDONLY)),
		"block devices":    each([]string{"/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/loop0", "/dev/mapper/control"}, openFor(unix.O_RDONLY)),
		"cgroup":           each([]string{"/sys/fs/cgroup/dram", "/sys/kernel/dram"}, func(p string) error { return unix.Mkdir(p, 0o755) }),
		"cgroup procs":     each([]string{"/sys/fs/cgroup/cgroup.procs", "/sys/power/state", "/sys/kernel/uevent_helper"}, openFor(unix.O_WRONLY)),
		"descriptors":      descriptors,
		"terminal":         func() error { return terminal(unix.TIOCSTI) },
		"terminal console": func() error { return terminal(unix.TIOCLINUX) },
		"terminal high":    func() error { return terminal(unix.TIOCSTI | 1<<32) },
		"terminal open":    each([]string{"/dev/tty"}, openFor(unix.O_RDWR)),
		"program mode":     each([]string{"/proc/1/exe"}, sameMode),
		"program write":    each([]string{"/proc/1/exe"}, openFor(unix.O_WRONLY)),
	}
}

func modeAt(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	return unix.Fchmodat(unix.AT_FDCWD, path, st.Mode&0o7777, unix.AT_SYMLINK_NOFOLLOW)
}

func openedMode(path string) error {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return fdMode(fd)
}

// fdMode leaves pipes out, which are nobody else's.
func fdMode(fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFIFO {
		return unix.EPIPE
	}
	return unix.Fchmod(fd, st.Mode&0o7777)
}

func fdTimes(fd int) error { return sameTimes(fmt.Sprintf("/proc/self/fd/%d", fd)) }

// resolverLease would make who writes the host's file wait.
func resolverLease() error {
	f, err := os.Open("/etc/resolv.conf")
	if err != nil {
		return err
	}
	defer f.Close()
	var own, shown unix.Statfs_t
	if err := errors.Join(unix.Fstatfs(int(f.Fd()), &shown), unix.Statfs("/dev", &own)); err != nil {
		return err
	}
	if shown.Type == own.Type && shown.Blocks == own.Blocks {
		return errors.New("a copy")
	}
	return nil
}

// lower changes a file of the root's read-only part; the test looks at it.
func lower() error {
	return errors.Join(os.Chmod("/low/file", 0o777), os.Truncate("/low/file", 0),
		os.Chtimes("/low/file", time.Unix(1, 0), time.Unix(1, 0)), os.Remove("/low/file"), os.RemoveAll("/low"))
}

func deviceMade() error {
	if err := unix.Mknod("/tmp/mem", unix.S_IFCHR|0o600, 1<<8|1); err != nil {
		return err
	}
	return openFor(unix.O_RDONLY)("/tmp/mem")
}

func descriptors() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range entries {
		to, _ := os.Readlink("/proc/self/fd/" + e.Name())
		if n := number(e.Name()); n > 2 && !strings.HasPrefix(to, "anon_inode:") && !strings.HasPrefix(to, "/proc/") && to != "" {
			return nil
		}
	}
	return errors.New("none")
}

func terminal(request uint64) error {
	c := byte('#')
	for fd := range 3 {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), ptr(&c))
		if errno != unix.EPERM {
			return fmt.Errorf("descriptor %d: %w", fd, errno)
		}
	}
	return unix.EPERM
}

func socketAttacks() map[string]attackFunc {
	target := os.Getenv("TARGET")
	abstract := func(network string) attackFunc {
		return func() error {
			c, err := net.DialTimeout(network, target, time.Second)
			if err != nil {
				return err
			}
			defer c.Close()
			_, err = c.Write([]byte("hello"))
			return err
		}
	}
	families := func() error {
		for family := range 64 {
			switch family {
			case unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK, unix.AF_PACKET:
				continue
			}
			for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM, unix.SOCK_RAW, unix.SOCK_SEQPACKET} {
				if fd, err := unix.Socket(family, kind, 0); err == nil {
					unix.Close(fd)
					return nil
				}
			}
		}
		return unix.EAFNOSUPPORT
	}
	return map[string]attackFunc{
		"abstract unix":       abstract("unix"),
		"abstract unixgram":   abstract("unixgram"),
		"abstract unixpacket": abstract("unixpacket"),
		"host loopback":       abstract("tcp"),
		"other families":      families,
		"raw socket":          socketKind(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP),
		"packet socket":       socketKind(unix.AF_PACKET, unix.SOCK_RAW, 0),
		"own abstract":        ownAbstract,
	}
}

// dialBound dials by a device, whatever the routes say.
func dialBound(args []string) error {
	d := net.Dialer{Timeout: time.Second, Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), args[2]) }), err)
	}}
	c, err := d.Dial(args[0], args[1])
	if err == nil {
		c.Close()
	}
	return err
}

func socketKind(family, kind, proto int) attackFunc {
	return func() error {
		fd, err := unix.Socket(family, kind, proto)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
}

// ownAbstract is no attack: what one process of the sandbox offers, another uses.
func ownAbstract() error {
	l, err := net.Listen("unix", "@own")
	if err != nil {
		return err
	}
	defer l.Close()
	c, err := net.Dial("unix", "@own")
	if err == nil {
		c.Close()
	}
	return err
}
