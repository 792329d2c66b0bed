//go:build !linux

package sandbox

import (
	"context"
	"net"
	"os"
	"runtime"

	"dram/internal/problem"
)

const otherHint = "run dram on Linux, in a virtual machine if need be: its sandbox is made of Linux namespaces"

// Run needs Linux.
func Run(context.Context, Spec) error {
	return problem.New(problem.Environment, otherHint, "running a sandbox: there is none on %s", runtime.GOOS)
}

// RunBeside needs Linux.
func RunBeside(ctx context.Context, spec Spec, _ func(context.Context, *Beside)) error {
	return Run(ctx, spec)
}

// Main does nothing here.
func Main() {}

// Preconditions says that the sandbox needs Linux.
func Preconditions(context.Context, string) []Precondition {
	return []Precondition{{Name: "Linux", Detail: "this is " + runtime.GOOS, Remedy: otherHint}}
}

// Emulates says that the sandbox needs Linux.
func Emulates(string) error {
	return problem.New(problem.Environment, otherHint, "running a sandbox: there is none on %s", runtime.GOOS)
}

// Isolates says that the sandbox needs Linux.
func Isolates() error {
	return problem.New(problem.Environment, otherHint, "running a sandbox: there is none on %s", runtime.GOOS)
}

// sendFiles is for who runs beside a sandbox.
func sendFiles(net.Conn, []*os.File) error { return Run(context.Background(), Spec{}) }
