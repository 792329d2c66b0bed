package sandbox

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// initName is argv[0] of a process that Main turns into a sandbox's init.
const initName = "dram-sandbox-init"

// The init's descriptors besides the process's own three.
const (
	jobFD    = 3 // the job is read from it
	reportFD = 4 // reports are written to it
)

// job is what the init is told. It goes over a pipe: an argument or variable
// could be read by any process of the machine.
type job struct {
	Spec  Spec // its readers and writers are nil
	Probe bool // try what Preconditions asks for, run nothing
	// Closed lists the networks that are to be unreachable.
	Closed []string
	Beside bool // leave a companion behind
}

// report is what the init tells.
type report struct {
	Started bool // the process is about to run
	Failure *failure
	Signal  int // the signal that ended the process, told by a reaping init
	Probes  []probe
}

// Run runs one process in a sandbox of its own and waits for its end. The
// error is or wraps an *ExitError if the process failed, and wraps ctx.Err() if
// it was stopped because ctx was done: then with an *ExitError too, of code 0 if
// it ended well, unless it had not begun. Nothing of the sandbox outlives Run, nor
// a caller that is killed.
func Run(ctx context.Context, spec Spec) error { return run(ctx, spec, nil) }

func run(ctx context.Context, spec Spec, attend func(context.Context, *Beside)) error {
	spec, err := complete(spec)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("running %s: %w", spec.Argv[0], ctx.Err())
	}
	tidy := placeholders(spec)
	defer tidy()
	defer clearScratch(spec)

	// The kernel kills the sandbox when the thread that made it ends, so this
	// goroutine keeps its thread until the sandbox is gone.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c, err := start(ctx, job{Spec: spec, Beside: attend != nil}, stdio{spec.Stdin, spec.Stdout, spec.Stderr})
	if err != nil {
		return fmt.Errorf("running %s: %w", spec.Argv[0], err)
	}
	end := c.attended(ctx, attend)
	err = c.wait(ctx, spec.Grace)
	end()
	if err != nil {
		return fmt.Errorf("running %s: %w", spec.Argv[0], err)
	}
	return nil
}

type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// child is a started init.
type child struct {
	cmd     *exec.Cmd
	reports *os.File
	started chan struct{} // closed when the process runs or never will
	heard   chan report   // gives all reports as one, once the init is silent
	restore func()        // takes the terminal back
	outlet  *outlet       // of an isolated network, or nil
	line    net.Conn      // to the companion, or nil
}

// start makes the namespaces with the init in them and hands it the job.
func start(ctx context.Context, j job, std stdio) (*child, error) {
	jobR, jobW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	reportR, reportW, err := os.Pipe()
	if err != nil {
		_, _ = jobR.Close(), jobW.Close()
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	c := &child{reports: reportR, started: make(chan struct{}), heard: make(chan report, 1)}
	extra := []*os.File{jobR, reportW}
	if j.Beside {
		own, other, err := line()
		if err != nil {
			return nil, errors.Join(err, jobR.Close(), jobW.Close(), reportR.Close(), reportW.Close())
		}
		c.line, extra = own, append(extra, other)
	}
	cmd, feed, err := startInit(ctx, j.Spec, std, extra)
	for _, f := range extra {
		_ = f.Close()
	}
	if err != nil {
		_, _ = jobW.Close(), reportR.Close()
		c.hangUp()
		return nil, err
	}
	c.cmd = cmd
	raiseFiles(cmd.Process.Pid, j.Spec.Limits.OpenFiles)
	if err := c.isolate(ctx, &j); err != nil {
		_ = cmd.Process.Kill()
		feed(false)
		_, _, _ = cmd.Wait(), jobW.Close(), reportR.Close()
		c.hangUp()
		return nil, err
	}
	feed(true)
	c.restore = c.handTerminal(j.Spec)
	go send(jobW, j)
	go c.listen()
	return c, nil
}

// startInit executes the init in its namespaces. feed begins to feed its input.
func startInit(ctx context.Context, spec Spec, std stdio, extra []*os.File) (cmd *exec.Cmd, feed func(bool), err error) {
	path, done, err := ownProgram()
	if err != nil {
		return nil, nil, err
	}
	cmd, feed, err = initOf(ctx, path, spec, std, extra)
	done()
	if !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.ENOENT) {
		return cmd, feed, explainStart(err)
	}
	// The namespace's root may not go everywhere that this user may.
	path, done, errCopy := ownProgramCopy()
	if errCopy != nil {
		return nil, nil, explainStart(err)
	}
	defer done()
	cmd, feed, err = initOf(ctx, path, spec, std, extra)
	return cmd, feed, explainStart(err)
}

func initOf(ctx context.Context, path string, spec Spec, std stdio, extra []*os.File) (*exec.Cmd, func(bool), error) {
	// Ending the process when ctx is done is wait's work.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), path) //nolint:gosec // this program itself
	cmd.Args = []string{initName}
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = std.out, std.err
	cmd.ExtraFiles = extra
	cmd.SysProcAttr = namespaces(spec)
	stdin, feed, err := input(std.in)
	if err != nil {
		return nil, nil, err
	}
	cmd.Stdin = stdin
	if err := cmd.Start(); err != nil {
		feed(false)
		return nil, nil, err
	}
	return cmd, feed, nil
}

// input is what the process gets as standard input: a file itself, of another
// reader a pipe. The pipe is fed beside the wait for the process and not, as
// os/exec would, waited for: a reader may block for ever.
func input(r io.Reader) (f io.Reader, feed func(started bool), err error) {
	if file, ok := r.(*os.File); ok || r == nil {
		if file == nil {
			return nil, func(bool) {}, nil
		}
		return file, func(bool) {}, nil
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		return nil, func(bool) {}, fmt.Errorf("making a pipe: %w", err)
	}
	return pr, func(started bool) {
		_ = pr.Close()
		if !started {
			_ = pw.Close()
			return
		}
		go func() {
			_, _ = io.Copy(pw, r) // a process need not read its input
			_ = pw.Close()
		}()
	}, nil
}

// namespaces are the attributes of the init's process. Only one id is mapped,
// also for root, so that results do not depend on who calls.
func namespaces(spec Spec) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID |
			unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: spec.User, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: spec.Group, HostID: os.Getegid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
		Setsid:      !spec.Foreground,
		Setpgid:     spec.Foreground,
	}
	if spec.Network != Host {
		attr.Cloneflags |= unix.CLONE_NEWNET
	}
	if spec.User != 0 { // exec takes them from any user but root
		for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
			attr.AmbientCaps = append(attr.AmbientCaps, c)
		}
	}
	return attr
}

func send(w *os.File, j job) {
	j.Spec.Stdin, j.Spec.Stdout, j.Spec.Stderr = nil, nil, nil
	_ = gob.NewEncoder(w).Encode(j) // an init that is gone is noticed by wait
	_ = w.Close()
}

func (c *child) listen() {
	var all report
	defer func() { c.heard <- all }()
	dec := gob.NewDecoder(c.reports)
	running := false
	for {
		var r report
		if dec.Decode(&r) != nil {
			break
		}
		if r.Started && !running {
			running, all.Started = true, true
			close(c.started)
		}
		if r.Failure != nil {
			all.Failure = r.Failure
		}
		all.Signal = max(all.Signal, r.Signal)
		all.Probes = append(all.Probes, r.Probes...)
	}
	if !running {
		close(c.started)
	}
}

// wait waits for the end and tells how it was.
func (c *child) wait(ctx context.Context, grace time.Duration) error {
	ended, stopped := make(chan struct{}), make(chan bool, 1)
	go func() { stopped <- c.stopWhenDone(ctx, grace, ended) }()
	err := c.cmd.Wait()
	close(ended)
	c.restore()
	cancelled := <-stopped
	r := <-c.heard
	_ = c.reports.Close()
	cut := c.outlet != nil && c.outlet.close()

	var exit *exec.ExitError
	switch {
	case r.Failure != nil && !cancelled:
		return r.Failure.explain()
	case cut && c.cmd.ProcessState.ExitCode() != 0 && !cancelled:
		return c.outlet.problem() // what failed, failed for want of it
	case errors.As(err, &exit):
		err = exitError(exit, r.Signal)
		if !r.Started && !cancelled {
			err = fmt.Errorf("the sandbox's init ended before its time: %s", err.Error())
		}
	}
	switch {
	case cancelled && !r.Started:
		return ctx.Err() // dram killed its own init: no end of the process
	case cancelled && err == nil:
		return fmt.Errorf("%w (%w)", ctx.Err(), &ExitError{})
	case cancelled:
		return fmt.Errorf("%w (%w)", ctx.Err(), err)
	}
	return err
}

func exitError(exit *exec.ExitError, reported int) error {
	sig := syscall.Signal(reported)
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		sig = ws.Signal()
	}
	if sig != 0 {
		return &ExitError{Code: 128 + int(sig), Signal: unix.SignalName(sig)}
	}
	return &ExitError{Code: exit.ExitCode()}
}

// stopWhenDone ends the process when ctx is done and says whether it did.
func (c *child) stopWhenDone(ctx context.Context, grace time.Duration, ended <-chan struct{}) bool {
	select {
	case <-ended:
		return false
	case <-ctx.Done():
	}
	const notice = 50 * time.Millisecond // for a report that is under way
	select {
	case <-ended:
		return false
	case <-c.started:
	case <-time.After(notice): // nothing runs that could end gracefully
		return c.cmd.Process.Kill() == nil
	}
	if c.cmd.Process.Signal(syscall.SIGTERM) != nil {
		return false
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		_ = c.cmd.Process.Kill() // PID 1: the kernel ends all others with it
	}
	return true
}

// handTerminal makes the process's group the terminal's foreground group, if
// the spec says so and standard input is a terminal; the init waits for its job
// meanwhile. The function returned takes the terminal back.
func (c *child) handTerminal(spec Spec) (restore func()) {
	tty, ok := spec.Stdin.(*os.File)
	if !spec.Foreground || !ok || tty == nil {
		return func() {}
	}
	fd := int(tty.Fd())
	own, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	if err != nil || own != unix.Getpgrp() {
		return func() {} // no terminal, or not ours to hand over
	}
	if unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, c.cmd.Process.Pid) != nil {
		return func() {}
	}
	return func() {
		// From the background the call stops the caller unless SIGTTOU is blocked.
		var block, before unix.Sigset_t
		block.Val[0] = 1 << (uint(unix.SIGTTOU) - 1)
		_ = unix.PthreadSigmask(unix.SIG_BLOCK, &block, &before)
		_ = unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, own)
		_ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
	}
}
