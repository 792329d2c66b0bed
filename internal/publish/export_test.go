package publish

import (
	"context"
	"time"

	"dram/internal/registry"
)

// Waiting has the pauses between tries told to f in place of being waited for.
func (p *Pusher) Waiting(f func(time.Duration)) {
	p.wait = func(ctx context.Context, d time.Duration) error {
		f(d)
		return ctx.Err()
	}
}

// Patience sets how long the registry is waited for: in silence, for the answer
// to what was sent, and for an exchange that is small.
func (p *Pusher) Patience(silence, answer, whole time.Duration) {
	p.limits = registry.Limits{Silence: silence, Answer: answer, Whole: whole}
}

var (
	RangeEnd   = rangeEnd
	RetryAfter = retryAfter
)
