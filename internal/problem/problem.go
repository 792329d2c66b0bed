// Package problem is the error that a person reads: what failed, on which
// input and why (the message), what to do next (the hint), and of which kind
// it is (the exit code). Packages make one where the failure is understood;
// everything above wraps it with a gerund and leaves kind and hint alone.
// Only cmd/dram exits.
package problem

import (
	"context"
	"errors"
	"fmt"
)

// Kind is a kind of failure; its number is dram's exit code.
type Kind int

// The kinds, as every command's help text documents them.
const (
	Failure     Kind = 1   // anything not named below: network, disk, corrupt data
	Usage       Kind = 2   // wrong flag or argument, no project there, unknown suite or reference
	Check       Kind = 3   // a check failed
	Build       Kind = 4   // the project's own build failed
	Environment Kind = 5   // this machine lacks something
	Cancelled   Kind = 130 // Ctrl-C or SIGTERM
)

// Error is a failure with its kind and its remedy.
type Error struct {
	Kind Kind
	Err  error
	Hint string // what to do next; may be empty
}

// Error gives the message alone; the hint is printed on a line of its own.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap makes errors.Is and errors.As see the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes a failure of a kind; hint says what to do next.
func New(kind Kind, hint, format string, args ...any) error {
	return &Error{Kind: kind, Hint: hint, Err: fmt.Errorf(format, args...)}
}

// Code is the exit code for err: 0 for nil, 130 for a cancelled context, and
// else the kind of the outermost problem, or 1.
func Code(err error) int {
	var p *Error
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled):
		return int(Cancelled)
	case errors.As(err, &p):
		return int(p.Kind)
	}
	return int(Failure)
}

// Hint is the remedy of the outermost problem that has one.
func Hint(err error) string {
	var p *Error
	for errors.As(err, &p) {
		if p.Hint != "" {
			return p.Hint
		}
		err = p.Err
	}
	return ""
}
