package sandbox

import (
	"errors"
	"os"
	"strconv"
	"strings"
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

// restrict takes from this thread, for good, whatever the command is not to have, and
// limits it; the companion, if there is one, is limited likewise.
func (s *Spec) restrict(companion int) error {
	unix.Umask(0o022)
	if err := s.Limits.apply(companion); err != nil {
		return err
	}
	if err := s.forswear(); err != nil {
		return err
	}
	if err := scope(); err != nil {
		return failed(stepOther, err, "shutting off abstract sockets")
	}
	return failed(stepOther, installFilter(s.Limits.families()), "installing the system call filter")
}

// forswear takes from this thread its capabilities, and what would bring others.
func (s *Spec) forswear() error {
	var keep uint64
	if s.User == 0 && !s.Limits.NoCapabilities {
		for _, c := range keptCaps() {
			keep |= 1 << c
		}
	}
	if err := dropCaps(keep); err != nil {
		return failed(stepOther, err, "dropping capabilities")
	}
	return failed(stepOther, unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "forbidding new privileges")
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
func (l Limits) apply(companion int) error {
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
			if err == nil && companion != 0 {
				err = unix.Prlimit(companion, limit.resource, &unix.Rlimit{Cur: v, Max: v}, nil)
			}
		}
		if err != nil {
			return failed(stepOther, err, "limiting %s", limit.name)
		}
	}
	return failed(stepOther, l.pin(companion), "limiting processors")
}

// pin leaves this thread, what is executed or forked of it, and the companion the first
// processors of those that it may use.
func (l Limits) pin(companion int) error {
	if l.CPUs == 0 {
		return nil
	}
	var may, will unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		return err
	}
	for cpu := 0; cpu < len(may)*64 && will.Count() < l.CPUs; cpu++ {
		if may.IsSet(cpu) {
			will.Set(cpu)
		}
	}
	err := unix.SchedSetaffinity(0, &will)
	if companion != 0 {
		err = errors.Join(err, unix.SchedSetaffinity(companion, &will)) // its thread that executes
	}
	return err
}

// raiseFiles has a process that is to open more files than this one may be allowed to,
// as far as the kernel lets us: what it refuses, the init makes do without.
func raiseFiles(pid int, want uint64) {
	var has unix.Rlimit
	if unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &has) != nil || want <= has.Max {
		return
	}
	most, err := os.ReadFile("/proc/sys/fs/nr_open")
	if err != nil {
		return
	}
	if n, err := strconv.ParseUint(strings.TrimSpace(string(most)), 10, 64); err == nil {
		want = min(want, n)
		_ = unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: want, Max: want}, nil)
	}
}
