package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"dram/internal/environ"
	"dram/internal/problem"
	"dram/internal/sandbox"
)

const (
	lockSuffix   = ".lock"
	socketSuffix = ".sock"
	patience     = 5 * time.Second // with who speaks at a door
	maxRequest   = 1 << 20         // bytes
	moment       = 25 * time.Millisecond
)

// Door is where commands come in.
type Door struct {
	lock     *os.File
	dir      *os.File
	socket   string
	listener *net.UnixListener
}

// Claim takes a name in a directory, which is made if it is not there.
func Claim(dir, name string) (*Door, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("taking the name %q: %w", name, err)
	}
	lock, free, err := lockOf(dir, name)
	for range 8 { // what ended may have it a moment longer, as knock says
		if free || err != nil {
			break
		}
		time.Sleep(moment)
		lock, free, err = lockOf(dir, name)
	}
	if err != nil {
		return nil, fmt.Errorf("taking the name %q: %w", name, err)
	}
	if !free {
		return nil, problem.New(problem.Usage, "choose another name, or end that one", "something runs under the name %q already", name)
	}
	d := &Door{lock: lock, socket: filepath.Join(dir, name+socketSuffix)}
	if d.dir, err = os.Open(dir); err == nil {
		err = d.listen(name)
	}
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("taking the name %q: %w", name, err)
	}
	return d, nil
}

// lockOf takes the lock of a name; free says whether nobody else has it.
func lockOf(dir, name string) (lock *os.File, free bool, err error) {
	lock, err = os.OpenFile(filepath.Join(dir, name+lockSuffix), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, false, err
	}
	switch err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, false, lock.Close()
	case err != nil:
		return nil, false, errors.Join(err, lock.Close())
	}
	return lock, true, nil
}

// listen makes the socket anew: an address has 108 bytes, so the directory is named by
// its descriptor.
func (d *Door) listen(name string) error {
	if err := os.Remove(d.socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	l, err := net.ListenUnix("unix", address(d.dir, name))
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false) // by a name that means another file by then
	d.listener = l
	return os.Chmod(d.socket, 0o600)
}

func address(dir *os.File, name string) *net.UnixAddr {
	return &net.UnixAddr{Net: "unix", Name: fmt.Sprintf("/proc/self/fd/%d/%s%s", dir.Fd(), name, socketSuffix)}
}

// Close gives the name back.
func (d *Door) Close() {
	if d.listener != nil {
		_ = d.listener.Close()
		_ = os.Remove(d.socket)
	}
	if d.dir != nil {
		_ = d.dir.Close()
	}
	_ = d.lock.Close()
}

// Serve lets commands in until ctx is done. argv makes a program of what is asked for;
// env is what it has besides.
func (d *Door) Serve(ctx context.Context, in *sandbox.Beside, base sandbox.Command, argv func([]string) []string) {
	stop := context.AfterFunc(ctx, func() { _ = d.listener.Close() })
	defer stop()
	for {
		conn, err := d.listener.AcceptUnix()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }()
			err := letIn(ctx, conn, in, base, argv)
			if err != nil && ctx.Err() == nil { // what ends says nothing: the line tells
				_ = sandbox.WriteEnd(conn, sandbox.End{Code: 1, Why: err.Error()})
			}
		}()
	}
}

// letIn reads what somebody asks for, and hands it over.
func letIn(ctx context.Context, conn *net.UnixConn, in *sandbox.Beside, base sandbox.Command, argv func([]string) []string) error {
	if err := ours(conn); err != nil {
		return err
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	var r request
	line := io.LimitReader(conn, maxRequest)
	if err := readLine(line, &r); err != nil {
		return fmt.Errorf("reading what is asked for: %w", err)
	}
	files, err := sandbox.ReceiveFiles(conn, 3)
	if err != nil {
		return fmt.Errorf("reading what is asked for: %w", err)
	}
	defer closeAll(files)
	own, err := conn.File()
	if err != nil {
		return err
	}
	defer func() { _ = own.Close() }()
	c := sandbox.Command{Argv: argv(r.Argv), Env: environ.Merge(base.Env, r.Env), Dir: base.Dir}
	return in.Hand(ctx, sandbox.Handed{Command: c, Terminal: r.Terminal, Streams: [3]*os.File(files), Line: own})
}

// readLine reads a value in JSON up to an end of line, and nothing behind that.
func readLine(r io.Reader, v any) error {
	var text []byte
	for b := make([]byte, 1); ; {
		if _, err := io.ReadFull(r, b); err != nil {
			return err
		}
		if b[0] == '\n' {
			return json.Unmarshal(text, v)
		}
		text = append(text, b[0])
	}
}

// ours refuses another user, whom the socket's mode should have kept out.
func ours(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var who *unix.Ucred
	if bad := raw.Control(func(fd uintptr) { who, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); bad != nil { //nolint:gosec // a descriptor
		return bad
	}
	if err == nil && int(who.Uid) != os.Geteuid() {
		err = fmt.Errorf("user %d is not the one who runs it", who.Uid)
	}
	return err
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // others hold what matters
	}
}

// running are the names under which something runs.
func running(dir string) (out []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		name, is := strings.CutSuffix(e.Name(), lockSuffix)
		if !is || !names.MatchString(name) {
			continue
		}
		if lock, free, err := lockOf(dir, name); err == nil && free {
			_ = lock.Close()
		} else if err == nil {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
