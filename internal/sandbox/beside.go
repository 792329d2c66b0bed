package sandbox

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Beside runs commands in a sandbox beside its process, as `docker exec` does: with
// the root, the network, the limits and the user of that, and no way out. It does
// so through a companion, a process of the sandbox's own that the init leaves
// behind. What the companion answers is bounded and not believed to be more than
// what the sandbox says.
type Beside struct {
	// Pid is the number that the sandbox's process 1 has on the host. It may be
	// another process's once the sandbox has ended.
	Pid int

	kill func()
	mu   sync.Mutex
	conn net.Conn
}

// Command is one that is run beside the process. Its input is empty.
type Command struct {
	Argv   []string
	Env    []string // the whole environment
	Dir    string
	Within time.Duration // after which it is killed; default 10 s
}

// Answer is what a command came to.
type Answer struct {
	Output []byte // of both streams, the first 64 KiB
	Code   int    // as ExitError has it
	Late   bool   // it was killed, being late
}

const (
	maxMessage = 1 << 20  // bytes of a question or an answer
	maxOutput  = 64 << 10 // bytes of a command's output that are kept
	maxReply   = 4 << 10  // bytes that Talk reads
	maxListed  = 200      // files that Files names
	slack      = 5 * time.Second
)

// question is what the companion is asked; one of the fields is set.
type question struct {
	Command *Command
	Talk    *talk
	Files   []string
	Handed  *Command
	// Terminal says that Handed's streams are one.
	Terminal bool

	files []*os.File // that go along
}

// talk is something said to a port.
type talk struct {
	Port int
	Say  []byte
}

// reply is what the companion says.
type reply struct {
	Answer Answer
	Heard  []byte
	Files  []string
	Err    string
}

// Run runs a command and waits for its end. The error tells that it could not be
// started, or that the sandbox is gone.
func (b *Beside) Run(ctx context.Context, c Command) (Answer, error) {
	c.Within = cmp.Or(c.Within, 10*time.Second)
	r, err := b.ask(ctx, question{Command: &c}, c.Within+slack)
	return r.Answer, err
}

// Talk connects to a TCP port of the sandbox's loopback interface, IPv4 or else IPv6,
// says something, and gives the first bytes that come back within a second.
func (b *Beside) Talk(ctx context.Context, port int, say []byte) ([]byte, error) {
	r, err := b.ask(ctx, question{Talk: &talk{port, say}}, 3*time.Second+slack)
	return r.Heard, err
}

// Files names files below directories, inside, at most 200.
func (b *Beside) Files(ctx context.Context, dirs []string) ([]string, error) {
	r, err := b.ask(ctx, question{Files: dirs}, 3*time.Second+slack)
	return r.Files, err
}

// Kill ends the sandbox at once.
func (b *Beside) Kill() { b.kill() }

// ask has one question answered at a time. Another's silence ends it, and all that
// would come after: an answer that is late would be taken for the next one's.
func (b *Beside) ask(ctx context.Context, q question, within time.Duration) (r reply, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	stop := context.AfterFunc(ctx, func() { _ = b.conn.Close() })
	defer stop()
	if err = b.conn.SetDeadline(time.Now().Add(within)); err == nil {
		if err = writeMessage(b.conn, q); err == nil && len(q.files) > 0 {
			err = sendFiles(b.conn, q.files)
		}
		if err == nil {
			err = readMessage(b.conn, &r)
		}
	}
	if err != nil {
		_ = b.conn.Close()
		return r, fmt.Errorf("asking inside the sandbox: %w", errors.Join(ctx.Err(), err))
	}
	if r.Err != "" {
		return r, errors.New(r.Err)
	}
	return r, nil
}

// writeMessage writes a value as its length and JSON.
func writeMessage(w io.Writer, v any) error {
	raw, err := json.Marshal(v)
	if err == nil && len(raw) > maxMessage {
		err = fmt.Errorf("a message of %d bytes is too long", len(raw))
	}
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(raw))), raw...))
	return err
}

// readMessage reads what writeMessage wrote, or refuses it.
func readMessage(r io.Reader, v any) error {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > maxMessage {
		return fmt.Errorf("a message of %d bytes is too long", n)
	}
	raw := make([]byte, n)
	if _, err := io.ReadFull(r, raw); err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}
