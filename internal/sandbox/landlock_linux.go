package sandbox

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Abstract unix sockets belong to a network namespace and have neither owner nor
// mode: who has the host's network reaches those of every process of the host.
// Landlock's scopes shut them off, and signals with them, from Linux 6.12 on.

// scopesABI is the version of Landlock that has scopes.
const scopesABI = 6

// landlockABI is what this kernel's Landlock can do.
func landlockABI() (int, error) {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0, errno
	}
	return int(abi), nil
}

// scope keeps this thread and what comes of it to the abstract sockets and
// processes of its own, where the kernel can.
func scope() error {
	abi, err := landlockABI()
	if err != nil || abi < scopesABI {
		return nil //nolint:nilerr // Preconditions says so
	}
	attr := unix.LandlockRulesetAttr{Scoped: unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), //nolint:gosec // it takes a pointer
		unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return errno
	}
	_, _, errno = unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0)
	_ = unix.Close(int(fd))
	if errno != 0 {
		return errno
	}
	return nil
}

// scopes says what landlockABI found.
func scopes(abi int, err error) Precondition {
	p := Precondition{
		Name: "abstract sockets", Optional: true,
		Remedy: "Linux 6.12 or newer shuts them off; or give the steps that fetch a network of their own: --build-network isolated",
	}
	why := ""
	switch {
	case err == nil && abi >= scopesABI:
		return Precondition{
			Name: p.Name, OK: true, Optional: true,
			Detail: fmt.Sprintf("scoped: steps with the host's network do not reach them (Landlock, ABI %d)", abi),
		}
	case err == nil:
		why = fmt.Sprintf("this kernel's Landlock has ABI %d, scopes came with %d", abi, scopesABI)
	case errors.Is(err, unix.EOPNOTSUPP):
		why = "this kernel has Landlock, but it was not switched on"
		p.Remedy = "add landlock to the kernel's lsm= parameter (Linux 6.12 or newer); or give the steps that fetch a network of their own: " +
			"--build-network isolated"
	case errors.Is(err, unix.ENOSYS):
		why = "this kernel has no Landlock"
	default:
		why = "Landlock is forbidden here: " + err.Error()
	}
	p.Detail = "not scoped: steps with the host's network reach them (" + why + ")"
	return p
}
