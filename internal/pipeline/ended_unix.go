//go:build unix

package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"dram/internal/sandbox"
)

// A step may end because of this machine and not because of the project: the
// kernel ends what grows past a limit, and what there is no memory for.

// machine is what tells of such ends.
type machine struct {
	fileSize, cpuTime uint64 // limits, in bytes and seconds; 0 if there is none
	oomKills          int    // processes that the kernel has ended for want of memory, since the machine started
}

func thisMachine() machine {
	return machine{fileSize: limitOf(syscall.RLIMIT_FSIZE), cpuTime: limitOf(syscall.RLIMIT_CPU), oomKills: oomKills()}
}

func limitOf(resource int) uint64 {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(resource, &l); err != nil || l.Cur >= math.MaxInt64 {
		return 0
	}
	return l.Cur
}

// oomKills is the kernel's own count; cgroups' limits count, too.
func oomKills() int {
	raw, _ := os.ReadFile("/proc/vmstat")
	_, rest, _ := strings.Cut(string(raw), "\noom_kill ")
	line, _, _ := strings.Cut(rest, "\n")
	n, _ := strconv.Atoi(line)
	return n
}

// endOf is how a command ended, as shells say it: 128 and the signal, or the
// exit code, which may be the shell's about its own child.
func endOf(err error) int {
	if e, ok := errors.AsType[*sandbox.ExitError](err); ok {
		return e.Code
	}
	e, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return 0
	}
	if status, ok := e.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return e.ExitCode()
}

// blame says what of this machine ended the step, and what to do; "" if nothing
// did. before is the machine as it was when the step began.
func (m machine) blame(failed error, output []byte, before machine) (why, hint string) {
	end := endOf(failed)
	signal := func(s syscall.Signal) bool { return end == 128+int(s) }
	says := func(texts ...string) bool {
		lower := bytes.ToLower(output)
		for _, t := range texts {
			if bytes.Contains(lower, []byte(t)) {
				return true
			}
		}
		return false
	}
	switch {
	case m.fileSize > 0 && (signal(syscall.SIGXFSZ) || says("file size limit exceeded", "file too large")):
		return fmt.Sprintf("a file grew past %d bytes, the limit of this machine for dram (ulimit -f)", m.fileSize),
			"raise the limit on the size of files for whatever starts dram: ulimit -f unlimited"
	case m.cpuTime > 0 && (signal(syscall.SIGXCPU) || signal(syscall.SIGKILL) || says("cpu time limit exceeded")):
		return fmt.Sprintf("a process used up its %d seconds of processor time, the limit of this machine for dram (ulimit -t)", m.cpuTime),
			"raise the limit on processor time for whatever starts dram: ulimit -t unlimited"
	case m.oomKills > before.oomKills && (signal(syscall.SIGKILL) || says("killed")):
		return "out of memory: the kernel killed a process of this machine while the step ran",
			"give this machine, or dram's container or cgroup, more memory, or build less at the same time"
	case signal(syscall.SIGKILL):
		return "it was killed from outside (SIGKILL)",
			"run dram again; if it stays, see who kills it: most often it is a limit on memory, of the machine, a container or a cgroup"
	}
	return "", ""
}
