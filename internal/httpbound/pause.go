package httpbound

import (
	"context"
	"time"
)

// PauseKey is under what a context has a Waiter that pauses between tries are left to,
// so that tests need not sit through them.
type PauseKey struct{}

// Waiter waits, or gives the cause that ctx ends for.
type Waiter func(ctx context.Context, d time.Duration) error

// Pause waits between two tries of an exchange, or gives the cause that ctx ends for.
func Pause(ctx context.Context, d time.Duration) error {
	if pause, ok := ctx.Value(PauseKey{}).(Waiter); ok {
		return pause(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
