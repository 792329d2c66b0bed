package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// handedFiles is how many files go along with such a command: its streams and its line.
const handedFiles = 4

// hangUpGrace is how long a command has whose line was cut.
const hangUpGrace = time.Second

// Hand has a command run with the streams that are handed over, and does not wait for its
// end. The caller closes its own of them.
func (b *Beside) Hand(ctx context.Context, h Handed) error {
	q := question{Handed: &h.Command, Terminal: h.Terminal, files: append(h.Streams[:], h.Line)}
	_, err := b.ask(ctx, q, slack)
	return err
}

// SendFiles sends open files over a connection, behind what was written to it.
func SendFiles(conn *net.UnixConn, files ...*os.File) error { return sendFiles(conn, files) }

// ReceiveFiles receives what SendFiles sent, n of them or none.
func ReceiveFiles(conn *net.UnixConn, n int) ([]*os.File, error) {
	oob := make([]byte, unix.CmsgSpace(4*n))
	got, length, _, _, err := conn.ReadMsgUnix(make([]byte, 1), oob)
	if err != nil || got != 1 {
		return nil, errors.Join(err, errors.New("no files came"))
	}
	return filesOf(oob[:length], n)
}

func sendFiles(conn net.Conn, files []*os.File) error {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("files cannot be sent over a %T", conn)
	}
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	_, _, err := c.WriteMsgUnix([]byte{0}, unix.UnixRights(fds...), nil)
	return err
}

// receiveFiles receives what sendFiles sent, n of them.
func receiveFiles(fd, n int) ([]*os.File, error) {
	oob := make([]byte, unix.CmsgSpace(4*n))
	got, length, _, _, err := unix.Recvmsg(fd, make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil || got != 1 {
		return nil, errors.Join(err, errors.New("no files came"))
	}
	return filesOf(oob[:length], n)
}

// filesOf are the files of a message, n of them or none.
func filesOf(oob []byte, n int) (files []*os.File, err error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	for _, m := range messages {
		fds, bad := unix.ParseUnixRights(&m)
		err = errors.Join(err, bad)
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "handed")) //nolint:gosec // a descriptor
		}
	}
	if err == nil && len(files) != n {
		err = fmt.Errorf("%d files came, not %d", len(files), n)
	}
	if err != nil {
		closeAll(files)
		return nil, err
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // others hold what matters
	}
}

// hand starts the command in a session of its own, by the thread that has given up what
// the sandbox's command is not to have.
func (q question) hand() error {
	files, err := receiveFiles(besideFD, handedFiles)
	if err != nil {
		return err
	}
	streams, line := files[:3], files[3]
	c := q.Handed
	if len(c.Argv) == 0 {
		closeAll(files)
		return errors.New("no command")
	}
	cmd := &exec.Cmd{
		Path: c.Argv[0], Args: c.Argv, Env: c.Env, Dir: c.Dir, Stdin: streams[0], Stdout: streams[1], Stderr: streams[2],
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: q.Terminal},
	}
	err = cmd.Start()
	closeAll(streams)
	if err != nil {
		_ = WriteEnd(line, unstarted(c.Argv[0], err))
		return line.Close()
	}
	go attend(cmd, line)
	return nil
}

// unstarted is why a command was not executed, as a shell would say.
func unstarted(file string, err error) End {
	exit, ok := errors.AsType[*ExitError](toFailure(notExecuted(file, err)).explain())
	if !ok {
		return End{Code: codeNotExecutable, Why: err.Error()}
	}
	return End{exit.Code, exit.Why}
}

// attend passes signals on to a command until it ends, and tells its end.
func attend(cmd *exec.Cmd, line *os.File) {
	var mu sync.Mutex // its number is its own until it was waited for
	ended := false
	kill := func(sig syscall.Signal) {
		mu.Lock()
		defer mu.Unlock()
		if !ended {
			_ = syscall.Kill(-cmd.Process.Pid, sig) // it may just have ended
		}
	}
	go func() {
		for sig := make([]byte, 1); ; {
			if _, err := line.Read(sig); err != nil {
				break
			}
			kill(syscall.Signal(sig[0]))
		}
		kill(syscall.SIGHUP)
		time.Sleep(hangUpGrace)
		kill(syscall.SIGKILL)
	}()
	_, _ = waitable(cmd.Process.Pid)
	mu.Lock()
	err := cmd.Wait()
	ended = true
	mu.Unlock()
	end := End{}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if e, ok := errors.AsType[*ExitError](exitError(exit, 0)); ok {
			end.Code = e.Code
		}
	}
	_ = WriteEnd(line, end)
	_ = unix.Shutdown(int(line.Fd()), unix.SHUT_RDWR) // who reads at it, hears that
	_ = line.Close()
}

// waitable waits until a child has ended and leaves it to be waited for.
func waitable(pid int) (info unix.Siginfo, err error) {
	for {
		err = unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return info, err
		}
	}
}
