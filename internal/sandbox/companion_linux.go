package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// companionName is argv[0] of a process that Main turns into a sandbox's companion.
const companionName = "dram-sandbox-companion"

// besideFD is the companion's end of the line, in the init and in the companion.
const besideFD = 5

// RunBeside runs one process, as Run does, and attends to it meanwhile: attend is
// called once the process runs or never will, in a goroutine of its own, with a
// context that ends with it, and waited for.
func RunBeside(ctx context.Context, spec Spec, attend func(context.Context, *Beside)) error {
	return run(ctx, spec, attend)
}

// line is a connection to a companion: one end, and the other for the init.
func line() (own net.Conn, other *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making a line to the companion: %w", err)
	}
	mine := os.NewFile(uintptr(fds[0]), "companion")
	own, err = net.FileConn(mine)
	_ = mine.Close()
	if err != nil {
		_ = unix.Close(fds[1])
		return nil, nil, fmt.Errorf("making a line to the companion: %w", err)
	}
	return own, os.NewFile(uintptr(fds[1]), "companion"), nil
}

// hangUp closes the line of a sandbox that came to nothing.
func (c *child) hangUp() {
	if c.line != nil {
		_ = c.line.Close()
	}
}

// attended calls attend once the process runs. The function returned ends that.
func (c *child) attended(ctx context.Context, attend func(context.Context, *Beside)) (end func()) {
	if attend == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-c.started
		attend(ctx, &Beside{Pid: c.cmd.Process.Pid, kill: func() { _ = c.cmd.Process.Kill() }, conn: c.line})
	}()
	return func() {
		cancel()
		<-done
		_ = c.line.Close()
	}
}

// The companion's descriptors besides its end of the line.
const (
	orderFD = 3 // what it is to give up is read from it
	readyFD = 4 // it says on it that it has
)

// startCompanion leaves a companion behind: a child of the init that outlives what
// that becomes and ends with it. It is executed while the host's files are in sight,
// for a program may need its loader; when the init changes the root, it changes the
// companion's. Landlock's domain is the one that all else inside is to be within, so
// that the companion's commands see what runs there.
func (s *Spec) startCompanion() (pid int, err error) {
	if err := scope(); err != nil {
		return 0, failed(stepOther, err, "shutting off abstract sockets")
	}
	var order, ready [2]int
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == nil {
		err = errors.Join(unix.Pipe2(order[:], unix.O_CLOEXEC), unix.Pipe2(ready[:], unix.O_CLOEXEC))
	}
	if err != nil {
		return 0, failed(stepOther, err, "opening what the companion reads")
	}
	n := uintptr(null)
	pid, err = syscall.ForkExec("/proc/self/exe", []string{companionName}, &syscall.ProcAttr{
		Dir: "/", Env: []string{}, Files: []uintptr{n, n, n, uintptr(order[0]), uintptr(ready[1]), besideFD}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	for _, fd := range []int{null, order[0], ready[1], besideFD} {
		_ = unix.Close(fd)
	}
	to, from := os.NewFile(uintptr(order[1]), "order"), os.NewFile(uintptr(ready[0]), "ready")
	if err == nil {
		err = writeMessage(to, Spec{User: s.User, Limits: s.Limits})
		if _, unheard := io.ReadFull(from, make([]byte, 1)); unheard != nil {
			err = errors.Join(err, fmt.Errorf("it is not ready: %w", unheard))
		}
	}
	_, _ = to.Close(), from.Close()
	return pid, failed(stepOther, err, "starting the companion")
}

// companionMain answers questions until nobody asks any longer. All that it does and
// executes, the thread does that has given up what the init's command is not to have.
func companionMain() int {
	runtime.LockOSThread()
	unix.Umask(0o022)
	// What else runs here may not read or write the companion's memory.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return 1
	}
	var order Spec
	from := os.NewFile(orderFD, "order")
	err := readMessage(from, &order)
	if err := errors.Join(err, from.Close()); err != nil || order.forswear() != nil || installFilter(order.Limits.families()) != nil {
		return 1
	}
	unix.CloseOnExec(besideFD)
	asked, ready := os.NewFile(besideFD, "asked"), os.NewFile(readyFD, "ready")
	if _, err := ready.Write([]byte{1}); err != nil || ready.Close() != nil {
		return 1
	}
	for {
		var q question
		if err := readMessage(asked, &q); err != nil {
			return 0
		}
		if err := writeMessage(asked, q.reply()); err != nil {
			return 1
		}
	}
}

func (q question) reply() (r reply) {
	var err error
	switch {
	case q.Command != nil:
		r.Answer, err = q.Command.run()
	case q.Handed != nil:
		err = q.hand()
	case q.Talk != nil:
		r.Heard, err = q.Talk.say()
	default:
		r.Files = filesBelow(q.Files)
	}
	if err != nil {
		r.Err = err.Error()
	}
	return r
}

// run runs the command in a group of its own, which is killed as a whole.
func (c *Command) run() (a Answer, err error) {
	if len(c.Argv) == 0 {
		return a, errors.New("no command")
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.Within)
	defer cancel()
	out := &head{most: maxOutput}
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...) //nolint:gosec // inside, and as the caller has it
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = c.Env, c.Dir, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 100 * time.Millisecond
	err = cmd.Run()
	a.Output, a.Late = out.bytes(), ctx.Err() != nil
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		end, ok := errors.AsType[*ExitError](exitError(exit, 0))
		if ok {
			a.Code = end.Code
		}
		return a, nil
	}
	if errors.Is(err, exec.ErrWaitDelay) || a.Late {
		return a, nil // it ended, and left somebody who holds its output
	}
	return a, err
}

// head keeps the beginning of what is written to it.
type head struct {
	most int
	mu   sync.Mutex
	kept bytes.Buffer
}

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept.Write(p[:min(len(p), h.most-h.kept.Len())])
	return len(p), nil
}

func (h *head) bytes() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return bytes.Clone(h.kept.Bytes())
}

// say connects to the port of either loopback address.
func (t *talk) say() ([]byte, error) {
	var last error
	for _, host := range []string{"127.0.0.1", "::1"} {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "tcp", net.JoinHostPort(host, strconv.Itoa(t.Port)))
		if err != nil {
			last = err
			continue
		}
		defer func() { _ = conn.Close() }()
		_ = conn.SetDeadline(time.Now().Add(time.Second)) // a socket has deadlines
		if len(t.Say) > 0 {
			_, _ = conn.Write(t.Say) // who hears nothing is connected to all the same
		}
		heard, _ := io.ReadAll(io.LimitReader(conn, maxReply))
		return heard, nil
	}
	return nil, last
}

// filesBelow names what is no directory below directories.
func filesBelow(dirs []string) (out []string) {
	const most = 20_000 // looked at
	seen := 0
	for _, dir := range dirs {
		_ = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if seen++; seen > most || len(out) >= maxListed {
				return fs.SkipAll
			}
			if err == nil && !d.IsDir() {
				out = append(out, name)
			}
			return nil
		})
	}
	return out
}
