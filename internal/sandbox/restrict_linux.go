package sandbox

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// keptCaps are what a build as root uses inside its own namespace; nothing of
// the host is within their reach. Other users have none.
func keptCaps() []int {
	return []int{
		unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL,
		unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_NET_BIND_SERVICE,
		unix.CAP_SYS_CHROOT, // dpkg runs maintainer scripts in one
	}
}

// restrict takes from this thread, for good, whatever the command is not to have.
func (s *Spec) restrict() error {
	unix.Umask(0o022)
	if err := s.Limits.apply(); err != nil {
		return err
	}
	var keep uint64
	if s.User == 0 {
		for _, c := range keptCaps() {
			keep |= 1 << c
		}
	}
	if err := dropCaps(keep); err != nil {
		return failed(stepOther, err, "dropping capabilities")
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return failed(stepOther, err, "forbidding new privileges")
	}
	if err := scope(); err != nil {
		return failed(stepOther, err, "shutting off abstract sockets")
	}
	return failed(stepOther, installFilter(), "installing the system call filter")
}

// dropCaps leaves the capabilities in keep and makes others unreachable.
func dropCaps(keep uint64) error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return err
	}
	for c := range uintptr(64) {
		if keep&(1<<c) != 0 {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) && c > 0 {
			break // past the last that this kernel knows
		}
		if err != nil {
			return err
		}
	}
	lo, hi := uint32(keep), uint32(keep>>32) //nolint:gosec // the two halves
	data := [2]unix.CapUserData{
		{Effective: lo, Permitted: lo},
		{Effective: hi, Permitted: hi},
	}
	return unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &data[0])
}

// apply sets the limits, as far as the caller's own hard limits let it.
func (l Limits) apply() error {
	limits := []struct {
		name     string
		resource int
		value    uint64
	}{
		{"open files", unix.RLIMIT_NOFILE, l.OpenFiles},
		{"processes", unix.RLIMIT_NPROC, l.Processes},
		{"core files", unix.RLIMIT_CORE, l.Core},
	}
	for _, limit := range limits {
		var old syscall.Rlimit
		err := syscall.Getrlimit(limit.resource, &old)
		if err == nil {
			v := min(limit.value, old.Max)
			// The syscall package's own, so that its exec does not restore what
			// the Go runtime found at start.
			err = syscall.Setrlimit(limit.resource, &syscall.Rlimit{Cur: v, Max: v})
		}
		if err != nil {
			return failed(stepOther, err, "limiting %s", limit.name)
		}
	}
	return nil
}
