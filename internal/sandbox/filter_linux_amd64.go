package sandbox

import "golang.org/x/sys/unix"

const (
	auditArch  = unix.AUDIT_ARCH_X86_64
	foreignBit = 0x40000000 // the x32 ABI's numbers
)

func archRules() []rule {
	out := []rule{
		{nr: unix.SYS_CHOWN, ret: retPretend},
		{nr: unix.SYS_LCHOWN, ret: retPretend},
		{nr: unix.SYS_MKNOD, ret: retPretend, arg: 1, mask: unix.S_IFMT, values: []uint32{unix.S_IFCHR, unix.S_IFBLK}},
	}
	for _, nr := range []uint32{unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_MODIFY_LDT, unix.SYS_USELIB} {
		out = append(out, rule{nr: nr, ret: retEPERM})
	}
	return out
}
