package sandbox

import (
	"context"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// handed has a command run beside with pipes, and gives its output and the line's other
// end.
func handed(t *testing.T, ctx context.Context, in *Beside, argv ...string) (out *os.File, at net.Conn) { //nolint:revive // as tests have it
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	own, other, err := line()
	if err != nil {
		t.Fatal(err)
	}
	err = in.Hand(ctx, Handed{Command: Command{Argv: argv, Env: []string{"A=1"}, Dir: "/tmp"}, Streams: [3]*os.File{null, w, w}, Line: other})
	if err != nil {
		t.Errorf("%q: %v", argv, err)
	}
	_, _, _ = w.Close(), null.Close(), other.Close()
	t.Cleanup(func() { _, _ = r.Close(), own.Close() })
	return r, own
}

// A command that is handed streams is restricted as what runs is, several run at a time,
// and each tells its end.
func TestHanded(t *testing.T) {
	spec := inside(t, "sleep", "60000")
	spec.User, spec.Group, spec.Limits.OpenFiles = 7, 8, 100
	_ = beside(t, spec, func(ctx context.Context, in *Beside) {
		_, waiting := handed(t, ctx, in, "/bin/inside", "sleep", "60000")
		for _, tt := range []struct {
			argv []string
			out  string
			end  End
		}{
			{[]string{"/bin/inside", "status", "Uid", "Gid"}, "Uid 7\t7\t7\t7\nGid 8\t8\t8\t8\n", End{}},
			{[]string{"/bin/inside", "status", "Seccomp", "CapEff", "NoNewPrivs"}, "CapEff 0000000000000000\nNoNewPrivs 1\nSeccomp 2\n", End{}},
			{[]string{"/bin/inside", "env"}, "A=1\n", End{}},
			{[]string{"/bin/inside", "pwd"}, "/tmp\n", End{}},
			{[]string{"/bin/inside", "exit", "3"}, "", End{Code: 3}},
			{[]string{"/bin/inside", "suicide"}, "", End{Code: 137}},
			{[]string{"/bin/gone"}, "", End{Code: 127, Why: "executing /bin/gone: no such file"}},
		} {
			out, at := handed(t, ctx, in, tt.argv...)
			end, err := ReadEnd(at)
			text, _ := io.ReadAll(out)
			if string(text) != tt.out || end != tt.end || err != nil {
				t.Errorf("%q: %q %+v %v", tt.argv, text, end, err)
			}
		}
		if _, err := waiting.Write([]byte{byte(unix.SIGTERM)}); err != nil {
			t.Error(err)
		}
		if end, err := ReadEnd(waiting); err != nil || end.Code == 0 {
			t.Errorf("told to end: %+v, %v", end, err)
		}
		if _, err := in.Run(ctx, Command{Argv: []string{"/bin/inside", "pwd"}}); err != nil {
			t.Errorf("asked behind it: %v", err)
		}
	})
}

// Whose line is cut is ended.
func TestHandedIsCut(t *testing.T) {
	_ = beside(t, inside(t, "sleep", "60000"), func(ctx context.Context, in *Beside) {
		out, at := handed(t, ctx, in, "/bin/inside", "sleep", "60000")
		if err := at.Close(); err != nil {
			t.Error(err)
		}
		ended := make(chan struct{})
		go func() {
			_, _ = io.ReadAll(out)
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Error("it lives on")
		}
	})
}

// Files that do not come as they are announced are refused, and none stays open.
func TestReceivedFiles(t *testing.T) {
	own, other, err := line()
	if err != nil {
		t.Fatal(err)
	}
	conn, ok := own.(*net.UnixConn)
	if !ok {
		t.Fatalf("%T", own)
	}
	if err := SendFiles(conn, other, other); err != nil {
		t.Fatal(err)
	}
	if files, err := receiveFiles(int(other.Fd()), 3); err == nil || files != nil || !strings.Contains(err.Error(), "2 files came, not 3") {
		t.Errorf("%v, %v", files, err)
	}
	if _, err := conn.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	if files, err := receiveFiles(int(other.Fd()), 3); err == nil || files != nil {
		t.Errorf("%v, %v", files, err)
	}
}
