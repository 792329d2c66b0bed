package daemon

import (
	"context"
	"os"

	"github.com/moby/moby/client"
)

// terminal hands a terminal over to a container.
func (c *Client) terminal(ctx context.Context, id string, tty *os.File) (restore func(), err error) {
	return handOver(tty, func(width, height uint) {
		_, _ = c.api.ContainerResize(ctx, id, client.ContainerResizeOptions{Width: width, Height: height})
	})
}
