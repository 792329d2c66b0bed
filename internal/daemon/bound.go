package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// maxAnswer bounds what a daemon says about a load, in bytes.
	maxAnswer = 4 << 20
	// patience is how long a daemon may take over a question that it need do
	// nothing for.
	patience = 30 * time.Second
)

// soon is ctx for such a question.
func (c *Client) soon(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.patience, fmt.Errorf("the daemon did not answer within %v", c.patience))
}

// said is err, or why ctx, that of soon, ended.
func said(ctx context.Context, err error) error {
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return context.Cause(ctx)
	}
	return err
}
