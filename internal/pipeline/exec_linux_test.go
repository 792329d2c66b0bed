package pipeline

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/problem"
	"dram/internal/sandbox/ptytest"
	"dram/internal/session"
)

// service runs until it is told to end; commands of its script say who they are.
const service = `case $1 in
start) echo ready; trap 'exit 0' TERM; while :; do read x < /dev/null; done ;;
who) read a b < /proc/self/uid_map; echo "$a $MINE $PWD $2" ;;
fail) echo wrong >&2; exit 7 ;;
term) trap 'echo told; exit 9' TERM; echo waiting; while :; do read x < /dev/null; done ;;
stubborn) trap '' TERM HUP; echo waiting; while :; do read x < /dev/null; done ;;
echo) while read line; do echo "<$line>"; done ;;
esac`

// running has an image run under a name until the test ends, or stop is called.
func (w *world) running(t *testing.T, name string) (stop func() error) {
	t.Helper()
	from := imageWith(t, v1.Config{
		Entrypoint: []string{"/usr/bin/tool", "--", "/app/bin/hello"}, Cmd: []string{"start"}, Env: []string{"PATH=/usr/bin:/bin", "MINE=theirs"}, User: "7:8", WorkingDir: "/app",
	}, tree{"app/bin/hello": "#!/bin/sh\n" + service, "usr/bin/tool": "#!/bin/sh\nshift; exec \"$@\"\n"})
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	out := writerFunc(func(p []byte) (int, error) {
		if strings.Contains(string(p), "ready") {
			close(ready)
		}
		return len(p), nil
	})
	go func() { ended <- w.RunImage(ctx, from, RunOptions{Name: name, Stdout: out, Stderr: io.Discard}) }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = stop() })
	return stop
}

// in runs a command beside it.
func (w *world) in(ctx context.Context, name string, c session.Call) (out string, code int, err error) {
	said := &lines{}
	if c.Stdout == nil {
		c.Stdout, c.Stderr = said, said
	}
	err = w.ExecIn(ctx, name, c)
	code, _, _ = Ended(err)
	return said.String(), code, err
}

// A command comes in beside what runs, as the same user and with the same environment,
// and its streams and its exit code come out.
func TestExecIn(t *testing.T) {
	w := newWorld(t)
	w.running(t, "hello")
	for _, tt := range []struct {
		name string
		call session.Call
		out  string
		code int
	}{
		{"a command of the script", session.Call{Argv: []string{"who", "x y"}}, "7 theirs /app x y\n", 0},
		{"a variable", session.Call{Argv: []string{"who"}, Env: []string{"MINE=mine"}}, "7 mine /app \n", 0},
		{"one that fails", session.Call{Argv: []string{"fail"}}, "wrong\n", 7},
		{"a program", session.Call{Argv: []string{"/bin/sh", "-c", "echo $0; kill -9 $$"}}, "/bin/sh\n", 137},
		{"input", session.Call{Argv: []string{"echo"}, Stdin: strings.NewReader("a\nb\n")}, "<a>\n<b>\n", 0},
		{"no program", session.Call{Argv: []string{"/bin/none"}}, "", 127},
		{"no rights", session.Call{Argv: []string{"/bin/sh", "-c", "while read k v; do case $k in CapEff:|CapBnd:|NoNewPrivs:|Seccomp:) echo $v; esac; done < /proc/self/status"}}, "0000000000000000\n0000000000000000\n1\n2\n", 0},
		{"no files of the caller's", session.Call{Argv: []string{"/bin/sh", "-c", "for f in /proc/self/fd/*; do [ -f $f ] && [ ${f##*/} -lt 3 ] && echo $f; done; true"}}, "", 0},
	} {
		if out, code, _ := w.in(t.Context(), "hello", tt.call); out != tt.out || code != tt.code {
			t.Errorf("%s: %d %q, want %d %q", tt.name, code, out, tt.code, tt.out)
		}
	}
}

// Who stops a command has it told first, and killed then.
func TestExecInIsStopped(t *testing.T) {
	w := newWorld(t)
	w.running(t, "hello")
	for command, want := range map[string]int{"term": 9, "stubborn": 137} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		out := writerFunc(func(p []byte) (int, error) {
			cancel()
			return len(p), nil
		})
		if _, code, err := w.in(ctx, "hello", session.Call{Argv: []string{command}, Stdout: out, Stderr: io.Discard, Grace: 300 * time.Millisecond}); code != want {
			t.Errorf("%s: %v", command, err)
		}
		cancel()
	}
}

// What ends takes its commands along, and its name is free again.
func TestExecInWhatEnds(t *testing.T) {
	w := newWorld(t)
	stop := w.running(t, "hello")
	out := writerFunc(func(p []byte) (int, error) {
		go func() { _ = stop() }()
		return len(p), nil
	})
	_, _, err := w.in(t.Context(), "hello", session.Call{Argv: []string{"stubborn"}, Stdout: out, Stderr: io.Discard})
	if problem.Code(err) != int(problem.Failure) || !strings.Contains(err.Error(), "ended") {
		t.Errorf("%v", err)
	}
	_ = stop()
	if _, _, err := w.in(t.Context(), "hello", session.Call{Argv: []string{"who"}}); problem.Code(err) != int(problem.Usage) || !strings.Contains(err.Error(), `nothing runs under the name "hello"`) {
		t.Errorf("%v", err)
	}
	w.running(t, "hello")
}

// A name is one run's, and what is none is refused.
func TestNamesOfRuns(t *testing.T) {
	w := newWorld(t)
	w.running(t, "hello")
	from := imageWith(t, v1.Config{Cmd: []string{"/bin/sh", "-c", "true"}}, nil)
	for name, says := range map[string]string{"hello": "already", "../hello": "cannot be the name", "-x": "cannot be the name", strings.Repeat("a", 64): "cannot be the name"} {
		if err := w.RunImage(t.Context(), from, RunOptions{Name: name}); problem.Code(err) != int(problem.Usage) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", name, err)
		}
	}
	_, _, err := w.in(t.Context(), "other", session.Call{Argv: []string{"who"}})
	if problem.Code(err) != int(problem.Usage) || !strings.Contains(problem.Hint(err), `"hello"`) {
		t.Errorf("%v: %s", err, problem.Hint(err))
	}
	if err := w.RunImage(t.Context(), from, RunOptions{Name: "another"}); err != nil {
		t.Error(err)
	}
}

// Who speaks otherwise at the door is sent away, and it stays open for others.
func TestExecInGarbage(t *testing.T) {
	w := newWorld(t)
	w.running(t, "hello")
	socket := filepath.Join(w.sessions(), "hello.sock")
	dir, err := os.Open(filepath.Dir(socket))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dir.Close() }()
	for _, text := range []string{"", "\n", "{}\n", "{\"Argv\":[]}\nx", strings.Repeat("a", 2<<20), "{\"Argv\":[\"who\"]}\n"} {
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Net: "unix", Name: socketOf(dir)})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(text)) // it may be sent away in the middle
		_ = conn.CloseWrite()
		said, _ := io.ReadAll(conn)
		if strings.Contains(string(said), "theirs") {
			t.Errorf("%.30q: %q", text, said)
		}
		_ = conn.Close()
	}
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if out, _, err := w.in(t.Context(), "hello", session.Call{Argv: []string{"who"}}); out != "7 theirs /app \n" {
		t.Errorf("%q, %v", out, err)
	}
}

func socketOf(dir *os.File) string {
	return "/proc/self/fd/" + strconv.Itoa(int(dir.Fd())) + "/hello.sock"
}

// A command has a terminal of its own: its size, its keys, and Ctrl-C.
func TestExecInAtATerminal(t *testing.T) {
	w := newWorld(t)
	w.running(t, "hello")
	master, tty, err := ptytest.Open(t)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 33, Cols: 99}); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, master) }() // somebody has to look at it
	script := `trap 'echo interrupted' INT; [ -t 0 ] && [ -t 1 ] && echo at a terminal; read a; echo "<$a>"; read b || echo again; read c; echo "($c)"; exit 5`
	typed := func(text string) func() { return func() { _, _ = master.WriteString(text) } }
	out := &onText{to: tty, then: map[string]func(){"at a terminal": typed("one\r"), "<one>": typed("\x03"), "interrupted": typed("two\r\r")}}
	_, code, err := w.in(t.Context(), "hello", session.Call{
		Argv: []string{"/bin/sh", "-c", script}, Terminal: tty, Stdin: tty, Stdout: out, Stderr: io.Discard,
	})
	if text := out.all.String(); code != 5 || !strings.Contains(text, "<one>") || !strings.Contains(text, "interrupted") {
		t.Errorf("%d %q, %v", code, text, err)
	}
}

// onText does something once a text was written.
type onText struct {
	to   io.Writer
	all  strings.Builder
	then map[string]func()
}

func (o *onText) Write(p []byte) (int, error) {
	o.all.Write(p)
	for text, do := range o.then {
		if strings.Contains(o.all.String(), text) {
			delete(o.then, text)
			do()
		}
	}
	return o.to.Write(p)
}

// A program of the image's own that is process 1 is left out of commands.
func TestWithin(t *testing.T) {
	for _, tt := range []struct{ entry, words, want []string }{
		{[]string{"/usr/lib/dram/init", "/app/bin/hello"}, []string{"remote"}, []string{"/app/bin/hello", "remote"}},
		{[]string{"/usr/lib/dram/init", "/usr/bin/my"}, []string{"a"}, []string{"/usr/bin/my", "a"}},
		{[]string{"tini", "--", "/app/bin/hello"}, []string{"rpc", "x"}, []string{"/app/bin/hello", "rpc", "x"}},
		{[]string{"/app/bin/hello"}, []string{"/bin/sh", "x"}, []string{"/bin/sh", "x"}},
		{nil, []string{"ls"}, []string{"ls"}},
	} {
		if diff := cmp.Diff(tt.want, Within(tt.entry, tt.words)); diff != "" {
			t.Error(diff)
		}
	}
}
