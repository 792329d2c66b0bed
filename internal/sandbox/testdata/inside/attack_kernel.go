package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func ptr[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

func procAttacks() map[string]attackFunc {
	global := []string{"/proc", "/proc/meminfo", "/proc/cpuinfo", "/proc/version", "/proc/stat", "/proc/tty", "/proc/tty/drivers", "/proc/kallsyms", "/proc/modules"}
	network := []string{"/proc/self/net/dev", "/proc/self/net/tcp", "/proc/1/net/unix", "/proc/thread-self/net/route"}
	settings := []string{
		"/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches",
		"/proc/sys/kernel/modprobe", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/ns_last_pid", "/proc/mtrr", "/proc/pressure/cpu",
		"/proc/sys/fs/binfmt_misc/register", "/proc/dynamic_debug/control", "/proc/irq/default_smp_affinity",
	}
	secrets := []string{"/proc/kcore", "/proc/kmsg", "/proc/keys", "/proc/timer_list", "/proc/vmallocinfo", "/proc/kpagecount", "/proc/kpageflags", "/proc/kpagecgroup"}
	return map[string]attackFunc{
		"proc mode":      each(append(global, settings...), sameMode),
		"proc times":     each(global, sameTimes),
		"proc net mode":  each(network, sameMode),
		"proc net times": each(network, sameTimes),
		"proc settings":  each(settings, openFor(unix.O_WRONLY)),
		"proc secrets": each(secrets, func(p string) error {
			b := make([]byte, 1)
			fd, err := unix.Open(p, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			if n, err := unix.Read(fd, b); err != nil || n == 0 {
				return errors.Join(errors.New("empty"), err)
			}
			return nil
		}),
		"proc init": each([]string{"/proc/1/root/", "/proc/1/cwd/", "/proc/1/fd/4", "/proc/1/fd/5", "/proc/1/fd/7", "/proc/1/fd/8/", "/proc/1/environ", "/proc/1/mem", "/proc/1/maps", "/proc/1/task/1/root/"}, openFor(unix.O_RDONLY)),
	}
}

func mountAttacks() map[string]attackFunc {
	mount := func(source, target, kind string, flags uintptr) attackFunc {
		return func() error { return unix.Mount(source, target, kind, flags, "") }
	}
	return map[string]attackFunc{
		"remount device": mount("", "/dev/null", "", unix.MS_REMOUNT|unix.MS_BIND),
		"remount proc":   mount("", "/proc", "", unix.MS_REMOUNT|unix.MS_BIND),
		"mount move":     mount("/dev/null", "/tmp/f", "", unix.MS_MOVE),
		"mount bind":     mount("/proc", "/tmp", "", unix.MS_BIND),
		"mount proc":     mount("proc", "/tmp", "proc", 0),
		"mount sysfs":    mount("sysfs", "/tmp", "sysfs", 0),
		"mount cgroup":   mount("cgroup2", "/tmp", "cgroup2", 0),
		"unmount":        func() error { return unix.Unmount("/proc", unix.MNT_DETACH) },
		"pivot":          func() error { return unix.PivotRoot("/", "/") },
		"mount_setattr": func() error {
			return unix.MountSetattr(unix.AT_FDCWD, "/dev/null", 0, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY})
		},
		"open_tree":         func() error { _, err := unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE); return err },
		"move_mount":        func() error { return unix.MoveMount(unix.AT_FDCWD, "/dev/null", unix.AT_FDCWD, "/tmp", 0) },
		"fsopen":            func() error { _, err := unix.Fsopen("tmpfs", 0); return err },
		"fspick":            func() error { _, err := unix.Fspick(unix.AT_FDCWD, "/", 0); return err },
		"out of a chroot":   outOfChroot,
		"file handle":       fileHandle,
		"namespaces":        each([]string{"user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"}, enterNamespace),
		"unshare":           unshareAny,
		"clone":             cloneAny,
		"clone3":            func() error { return call(unix.SYS_CLONE3) },
		"hostname":          func() error { return unix.Sethostname([]byte("stolen")) },
		"raise limits":      raiseLimits,
		"raise caps":        raiseCaps,
		"secure bits":       func() error { return unix.Prctl(unix.PR_SET_SECUREBITS, 0, 0, 0, 0) },
		"new program image": func() error { return unix.Prctl(unix.PR_SET_MM, 13, 0, 0, 0) }, // PR_SET_MM_EXE_FILE
	}
}

func call(nr uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, errno := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}

// outOfChroot is the classic: a descriptor from before, and upwards from it.
func outOfChroot() error {
	fd, err := unix.Open("/", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(unix.Mkdir("/tmp/jail", 0o755), unix.Chroot("/tmp/jail"), unix.Fchdir(fd)); err != nil {
		return err
	}
	for range 64 {
		_ = unix.Chdir("..")
	}
	_ = unix.Chroot(".")
	_, err = os.Stat(os.Getenv("CANARY"))
	return err
}

func fileHandle() error {
	h, _, err := unix.NameToHandleAt(unix.AT_FDCWD, "/", 0)
	if err != nil {
		h = unix.NewFileHandle(1, make([]byte, 8))
	}
	_, err = unix.OpenByHandleAt(unix.AT_FDCWD, h, unix.O_RDONLY)
	return err
}

func enterNamespace(kind string) error {
	fd, err := unix.Open("/proc/self/ns/"+kind, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Setns(fd, 0)
}

var namespaceFlags = []uintptr{
	unix.CLONE_NEWUSER, unix.CLONE_NEWNS, unix.CLONE_NEWPID, unix.CLONE_NEWNET,
	unix.CLONE_NEWIPC, unix.CLONE_NEWUTS, unix.CLONE_NEWCGROUP,
}

func unshareAny() error {
	for _, flag := range append(namespaceFlags, unix.CLONE_NEWTIME) {
		if err := unix.Unshare(int(flag)); err != unix.EPERM {
			return err
		}
	}
	return unix.EPERM
}

func cloneAny() error {
	for _, flag := range namespaceFlags {
		if err := call(unix.SYS_CLONE, flag|uintptr(unix.SIGCHLD)); err != unix.EPERM {
			return err
		}
	}
	return unix.EPERM
}

func raiseLimits() error {
	for _, limit := range []int{unix.RLIMIT_CORE, unix.RLIMIT_NPROC} {
		err := unix.Setrlimit(limit, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY})
		if err == nil {
			return nil
		}
	}
	return unix.EPERM
}

func raiseCaps() error {
	data := [2]unix.CapUserData{{Effective: ^uint32(0), Permitted: ^uint32(0)}, {Effective: 0x1ff, Permitted: 0x1ff}}
	return unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &data[0])
}

// forbidden are calls that the filter or the kernel refuses whatever they are told.
var forbidden = map[string]uintptr{
	"ptrace": unix.SYS_PTRACE, "process_vm_readv": unix.SYS_PROCESS_VM_READV, "process_vm_writev": unix.SYS_PROCESS_VM_WRITEV,
	"pidfd_getfd": unix.SYS_PIDFD_GETFD, "keyctl": unix.SYS_KEYCTL, "add_key": unix.SYS_ADD_KEY, "request_key": unix.SYS_REQUEST_KEY,
	"userfaultfd": unix.SYS_USERFAULTFD, "bpf": unix.SYS_BPF, "perf_event_open": unix.SYS_PERF_EVENT_OPEN,
	"io_uring_setup": unix.SYS_IO_URING_SETUP, "kexec_load": unix.SYS_KEXEC_LOAD, "kexec_file_load": unix.SYS_KEXEC_FILE_LOAD,
	"init_module": unix.SYS_INIT_MODULE, "finit_module": unix.SYS_FINIT_MODULE, "delete_module": unix.SYS_DELETE_MODULE,
	"reboot": unix.SYS_REBOOT, "swapon": unix.SYS_SWAPON, "swapoff": unix.SYS_SWAPOFF, "acct": unix.SYS_ACCT,
	"quotactl": unix.SYS_QUOTACTL, "quotactl_fd": unix.SYS_QUOTACTL_FD, "syslog": unix.SYS_SYSLOG,
	"settimeofday": unix.SYS_SETTIMEOFDAY, "clock_settime": unix.SYS_CLOCK_SETTIME, "clock_adjtime": unix.SYS_CLOCK_ADJTIME,
	"adjtimex": unix.SYS_ADJTIMEX, "fanotify_init": unix.SYS_FANOTIFY_INIT, "vhangup": unix.SYS_VHANGUP,
	"setdomainname": unix.SYS_SETDOMAINNAME, "move_pages": unix.SYS_MOVE_PAGES, "migrate_pages": unix.SYS_MIGRATE_PAGES,
	"lookup_dcookie": unix.SYS_LOOKUP_DCOOKIE, "open_by_handle_at": unix.SYS_OPEN_BY_HANDLE_AT, "nfsservctl": unix.SYS_NFSSERVCTL,
}

func processAttacks() map[string]attackFunc {
	all := map[string]attackFunc{
		"kill all":        func() error { return unix.Kill(-1, unix.SIGWINCH) }, // "-1" is all but oneself and PID 1
		"kill group":      func() error { return unix.Kill(-outsider(), unix.SIGTERM) },
		"kill outsider":   func() error { return unix.Kill(outsider(), unix.SIGTERM) },
		"renice outsider": func() error { return unix.Setpriority(unix.PRIO_PROCESS, outsider(), 19) },
		"renice the user": func() error { _ = unix.Setpriority(unix.PRIO_USER, os.Getuid(), 10); return errors.New("see outside") },
		"affinity":        func() error { return unix.SchedSetaffinity(outsider(), &unix.CPUSet{1}) },
		"limits":          func() error { return unix.Prlimit(outsider(), unix.RLIMIT_CPU, &unix.Rlimit{Cur: 1, Max: 1}, nil) },
		"io priority":     func() error { return call(unix.SYS_IOPRIO_SET, 1, uintptr(outsider()), 3<<13) },
		"pidfd":           func() error { _, err := unix.PidfdOpen(outsider(), 0); return err },
		"32 bit calls":    foreignCalls,
		"x32 calls":       func() error { return x32() },
	}
	for name, nr := range forbidden {
		all["call "+name] = func() error { return call(nr) }
	}
	return all
}

// outsider is a process of the test's, as the host counts.
func outsider() int { return number(os.Getenv("OUTSIDER")) }

// foreignCalls has another process make a system call by the 32-bit way, whose
// numbers mean other calls; the kernel ends it.
func foreignCalls() error {
	if runtime.GOARCH != "amd64" {
		return errors.New("killed")
	}
	err := exec.Command("/bin/inside", "int80").Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == unix.SIGSYS {
		return errors.New("killed")
	}
	return err
}

func x32() error {
	if runtime.GOARCH != "amd64" {
		return unix.ENOSYS
	}
	return call(unix.SYS_GETPID | 0x40000000)
}

func ipcAttacks() map[string]attackFunc {
	return map[string]attackFunc{
		"shared memory": func() error { _, err := unix.SysvShmGet(number(os.Getenv("SHM")), 0, 0); return err },
		"message queue": func() error {
			name, _ := unix.BytePtrFromString(strings.TrimPrefix(os.Getenv("QUEUE"), "/"))
			return call(unix.SYS_MQ_OPEN, ptr(name), unix.O_RDWR)
		},
		"posix shared": each([]string{"/dev/shm" + os.Getenv("QUEUE")}, openFor(unix.O_RDONLY)),
		"mqueue files": each([]string{fmt.Sprintf("/dev/mqueue%s", os.Getenv("QUEUE"))}, openFor(unix.O_RDONLY)),
	}
}
