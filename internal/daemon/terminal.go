package daemon

import (
	"context"
	"fmt"
	"os"

	"github.com/moby/moby/client"
	"golang.org/x/term"
)

// terminal hands a terminal over to a container: raw, and its size whenever it
// changes. restore gives it back.
func (c *Client) terminal(ctx context.Context, id string, tty *os.File) (restore func(), err error) {
	if tty == nil {
		return func() {}, nil
	}
	fd := int(tty.Fd())
	was, err := term.MakeRaw(fd)
	if err != nil {
		return nil, fmt.Errorf("handing the terminal over: %w", err)
	}
	resize := func() {
		if w, h, err := term.GetSize(fd); err == nil {
			_, _ = c.api.ContainerResize(ctx, id, client.ContainerResizeOptions{Width: uint(w), Height: uint(h)})
		}
	}
	resize()
	stop := onResize(resize)
	return func() {
		stop()
		_ = term.Restore(fd, was)
	}, nil
}
