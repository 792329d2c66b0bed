package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"dram/internal/problem"
	"dram/internal/store"
)

// The things that Preconditions tries inside a user namespace.
const (
	tryOverlay = "overlay mounts"
	tryProc    = "a fresh /proc"
	tryFilter  = "system call filter"
)

// probe is one thing tried by the init; Failure is nil if it went well.
type probe struct {
	Name    string
	Failure *failure
}

// Preconditions tries what the sandbox needs of this machine and user. scratch
// is an existing directory on the file system where sandboxes are to have theirs.
func Preconditions(ctx context.Context, scratch string) []Precondition {
	out := []Precondition{{
		Name: "subordinate user ids", OK: true,
		Detail: "not needed: the sandbox maps one id, and changing owners inside succeeds without effect",
	}}
	probes, err := tryInside(ctx, scratch)
	if err != nil {
		return append(out, Precondition{Name: "user namespaces", Detail: err.Error(), Remedy: problem.Hint(err)})
	}
	out = append(out, Precondition{Name: "user namespaces", OK: true, Detail: fmt.Sprintf("allowed for user %d", os.Geteuid())})
	details := map[string]string{
		tryOverlay: "work in " + scratch,
		tryProc:    "can be mounted",
		tryFilter:  "can be installed",
	}
	for _, p := range probes {
		c := Precondition{Name: p.Name, OK: p.Failure == nil, Detail: details[p.Name]}
		if p.Failure != nil {
			c.Detail = p.Failure.Error()
			c.Remedy = problem.Hint(p.Failure.explain())
		}
		out = append(out, c)
	}
	return append(out, scopes(landlockABI()), isolation())
}

// tryInside runs an init that tries everything.
func tryInside(ctx context.Context, scratch string) ([]probe, error) {
	dir, err := os.MkdirTemp(scratch, "probe-*")
	if err != nil {
		return nil, problem.New(problem.Environment, "make the directory writable, or set DRAM_CACHE_DIR to another one",
			"probing the sandbox: %w", err)
	}
	defer func() { _ = store.RemoveAll(dir) }()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c, err := start(ctx, job{Spec: Spec{Scratch: dir}, Probe: true}, stdio{})
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.cmd.Process.Kill() })
	defer stop()
	err = c.cmd.Wait()
	r := <-c.heard
	_ = c.reports.Close()
	if err != nil || len(r.Probes) == 0 {
		return nil, errors.Join(errors.New("probing the sandbox: the probe ended without a result"), err)
	}
	return r.Probes, nil
}

// tryAll is the init's side.
func tryAll(scratch string) []probe {
	result := func(name string, err error) probe {
		if err == nil {
			return probe{Name: name}
		}
		return probe{Name: name, Failure: toFailure(err)}
	}
	_, err := freshProc()
	out := []probe{
		result(tryProc, failed(stepProc, err, "mounting a fresh /proc")),
		result(tryOverlay, probeOverlay(scratch)),
	}
	err = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	if err == nil {
		err = installFilter(Limits{}.families())
	}
	return append(out, result(tryFilter, failed(stepOther, err, "installing the system call filter")))
}

// probeOverlay mounts an overlay and deletes a file of its lower directory.
func probeOverlay(scratch string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return failed(stepOther, err, "making mounts private")
	}
	lower := filepath.Join(scratch, "lower")
	if err := os.MkdirAll(filepath.Join(lower, "dir"), 0o700); err != nil {
		return failed(stepOverlay, err, "making %s", lower)
	}
	root, err := mountOverlay([]string{lower}, "", scratch)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Unmount(root, unix.MNT_DETACH) }()
	dir := filepath.Join(root, "dir")
	if err := errors.Join(syscall.Rmdir(dir), syscall.Mkdir(dir, 0o755)); err != nil {
		return failed(stepOverlay, err, "replacing a directory in an overlay")
	}
	return nil
}
