// Package sandbox runs one process in a Linux sandbox of its own, as root or
// as an ordinary user, without any daemon or helper program: user, mount, PID,
// IPC, UTS and (unless it may use the network) network namespaces, a root made
// of read-only directories with an overlay on top, pivot_root, a minimal /dev,
// a fresh /proc, no new privileges, no capabilities beyond those a build as
// "root" needs inside its own user namespace, resource limits.
//
// One user id exists inside (Spec.User), mapped to the caller. Everything in
// the sandbox is owned by it; changing owners succeeds without effect, so that
// package scripts and tar, which expect root, do their work.
package sandbox

import (
	"fmt"
	"io"
	"time"
)

// Network says what of the network a process reaches.
type Network int

const (
	Loopback Network = iota // its own loopback interface, up, and nothing else
	Host                    // the host's network, with its resolv.conf and hosts
	// Isolated is a network of its own that leads, over IPv4, to public addresses
	// and not to this machine's own nor to those of private networks. It needs
	// slirp4netns.
	Isolated
)

// Mount shows a host directory or file inside. The place is made in the
// overlay if it is not there.
type Mount struct {
	Source   string // absolute, on the host
	Target   string // absolute, inside
	ReadOnly bool
}

// Limits are resource limits; zero means the default given.
type Limits struct {
	OpenFiles uint64 // RLIMIT_NOFILE, default 65536 (an unbounded one makes the VM reserve gigabytes)
	Processes uint64 // RLIMIT_NPROC, default 8192
	// Core is RLIMIT_CORE in bytes. The default is 1, which is no core file, and
	// keeps the kernel from handing crashes to the host's handler, should
	// kernel.core_pattern name one: that runs as root, outside, on what a step
	// left in its memory. A limit of 0 does not.
	Core uint64
	// CPUs is how many processors it may use, by affinity; 0 is all.
	CPUs int
	// NoCapabilities leaves root none either. Without it, and with a network of its
	// own, ports below 1024 are for all users, as in containers of Docker.
	NoCapabilities bool
	// NoIPv6 has the kernel know no sockets of IPv6, as where it was started with
	// ipv6.disable=1.
	NoIPv6 bool

	closed []string // networks that are to be unreachable, told to the init
}

// Spec is one process and the sandbox around it.
type Spec struct {
	// Lower holds the root's read-only directories, the topmost first. Writes
	// go to an overlay that is thrown away, unless Upper is set.
	Lower []string
	// Upper, if set, is a directory that keeps what is written (the overlay's
	// upper directory); it must be on Scratch's file system.
	Upper string
	// Root, if set instead of Lower, is a directory that is itself the root and
	// is written to.
	Root string
	// Scratch is an empty directory of the caller's for overlay work files; the
	// caller removes it.
	Scratch string
	// ReadOnly makes the root read-only (mounts and tmpfs aside).
	ReadOnly bool

	Mounts []Mount
	// Files are shown read-only at their places inside; they are never on a disk.
	Files map[string][]byte
	Tmpfs []string // places inside that get a fresh tmpfs (/tmp and /run always do)

	Argv     []string // Argv[0] is looked up in PATH of Env, inside
	Env      []string // the whole environment, "K=V"
	Dir      string   // working directory inside, default "/"
	User     int      // the user id inside, default 0
	Group    int      // the group id inside, default 0
	Network  Network
	Hostname string // default "dram"
	Limits   Limits

	// Reap puts a small init at PID 1 that starts the process as its child,
	// forwards signals to it, reaps orphans and ends with it: for builds, whose
	// tools neither reap nor expect to be PID 1. Otherwise the process itself is
	// PID 1, as in a container.
	Reap bool

	Stdio
	// Grace is how long the process has between SIGTERM (sent when the context
	// is done) and SIGKILL; default 10 s.
	Grace time.Duration
}

// Stdio is what a process reads and where it writes.
type Stdio struct {
	Stdin          io.Reader // nil: /dev/null
	Stdout, Stderr io.Writer // nil: discarded
	// Foreground hands the caller's terminal (Stdin) to the process until it
	// ends, for interactive commands. Otherwise the process has a session of its
	// own without a terminal, so that Ctrl-C reaches dram alone and nothing in
	// the sandbox can ask the person at the terminal.
	Foreground bool
}

// ExitError is how a process ended that did not exit with 0.
type ExitError struct {
	Code   int    // exit code, or 128 + signal
	Signal string // the signal's name if one ended it, else ""
	Why    string // why it could not be started, as a shell would say; "" if it ran
}

func (e *ExitError) Error() string {
	if e.Why != "" {
		return e.Why
	}
	if e.Signal != "" {
		return fmt.Sprintf("ended by signal %s", e.Signal)
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// Precondition is one thing the sandbox needs of this machine.
type Precondition struct {
	Name   string // "user namespaces"
	OK     bool
	Detail string // what was found
	Remedy string // what to do if it is not OK
	// Optional says that the sandbox works without it, less tight.
	Optional bool
}
