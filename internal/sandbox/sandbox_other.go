//go:build !linux

package sandbox

import (
	"context"
	"runtime"

	"dram/internal/problem"
)

const otherHint = "use --engine buildkit with Docker, Podman or a BuildKit daemon, or run dram on Linux"

// Run needs Linux.
func Run(context.Context, Spec) error {
	return problem.New(problem.Environment, otherHint, "running a sandbox: there is none on %s", runtime.GOOS)
}

// Main does nothing here.
func Main() {}

// Preconditions says that the sandbox needs Linux.
func Preconditions(string) []Precondition {
	return []Precondition{{Name: "Linux", Detail: "this is " + runtime.GOOS, Remedy: otherHint}}
}
