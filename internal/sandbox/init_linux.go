package sandbox

import (
	"encoding/gob"
	"errors"
	"math"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Main makes this process the init of a sandbox, if Run or Preconditions
// started it as one, and does not return then. It must be the first thing that
// main and TestMain call.
func Main() {
	if len(os.Args) == 1 && os.Args[0] == companionName && os.Getppid() == 1 {
		syscall.Exit(companionMain())
	}
	if len(os.Args) != 1 || os.Args[0] != initName || os.Getpid() != 1 {
		return
	}
	// Capabilities, no_new_privs and the filter are a thread's own; what is
	// executed or forked gets those of the thread that does it.
	runtime.LockOSThread()
	syscall.Exit(initMain()) // os.Exit would run what the program hooked into its end
}

func initMain() int {
	in := os.NewFile(jobFD, "job")
	out := gob.NewEncoder(os.NewFile(reportFD, "report"))
	tell := func(r report) { _ = out.Encode(r) } // a caller that is gone takes us with it
	var j job
	if err := gob.NewDecoder(in).Decode(&j); err != nil {
		return 1
	}
	_ = in.Close()
	last := reportFD
	if j.Beside {
		last = besideFD
	}
	closeInherited(last)
	if j.Probe {
		tell(report{Probes: tryAll(j.Spec.Scratch)})
		return 0
	}
	j.Spec.Limits.closed = j.Closed
	code, err := j.run(tell)
	if err != nil {
		tell(report{Failure: toFailure(err)})
	}
	return code
}

// closeInherited closes what the caller's own parents left open by accident:
// it would be a way out of the sandbox. The Go runtime's descriptors, which are
// closed on exec, stay, and so do those up to last, which are its own.
func closeInherited(last int) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return // close-on-exec below still holds
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd <= last {
			continue
		}
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
}

// run sets the sandbox up around this process and becomes the command, or with
// Reap starts it. The code is the init's exit code.
func (j *job) run(tell func(report)) (int, error) {
	s := &j.Spec
	companion := 0
	if j.Beside {
		var err error
		if companion, err = s.startCompanion(); err != nil {
			return 1, err
		}
	}
	if err := s.enter(); err != nil {
		return 1, err
	}
	if err := unix.Chdir(s.Dir); err != nil {
		return 1, failed(stepOther, err, "entering working directory %s", s.Dir)
	}
	file, err := s.lookUp()
	if err != nil {
		return 1, err
	}
	if err := s.restrict(companion); err != nil {
		return 1, err
	}
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return 1, failed(stepOther, err, "closing descriptors")
	}
	if s.Reap {
		return s.reap(file, tell)
	}
	tell(report{Started: true})
	err = syscall.Exec(file, s.Argv, s.Env) //nolint:gosec // running the command is this package's purpose
	return 1, notExecuted(file, err)
}

// reap starts the command as a child and ends when it does; every other process
// of the sandbox ends with PID 1.
func (s *Spec) reap(file string, tell func(report)) (int, error) {
	// The init's other threads keep the capabilities it was born with; this
	// keeps the sandbox's processes out of its memory and descriptors.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return 1, failed(stepOther, err, "protecting the init")
	}
	signals := make(chan os.Signal, 16)
	forward := []os.Signal{unix.SIGTERM, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2}
	held := []os.Signal{unix.SIGINT, unix.SIGQUIT, unix.SIGWINCH}
	if s.Foreground {
		signal.Notify(make(chan os.Signal, 1), held...) // the terminal sends them to the whole group
	} else {
		forward = append(forward, held...)
	}
	signal.Notify(signals, forward...)
	tell(report{Started: true}) // signals are kept from here on
	pid, err := syscall.ForkExec(file, s.Argv, &syscall.ProcAttr{Env: s.Env, Files: []uintptr{0, 1, 2}})
	if err != nil {
		return 1, notExecuted(file, err)
	}
	releaseStdio()
	go func() {
		for sig := range signals {
			if number, ok := sig.(syscall.Signal); ok {
				_ = syscall.Kill(pid, number) // it may just have ended
			}
		}
	}()
	ws, err := waitFor(pid)
	switch {
	case err != nil:
		return 1, failed(stepOther, err, "waiting for the command")
	case ws.Signaled():
		tell(report{Signal: int(ws.Signal())})
		return 128 + int(ws.Signal()), nil
	}
	return ws.ExitStatus(), nil
}

// waitFor waits for the end of pid and meanwhile reaps all others.
func waitFor(pid int) (ws syscall.WaitStatus, err error) {
	for {
		got, err := syscall.Wait4(-1, &ws, 0, nil)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return ws, err
		}
		if err == nil && got == pid && (ws.Exited() || ws.Signaled()) {
			return ws, nil
		}
	}
}

// releaseStdio lets go of the command's files, so that whoever reads its output
// sees it end.
func releaseStdio() {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	for fd := range 3 {
		_ = unix.Dup3(null, fd, 0)
	}
	_ = unix.Close(null)
}
