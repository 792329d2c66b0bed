package target

import (
	"context"
	_ "embed" // probe.sh
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"dram/internal/problem"
)

// probe is what the remote shell runs.
//
//go:embed probe.sh
var probe string

const (
	connectSeconds = 15               // for ssh to connect
	greetWithin    = 30 * time.Second // from the start of ssh until the probe answers
	answerWithin   = 2 * time.Minute  // for one answer; the largest library seen takes seconds
	endWithin      = 2 * time.Second  // for ssh to end by itself
	maxStderr      = 8 << 10          // bytes of ssh's messages that are kept
)

// sshTarget is where to connect to.
type sshTarget struct{ destination, port string }

// sshPattern is [USER@]HOST[:PORT]; an address of IPv6 is in brackets. No part
// begins with "-", which ssh would take for an option.
var sshPattern = regexp.MustCompile(`^((?:[A-Za-z0-9_.][A-Za-z0-9_.+\\@-]*@)?)(?:\[([0-9A-Fa-f:.%A-Za-z0-9]+)\]|([A-Za-z0-9_.][A-Za-z0-9_.-]*))(?::([0-9]{1,5}))?$`)

func parseSSH(value string) (sshTarget, bool) {
	m := sshPattern.FindStringSubmatch(value)
	if m == nil {
		return sshTarget{}, false
	}
	if n, _ := strconv.Atoi(m[4]); m[4] != "" && (n < 1 || n > 65535) {
		return sshTarget{}, false
	}
	return sshTarget{m[1] + m[2] + m[3], m[4]}, true
}

// openSSH opens a machine that is reached with the user's own ssh, so that its
// configuration, keys, agent and known hosts count. Nothing is asked of the
// user meanwhile. What is needed of the machine's files is read when it is
// asked for.
func openSSH(ctx context.Context, ref, value string) (*Target, error) {
	where, ok := parseSSH(value)
	if !ok {
		return nil, problem.New(problem.Usage, "write ssh:[USER@]HOST[:PORT]", "target %q names no host", ref)
	}
	program, err := exec.LookPath("ssh")
	if err != nil {
		return nil, problem.New(problem.Environment, "install OpenSSH's client, or capture the target there: dram target capture host: -o target.json",
			"opening target %q: there is no program ssh: %w", ref, err)
	}
	link, err := dial(ctx, program, where)
	if err != nil {
		return nil, fmt.Errorf("opening target %q: %w", ref, err)
	}
	root, err := newRemote(link, patience{greetWithin, answerWithin})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening target %q: %w", ref, err), link.Close())
	}
	t, err := New(ref, root)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return t, nil
}

// sshLink is a running ssh with the probe at its other end.
type sshLink struct {
	io.Reader
	io.Writer
	stdin   io.Closer
	stdout  io.Closer // closed, it lets ssh go on that has more to say
	cancel  context.CancelFunc
	done    chan struct{} // closed when ssh has ended
	stderr  *tailBuffer
	command *exec.Cmd
	// cancelled is why the caller wants no answer any more, nil if it does.
	cancelled func() error
}

func dial(ctx context.Context, program string, where sshTarget) (*sshLink, error) {
	args := []string{
		"-T", "-x", "-a", "-o", "BatchMode=yes", "-o", "ConnectTimeout=" + strconv.Itoa(connectSeconds), "-o", "ServerAliveInterval=15",
		"-o", "ServerAliveCountMax=3", "-o", "Compression=yes", "-o", "ClearAllForwardings=yes", "-o", "PermitLocalCommand=no",
	}
	if where.port != "" {
		args = append(args, "-p", where.port)
	}
	caller := ctx
	ctx, cancel := context.WithCancel(ctx)
	l := &sshLink{
		cancel: cancel, done: make(chan struct{}), stderr: &tailBuffer{},
		cancelled: func() error { return context.Cause(caller) },
	}
	l.command = exec.CommandContext(ctx, program, append(args, "--", where.destination, "sh")...)
	l.command.Stderr = l.stderr
	l.command.WaitDelay = endWithin
	stdin, err := l.command.StdinPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	out, in := io.Pipe() // unlike StdoutPipe, it may be read while Wait waits
	l.command.Stdout = in
	l.Reader, l.Writer, l.stdin, l.stdout = out, stdin, stdin, out
	if err := l.command.Start(); err != nil {
		cancel()
		return nil, problem.New(problem.Environment, "see that ssh can be run", "starting ssh: %w", err)
	}
	go func() {
		defer close(l.done)
		_ = in.CloseWithError(errors.Join(io.EOF, l.command.Wait()))
	}()
	return l, nil
}

// within ends the connection when the returned function is not called in time.
func (l *sshLink) within(d time.Duration) (stop func() bool) {
	return time.AfterFunc(d, l.cancel).Stop
}

// Close ends ssh, with patience at first.
func (l *sshLink) Close() error {
	_, _ = io.WriteString(l.Writer, "bye\n\n") // it may be gone
	_ = l.stdin.Close()
	stop := l.within(endWithin)
	defer stop()
	go func() { _, _ = io.Copy(io.Discard, l.Reader) }()
	<-l.done
	l.cancel()
	return nil
}

// sshCauses is how ssh and sshd say what is wrong, and what to do. The first
// that matches counts.
func sshCauses() []struct {
	says string
	kind problem.Kind
	hint string
} {
	return []struct {
		says string
		kind problem.Kind
		hint string
	}{
		{"Host key verification failed", problem.Environment, "the host's key is not known, or another one: connect once with ssh by hand, compare the key, and let ssh keep it"},
		{"Permission denied (", problem.Environment, "let a key in that needs no passphrase now (ssh-add, ssh-copy-id); dram asks for no password"},
		{"Could not resolve hostname", problem.Failure, "see that the host's name is right, or give it one in ~/.ssh/config"},
		{"Connection refused", problem.Failure, "see that sshd listens there, and on which port: ssh:HOST:PORT"},
		{"timed out", problem.Failure, "see that the host is up and can be reached from here"},
		{"No route to host", problem.Failure, "see that the host is up and can be reached from here"},
		{"not found", problem.Failure, "the remote has no POSIX shell; check against its image or a directory instead"},
		{"No such file", problem.Failure, "the remote has no POSIX shell; check against its image or a directory instead"},
	}
}

// failed says why there is no answer.
func (l *sshLink) failed(cause error) error {
	l.cancel()
	_ = l.stdout.Close()
	<-l.done
	if err := l.cancelled(); err != nil {
		return err
	}
	said := l.stderr.String()
	for _, c := range sshCauses() {
		if strings.Contains(said, c.says) {
			return problem.New(c.kind, c.hint, "ssh says %q", lastLine(said))
		}
	}
	if errors.Is(cause, errSlow) {
		return problem.New(problem.Failure, "see that the host is up and runs what `ssh HOST sh` starts", "%w", cause)
	}
	if said = lastLine(said); said != "" {
		cause = fmt.Errorf("%w; ssh says %q", cause, said)
	}
	return problem.New(problem.Failure, "see that `ssh HOST sh` starts a POSIX shell that has wc and cat", "talking to the remote shell: %w", cause)
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// tailBuffer keeps the end of what is written to it.
type tailBuffer struct {
	mu sync.Mutex
	b  []byte
}

func (t *tailBuffer) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if over := len(t.b) - maxStderr; over > 0 {
		t.b = t.b[over:]
	}
	return len(p), nil
}

func (t *tailBuffer) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
