//go:build unix

package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"dram/internal/engine/local"
	"dram/internal/environ"
)

// grace is how long a step has between SIGTERM and SIGKILL.
const grace = time.Second

type command struct {
	argv, env []string
	dir       string
	out       io.Writer
}

// run runs a command in a process group of its own, which ends with it.
func run(ctx context.Context, c command) error {
	name, err := lookUp(c.argv[0], c.env)
	if err != nil {
		return &local.Exit{Err: err}
	}
	cmd := exec.CommandContext(ctx, name, c.argv[1:]...)
	cmd.Args[0] = c.argv[0]
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.dir, append(c.env, "PWD="+c.dir), c.out, c.out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = grace
	err = cmd.Run()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left behind, if anything
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		status, ok := exit.Sys().(syscall.WaitStatus)
		return &local.Exit{Err: exit, Signal: ok && status.Signaled()}
	}
	return err
}

// lookUp finds a program in the PATH that the step has, not in dram's own.
func lookUp(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for dir := range strings.SplitSeq(environ.Get(env, "PATH"), ":") {
		if p, err := exec.LookPath(dir + "/" + name); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("%s: not found in PATH", name)
}
