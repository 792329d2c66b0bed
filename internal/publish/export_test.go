package publish

import (
	"context"
	"time"
)

// Waiting has the pauses between tries told to f in place of being waited for.
func (p *Pusher) Waiting(f func(time.Duration)) {
	p.wait = func(ctx context.Context, d time.Duration) error {
		f(d)
		return ctx.Err()
	}
}

var (
	RangeEnd   = rangeEnd
	RetryAfter = retryAfter
)
