package sandbox

import (
	"errors"
	"math/bits"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What the filter answers.
const (
	retAllow   = unix.SECCOMP_RET_ALLOW
	retPretend = unix.SECCOMP_RET_ERRNO // success, and nothing done
	retEPERM   = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	retENOSYS  = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)

	retNoFamily = unix.SECCOMP_RET_ERRNO | uint32(unix.EAFNOSUPPORT)
)

// rule is what the filter does about one system call. With a mask it concerns
// only calls whose argument arg has, masked, one of values; without values,
// those that have any bit of the mask. With others it concerns the calls whose
// argument is none of them. Only the low 32 bits are looked at, as the kernel
// looks at no more of these arguments.
type rule struct {
	nr     uint32
	ret    uint32
	arg    uint32
	mask   uint32
	values []uint32
	others []uint32
}

const newNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET |
	unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

const sysOpenTreeAttr = 467 // not named in x/sys/unix on every architecture yet

// rules are those of every architecture; archRules are the others.
func rules(families []uint32) []rule {
	// Package scripts, tar and install give files to users that this namespace
	// does not have, and make devices. That they "succeed" is what lets them work.
	out := []rule{
		{nr: unix.SYS_FCHOWN, ret: retPretend},
		{nr: unix.SYS_FCHOWNAT, ret: retPretend},
		{nr: unix.SYS_SETGROUPS, ret: retPretend},
		{nr: unix.SYS_MKNODAT, ret: retPretend, arg: 2, mask: unix.S_IFMT, values: []uint32{unix.S_IFCHR, unix.S_IFBLK}},
		{nr: unix.SYS_CLONE, ret: retEPERM, arg: 0, mask: newNamespaces},
		{nr: unix.SYS_UNSHARE, ret: retEPERM, arg: 0, mask: newNamespaces | unix.CLONE_NEWTIME},
		{nr: unix.SYS_CLONE3, ret: retENOSYS}, // its flags are out of sight; libraries fall back to clone
		// Families of sockets that no network namespace holds back (AF_VSOCK leads
		// to the machine around this one), or that no build or server uses and that
		// have been the kernel's weak spots.
		{nr: unix.SYS_SOCKET, ret: retNoFamily, arg: 0, others: families},
		// Typing for the person at the terminal.
		{nr: unix.SYS_IOCTL, ret: retEPERM, arg: 1, mask: ^uint32(0), values: []uint32{unix.TIOCSTI, unix.TIOCLINUX}},
	}
	for _, nr := range []uint32{unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER} {
		out = append(out, rule{nr: nr, ret: retENOSYS}) // would go round this filter
	}
	for _, nr := range deniedCalls() {
		out = append(out, rule{nr: nr, ret: retEPERM})
	}
	return append(out, archRules()...)
}

// families are those of sockets that a process may have.
func (l Limits) families() []uint32 {
	out := []uint32{unix.AF_UNSPEC, unix.AF_UNIX, unix.AF_INET, unix.AF_NETLINK, unix.AF_PACKET}
	if !l.NoIPv6 {
		out = append(out, unix.AF_INET6)
	}
	return out
}

// deniedCalls need capabilities that are gone, or are of no use to a build and
// have been the kernel's weak spots.
func deniedCalls() []uint32 {
	return []uint32{
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE,
		sysOpenTreeAttr, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK,
		unix.SYS_MOUNT_SETATTR, unix.SYS_SETNS, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_REBOOT,
		unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE,
		unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_BPF,
		unix.SYS_PERF_EVENT_OPEN, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
		unix.SYS_PIDFD_GETFD, unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_USERFAULTFD,
		unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_ACCT, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD, unix.SYS_SYSLOG,
		unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX,
		unix.SYS_MOVE_PAGES, unix.SYS_MIGRATE_PAGES, unix.SYS_FANOTIFY_INIT, unix.SYS_VHANGUP,
		unix.SYS_LOOKUP_DCOOKIE, unix.SYS_NFSSERVCTL,
	}
}

// Where seccomp_data has what the filter reads.
const (
	offNr   = 0
	offArch = 4
	offArgs = 16 // 8 bytes each, little endian on both architectures
)

// program is the rules as BPF.
func program(rules []rule) []unix.SockFilter {
	load := func(off uint32) unix.SockFilter { return stmt(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, off) }
	out := []unix.SockFilter{
		load(offArch),
		jump(unix.BPF_JEQ, auditArch, 1, 0),
		stmt(unix.BPF_RET, unix.SECCOMP_RET_KILL_PROCESS), // numbers mean other calls there
		load(offNr),
	}
	if foreignBit != 0 {
		out = append(out, jump(unix.BPF_JSET, foreignBit, 0, 1), stmt(unix.BPF_RET, retENOSYS))
	}
	for _, r := range rules {
		body := r.body(load)
		out = append(out, jump(unix.BPF_JEQ, r.nr, 0, uint8(len(body)))) //nolint:gosec // a few instructions
		out = append(out, body...)
	}
	return append(out, stmt(unix.BPF_RET, retAllow))
}

// body is what is done once the number is the rule's; it always returns.
func (r rule) body(load func(uint32) unix.SockFilter) []unix.SockFilter {
	if len(r.others) > 0 {
		out := []unix.SockFilter{load(offArgs + 8*r.arg)}
		for _, v := range r.others {
			out = append(out, jump(unix.BPF_JEQ, v, 0, 1), stmt(unix.BPF_RET, retAllow))
		}
		return append(out, stmt(unix.BPF_RET, r.ret))
	}
	if r.mask == 0 {
		return []unix.SockFilter{stmt(unix.BPF_RET, r.ret)}
	}
	out := []unix.SockFilter{load(offArgs + 8*r.arg)}
	if len(r.values) == 0 {
		out = append(out, jump(unix.BPF_JSET, r.mask, 0, 1), stmt(unix.BPF_RET, r.ret))
	} else {
		out = append(out, stmt(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, r.mask))
	}
	for _, v := range r.values {
		out = append(out, jump(unix.BPF_JEQ, v, 0, 1), stmt(unix.BPF_RET, r.ret))
	}
	return append(out, stmt(unix.BPF_RET, retAllow))
}

func stmt(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }

func jump(test uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, K: k, Jt: yes, Jf: no}
}

// installFilter puts the filter on this thread and on what it executes or forks.
func installFilter(families []uint32) error {
	if bits.UintSize != 64 {
		return errors.New("only 64-bit architectures are known")
	}
	code := program(rules(families))
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0,
		uintptr(unsafe.Pointer(&prog))) //nolint:gosec // seccomp(2) takes a pointer
	if errno != 0 {
		return errno
	}
	return nil
}
