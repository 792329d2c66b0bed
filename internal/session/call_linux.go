package session

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"dram/internal/problem"
	"dram/internal/sandbox"
)

// drained is how long output is waited for that something else holds open when the
// command has ended.
const drained = time.Second

// Run runs a command beside what runs under a name and waits for its end, as sandbox.Run
// tells it. When ctx is done, the command is told by SIGTERM, and killed after its grace.
func Run(ctx context.Context, dir, name string, c Call) error {
	conn, err := knock(dir, name)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	s, err := c.streams()
	if err != nil {
		return fmt.Errorf("running a command in %q: %w", name, err)
	}
	defer s.restore()
	text, err := json.Marshal(request{c.Argv, c.Env, c.Terminal != nil})
	if err == nil {
		_, err = conn.Write(append(text, '\n'))
	}
	if err == nil {
		err = sandbox.SendFiles(conn, s.theirs...)
	}
	closeAll(slices.Compact(s.theirs))
	if err != nil {
		return fmt.Errorf("running a command in %q: %w", name, err)
	}
	stop := context.AfterFunc(ctx, func() { end(conn, cmp.Or(c.Grace, 10*time.Second)) })
	defer stop()
	ended, err := sandbox.ReadEnd(conn)
	s.drain()
	switch {
	case err != nil && ctx.Err() != nil:
		return &sandbox.ExitError{Code: 128 + int(syscall.SIGKILL), Signal: "SIGKILL"}
	case err != nil:
		return problem.New(problem.Failure, "see why it ended where it was started", "what ran under the name %q ended, and the command with it", name)
	case ended != sandbox.End{}:
		return &sandbox.ExitError{Code: ended.Code, Why: ended.Why}
	}
	return nil
}

// end asks the command to end, and hangs up on one that does not.
func end(conn *net.UnixConn, grace time.Duration) {
	_, _ = conn.Write([]byte{byte(syscall.SIGTERM)})
	time.AfterFunc(grace, func() { _ = conn.Close() })
}

// knock connects to what runs under a name. What begins has its name before it hears,
// and what has ended may have it a moment longer: that of a process between fork and exec.
func knock(dir, name string) (*net.UnixConn, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	at, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNot(name, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("looking for %q: %w", name, err)
	}
	defer func() { _ = at.Close() }()
	var conn *net.UnixConn
	for try := range 20 {
		time.Sleep(time.Duration(min(try, 1)) * moment)
		if all := running(dir); !slices.Contains(all, name) {
			return nil, errNot(name, all)
		}
		if conn, err = net.DialUnix("unix", nil, address(at, name)); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return nil, problem.New(problem.Failure, "try again in a moment", "what runs under the name %q takes no commands: it is about to start, or to end: %w", name, err)
	}
	return conn, nil
}

// streams are those of a command: theirs are handed over.
type streams struct {
	theirs  []*os.File
	copied  chan struct{} // closed when all output was copied
	restore func()
}

// drain waits for the last of the output.
func (s *streams) drain() {
	select {
	case <-s.copied:
	case <-time.After(drained):
	}
}

func (c Call) streams() (*streams, error) {
	if c.Terminal != nil {
		return c.terminal()
	}
	var theirs, ours []*os.File
	for i := range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(theirs)
			closeAll(ours)
			return nil, err
		}
		if i == 0 {
			r, w = w, r
		}
		theirs, ours = append(theirs, w), append(ours, r)
	}
	s := &streams{theirs: theirs, copied: make(chan struct{}), restore: func() { closeAll(ours) }}
	go func() {
		if c.Stdin != nil {
			_, _ = io.Copy(ours[0], c.Stdin) // a command need not read its input
		}
		_ = ours[0].Close()
	}()
	var out sync.WaitGroup
	for i, to := range []io.Writer{c.Stdout, c.Stderr} {
		out.Go(func() { _, _ = io.Copy(to, ours[1+i]) })
	}
	go func() {
		out.Wait()
		close(s.copied)
	}()
	return s, nil
}

// terminal gives the command a terminal of its own, which the caller's shows: keys and the
// size go there.
func (c Call) terminal() (*streams, error) {
	master, tty, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("making a terminal: %w", err)
	}
	was, err := term.MakeRaw(int(c.Terminal.Fd()))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("handing the terminal over: %w", err), master.Close(), tty.Close())
	}
	_ = pty.InheritSize(c.Terminal, master) // a terminal without a size is one, too
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	s := &streams{theirs: []*os.File{tty, tty, tty}, copied: make(chan struct{})}
	go func() {
		for range resized {
			_ = pty.InheritSize(c.Terminal, master)
		}
	}()
	go func() { _, _ = io.Copy(master, c.Stdin) }()
	go func() {
		_, _ = io.Copy(c.Stdout, master) // ends by an error when nobody has the terminal any longer
		close(s.copied)
	}()
	s.restore = func() {
		signal.Stop(resized)
		close(resized)
		_ = master.Close()
		_ = term.Restore(int(c.Terminal.Fd()), was)
	}
	return s, nil
}
