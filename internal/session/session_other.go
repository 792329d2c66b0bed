//go:build !linux

package session

import (
	"context"

	"dram/internal/sandbox"
)

// Door is where commands come in; here is none.
type Door struct{}

// Claim takes a name, which nothing asks for here: there is no sandbox.
func Claim(_, name string) (*Door, error) { return &Door{}, CheckName(name) }

// Serve lets nobody in.
func (*Door) Serve(context.Context, *sandbox.Beside, sandbox.Command, func([]string) []string) {}

// Close does nothing here.
func (*Door) Close() {}

// Run finds nothing: there is no sandbox here.
func Run(_ context.Context, _, name string, _ Call) error { return errNot(name, nil) }
