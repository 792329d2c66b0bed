package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"dram/internal/problem"
)

// step is a part of the set-up whose failures have causes of their own.
type step int

const (
	stepOther   step = iota
	stepSource       // opening a Mount's source
	stepOverlay      // mounting the root
	stepInner        // something is mounted where it must not be
	stepProc         // mounting /proc
	stepCommand      // looking up and executing the command
)

// failure is an error of the init, in a form that goes over a pipe.
type failure struct {
	Step  step
	What  string // gerund and object: "mounting tmpfs on /tmp"
	Errno syscall.Errno
	Why   string // what Errno does not say
	Code  int    // exit code, of stepCommand
}

func (f *failure) Error() string {
	if f.Why != "" {
		return f.What + ": " + f.Why
	}
	return f.What + ": " + f.Errno.Error()
}

func failed(s step, err error, what string, args ...any) error {
	if err == nil {
		return nil
	}
	f := &failure{Step: s, What: fmt.Sprintf(what, args...)}
	if !errors.As(err, &f.Errno) {
		f.Why = err.Error()
	}
	return f
}

// toFailure is err for the report.
func toFailure(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	return &failure{What: "setting up the sandbox", Why: err.Error()}
}

// explain is the failure for the person, with the remedy.
func (f *failure) explain() error {
	if f.Step == stepCommand {
		return &ExitError{Code: f.Code, Why: f.Error()}
	}
	kind, hint := problem.Environment, ""
	denied := f.Errno == unix.EPERM || f.Errno == unix.EACCES
	switch {
	case f.Errno == unix.ENOSPC || f.Errno == unix.EDQUOT:
		hint = "free some disk space, or point DRAM_CACHE_DIR (or --cache-dir) to a larger disk"
	case f.Errno == unix.ENOSYS:
		hint = "dram's sandbox needs Linux 5.12 or newer: build on another machine"
	case f.Step == stepProc && denied:
		hint = procHint
	case f.Step == stepSource:
		hint = againHint
	case denied:
		_, hint = whyDenied()
	case f.Step == stepInner:
		hint = "unmount it and run dram again"
	case f.Step == stepOverlay:
		hint = overlayHint
	default:
		kind = problem.Failure
	}
	return problem.New(kind, hint, "setting up the sandbox: %w", f)
}

const (
	procHint = "this looks like a container whose /proc is masked: start it with --security-opt systempaths=unconfined " +
		"--security-opt seccomp=unconfined --security-opt apparmor=unconfined (Kubernetes: procMount: Unmasked)"
	overlayHint = "point DRAM_CACHE_DIR (or --cache-dir) to a directory on ext4, xfs, btrfs or tmpfs, " +
		"not on a network or overlay file system; Linux 5.12 or newer is needed"
)

// explainStart is why the init's process could not be made.
func explainStart(err error) error {
	if err == nil {
		return nil
	}
	var errno syscall.Errno
	errors.As(err, &errno)
	why, hint := "", ""
	switch errno {
	case unix.EPERM, unix.EACCES:
		why, hint = whyDenied()
	case unix.ENOSPC, unix.EUSERS:
		why = "the limit on user namespaces is reached (user.max_user_namespaces = " + sysctl("user/max_user_namespaces") + ")"
		hint = "sudo sysctl -w user.max_user_namespaces=15000"
	case unix.EINVAL, unix.ENOSYS:
		why = "this kernel has no user namespaces"
		hint = "use a kernel with CONFIG_USER_NS"
	case unix.ENOENT:
		why, hint = "/proc is not mounted", "mount it: mount -t proc proc /proc"
	case unix.EAGAIN, unix.ENOMEM:
		why, hint = "too many processes or too little memory", "raise `ulimit -u`, or end other processes"
	default:
		return fmt.Errorf("making the sandbox's namespaces: %w", err)
	}
	return problem.New(problem.Environment, hint, "making the sandbox's namespaces: %s: %w", why, errno)
}

// whyDenied is why this user may not make user namespaces or mount in one.
func whyDenied() (why, hint string) {
	ordinary := os.Geteuid() != 0
	switch {
	case ordinary && sysctl("kernel/unprivileged_userns_clone") == "0":
		return "kernel.unprivileged_userns_clone = 0 forbids user namespaces to ordinary users",
			"sudo sysctl -w kernel.unprivileged_userns_clone=1, or run dram as root"
	case sysctl("user/max_user_namespaces") == "0":
		return "user.max_user_namespaces = 0 forbids user namespaces", "sudo sysctl -w user.max_user_namespaces=15000"
	case ordinary && sysctl("kernel/apparmor_restrict_unprivileged_userns") == "1":
		return "kernel.apparmor_restrict_unprivileged_userns = 1: AppArmor takes all rights from ordinary users' namespaces",
			"sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or give dram an AppArmor profile " +
				"with `userns,`, or run dram as root"
	}
	return "a security policy forbids it; most often that of a container, or this is a chroot",
		"in a container: --security-opt seccomp=unconfined --security-opt apparmor=unconfined " +
			"--security-opt systempaths=unconfined"
}

// sysctl is a kernel setting, "" if this kernel has none of the name.
func sysctl(name string) string {
	raw, err := os.ReadFile("/proc/sys/" + name) //nolint:gosec // the names above
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}
