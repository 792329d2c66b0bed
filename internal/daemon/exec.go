package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"golang.org/x/term"

	"dram/internal/problem"
)

// Exec is a command in a container that runs.
type Exec struct {
	Container string // its name or id
	// Command is what is executed, by the entrypoint that the container was made with.
	Command        func(entrypoint []string) []string
	Env            []string // "K=V", on top of the container's
	Terminal       *os.File // the terminal to hand over, or nil
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Exec runs a command in a container until it ends, and gives its exit code. When ctx is
// done it is no longer listened to; as with docker exec, it goes on.
func (c *Client) Exec(ctx context.Context, e Exec) (code int, err error) {
	found, err := c.api.ContainerInspect(ctx, e.Container, client.ContainerInspectOptions{})
	switch {
	case errdefs.IsNotFound(err):
		return 0, problem.New(problem.Usage, "see docker ps, or start it: dram run --docker --name "+e.Container, "%s has no container %q", c.name, e.Container)
	case err != nil:
		return 0, c.failed("looking for a container", err)
	case found.Container.State != nil && !found.Container.State.Running:
		return 0, problem.New(problem.Usage, "start it: docker start "+e.Container, "container %q does not run (it is %s)", e.Container, found.Container.State.Status)
	}
	var entry []string
	if found.Container.Config != nil {
		entry = found.Container.Config.Entrypoint
	}
	made, err := c.api.ExecCreate(ctx, found.Container.ID, client.ExecCreateOptions{
		TTY: e.Terminal != nil, AttachStdin: e.Stdin != nil, AttachStdout: true, AttachStderr: true, Env: e.Env, Cmd: e.Command(entry),
	})
	if err != nil {
		return 0, c.failed("making a command", err)
	}
	if err := c.attend(ctx, made.ID, e); err != nil {
		return 0, err
	}
	end, err := c.api.ExecInspect(ctx, made.ID, client.ExecInspectOptions{})
	if err != nil {
		return 0, c.failed("looking how the command ended", err)
	}
	return end.ExitCode, nil
}

// attend starts a command and copies its streams until they end.
func (c *Client) attend(ctx context.Context, id string, e Exec) error {
	attached, err := c.api.ExecAttach(ctx, id, client.ExecAttachOptions{TTY: e.Terminal != nil})
	if err != nil {
		return c.failed("starting the command", err)
	}
	defer attached.Close()
	stop := context.AfterFunc(ctx, attached.Close)
	defer stop()
	restore, err := handOver(e.Terminal, func(width, height uint) {
		_, _ = c.api.ExecResize(ctx, id, client.ExecResizeOptions{Width: width, Height: height})
	})
	if err != nil {
		return err
	}
	defer restore()
	if e.Stdin != nil {
		go func() {
			_, _ = io.Copy(attached.Conn, e.Stdin)
			_ = attached.CloseWrite()
		}()
	}
	err = copyOut(Run{Terminal: e.Terminal, Stdout: e.Stdout, Stderr: e.Stderr}, attached.Reader)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !errors.Is(err, io.EOF):
		return fmt.Errorf("reading the command's output: %w", err)
	}
	return nil
}

// handOver makes a terminal raw and tells its size, now and whenever it changes; restore
// takes it back. Of none there is nothing to hand over.
func handOver(tty *os.File, resize func(width, height uint)) (restore func(), err error) {
	if tty == nil {
		return func() {}, nil
	}
	fd := int(tty.Fd())
	was, err := term.MakeRaw(fd)
	if err != nil {
		return nil, fmt.Errorf("handing the terminal over: %w", err)
	}
	tell := func() {
		if w, h, err := term.GetSize(fd); err == nil {
			resize(uint(w), uint(h)) //nolint:gosec // sizes are not negative
		}
	}
	tell()
	stop := onResize(tell)
	return func() {
		stop()
		_ = term.Restore(fd, was)
	}, nil
}
