package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/problem"
	"dram/internal/store"
)

func TestSeesOnlyItsOwn(t *testing.T) {
	spec := inside(t, "ls", "/", "+", "ls", "/proc/1/task", "+", "ls", "/dev", "+", "id", "+", "hostname", "+", "pwd", "+", "env")
	spec.Env = []string{"A=1", "B=x y", "EMPTY="}
	spec.Dir = "/tmp"
	got := mustOutput(t, spec)
	got = regexp.MustCompile(`(?m)^1 .*\d$`).ReplaceAllString(got, "THREADS") // of PID 1
	want := `bin dev etc proc run tmp
THREADS
fd full null ptmx pts random shm stderr stdin stdout tty urandom zero
0 0 1
dram
/tmp
A=1
B=x y
EMPTY=
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOnlyItsProcesses(t *testing.T) {
	out := mustOutput(t, inside(t, "ls", "/proc"))
	if pids := regexp.MustCompile(`\b\d+\b`).FindAllString(out, -1); len(pids) != 1 || pids[0] != "1" {
		t.Errorf("processes %q, want only 1 in %s", pids, out)
	}
}

func TestRights(t *testing.T) {
	// CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID NET_BIND_SERVICE SYS_CHROOT
	const root, none = "00000000000404fb", "0000000000000000"
	tests := []struct {
		name      string
		user      int
		reap      bool
		uids, cap string
	}{
		{"root", 0, false, "0\t0\t0\t0", root},
		{"root under init", 0, true, "0\t0\t0\t0", root},
		{"user", 1000, false, "1000\t1000\t1000\t1000", none},
		{"user under init", 1000, true, "1000\t1000\t1000\t1000", none},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := inside(t, "status", "Uid", "Gid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
			spec.User, spec.Group, spec.Reap = tt.user, tt.user, tt.reap
			want := fmt.Sprintf("Uid %s\nGid %s\nCapInh %s\nCapPrm %s\nCapEff %s\nCapBnd %s\nCapAmb %s\nNoNewPrivs 1\nSeccomp 2\n",
				tt.uids, tt.uids, none, tt.cap, tt.cap, tt.cap, none)
			if diff := cmp.Diff(want, mustOutput(t, spec)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFilteredCalls(t *testing.T) {
	want := `chown=
clone user=EPERM
clone3=ENOSYS
device there=ENOENT
fchownat=
lchown=
mknod device=
mknod fifo=
mount=EPERM
open_tree=EPERM
ptrace=EPERM
setgroups=
tiocsti=EPERM
unshare fs=
unshare user=EPERM
`
	for _, reap := range []bool{false, true} {
		spec := inside(t, "calls", "+", "stat", "/tmp/f")
		spec.Reap = reap
		if diff := cmp.Diff(want+"100644 0:0\n", mustOutput(t, spec)); diff != "" {
			t.Errorf("reap %v: %s", reap, diff)
		}
	}
}

func TestMachineSettingsAreReadOnly(t *testing.T) {
	out, err := output(t, inside(t, "bind"))
	if err == nil || os.Geteuid() == 0 && !strings.Contains(out, "read-only file system") {
		t.Errorf("opening /proc/sys for writing: %v %s", err, out)
	}
}

func TestNetwork(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	dial := []string{"dial", "tcp", l.Addr().String()}

	t.Run("loopback", func(t *testing.T) {
		if out := mustOutput(t, inside(t, "listen")); out != "pong\n" {
			t.Errorf("got %q", out)
		}
		if out, err := output(t, inside(t, dial...)); err == nil {
			t.Errorf("reached the host: %s", out)
		}
		if out, err := output(t, inside(t, "dial", "tcp", "192.0.2.1:80")); err == nil || !strings.Contains(out, "unreachable") {
			t.Errorf("reached the outside: %v %s", err, out)
		}
	})
	t.Run("host", func(t *testing.T) {
		spec := inside(t, append(dial, "+", "cat", "/etc/resolv.conf", "+", "cat", "/etc/hosts")...)
		spec.Network, spec.Hostname = Host, "box"
		out := mustOutput(t, spec)
		if !strings.HasSuffix(out, "\n127.0.0.1\tbox\n") {
			t.Errorf("hosts without the sandbox's name: %s", out)
		}
		if resolv, err := os.ReadFile("/etc/resolv.conf"); err == nil && !strings.HasPrefix(out, string(resolv)) {
			t.Errorf("resolv.conf is %q", out)
		}
	})
}

func TestResolvConfThroughLink(t *testing.T) {
	spec := inside(t, "stat", "/run/systemd/resolve/stub", "+", "cat", "/etc/resolv.conf")
	top := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(top, "etc"), 0o755),
		os.Symlink("../run/systemd/resolve/stub", filepath.Join(top, "etc/resolv.conf"))); err != nil {
		t.Fatal(err)
	}
	spec.Lower = append([]string{top}, spec.Lower...)
	spec.Network = Host
	mustOutput(t, spec)
}

func TestExit(t *testing.T) {
	tests := []struct {
		name string
		argv []string
		reap bool
		want ExitError
	}{
		{"code", []string{"/bin/inside", "exit", "7"}, false, ExitError{Code: 7}},
		{"code under init", []string{"/bin/inside", "exit", "7"}, true, ExitError{Code: 7}},
		{"signal under init", []string{"/bin/inside", "suicide"}, true, ExitError{Code: 137, Signal: "SIGKILL"}},
		{"not found", []string{"nonesuch"}, false, ExitError{Code: 127, Why: "nonesuch: command not found (PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)"}},
		{"no such path", []string{"/bin/nonesuch"}, true, ExitError{Code: 127, Why: "executing /bin/nonesuch: no such file"}},
		{"not executable", []string{"/etc/hosts"}, false, ExitError{Code: 126, Why: "executing /etc/hosts: permission denied"}},
		{"directory", []string{"/bin"}, true, ExitError{Code: 126, Why: "executing /bin: permission denied"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := inside(t)
			spec.Argv, spec.Reap = tt.argv, tt.reap
			_, err := output(t, spec)
			var exit *ExitError
			if !errors.As(err, &exit) || *exit != tt.want {
				t.Errorf("got %v, want %+v", err, tt.want)
			}
			if !strings.Contains(err.Error(), tt.argv[0]) {
				t.Errorf("message %q does not name the command", err)
			}
		})
	}
	t.Run("looked up in PATH", func(t *testing.T) {
		spec := inside(t)
		spec.Argv, spec.Env = []string{"inside", "argv", "", "a b"}, []string{"PATH=/none:/bin"}
		if out := mustOutput(t, spec); out != `["" "a b"]`+"\n" {
			t.Errorf("got %s", out)
		}
	})
}

func TestStandardStreams(t *testing.T) {
	spec := inside(t, "cat", "-")
	spec.Stdin = strings.NewReader("hello")
	if out := mustOutput(t, spec); out != "hello" {
		t.Errorf("got %q", out)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	spec = inside(t, "exit", "0")
	spec.Stdin = r // never written to, never closed
	mustOutput(t, spec)
	spec.Stdin = io.MultiReader(r)
	spec.Scratch = t.TempDir()
	mustOutput(t, spec)
}

func TestNothingLeaks(t *testing.T) {
	dir, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dir.Close() }()
	for _, reap := range []bool{false, true} {
		// A descriptor that is not closed on exec, as careless parents leave them.
		leaked, err := syscall.Dup(int(dir.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		spec := inside(t, "fds", "+", "cat", "/proc/1/cmdline")
		spec.Reap = reap
		spec.Env = []string{"SECRET=hunter2"}
		out := mustOutput(t, spec)
		_ = syscall.Close(leaked)
		if strings.Contains(out, "leaked") || strings.Contains(out, "hunter2") {
			t.Errorf("reap %v: %q", reap, out)
		}
	}
	for _, name := range []string{"root", "fd/3", "exe", "environ", "mem"} {
		spec := inside(t, "cat", "/proc/1/"+name)
		spec.Reap = true
		if out, err := output(t, spec); err == nil || !strings.Contains(out, "permission denied") {
			t.Errorf("the init's %s is open to the command: %v %s", name, err, out)
		}
	}
}

func TestLimits(t *testing.T) {
	tests := []struct {
		limits Limits
		want   []string
	}{
		{Limits{}, []string{`Max core file size\s+[01]\s+[01]\s`, `Max open files\s+(65536|\d{4,5})\s`, `Max processes\s+8192\s+8192`}},
		{Limits{OpenFiles: 100, Processes: 50, Core: 4096}, []string{`Max core file size\s+4096\s`, `Max open files\s+100\s+100`, `Max processes\s+50\s+50`}},
	}
	for _, tt := range tests {
		var old syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &old); err != nil {
			t.Fatal(err)
		}
		if old.Max < tt.limits.Core {
			t.Skip("the caller's own limit is lower")
		}
		spec := inside(t, "cat", "/proc/self/limits")
		spec.Limits = tt.limits
		out := mustOutput(t, spec)
		if one := regexp.MustCompile(`core file size\s+1\s+1\s`); tt.limits.Core == 0 && old.Max > 0 && !one.MatchString(out) {
			t.Errorf("a crash goes to the host's handler:\n%s", out)
		}
		for _, want := range tt.want {
			if !regexp.MustCompile(want).MatchString(out) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
	}
}

func TestReapsOrphans(t *testing.T) {
	spec := inside(t, "orphan")
	spec.Reap = true
	if out := mustOutput(t, spec); out != "reaped\n" {
		t.Errorf("got %q", out)
	}
}

func TestTwoAtOnce(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 4 {
		spec := inside(t, "write", "/f", fmt.Sprint(i), "+", "listen", "+", "cat", "/f")
		wg.Go(func() {
			if out, err := output(t, spec); err != nil || out != fmt.Sprintf("pong\n%d", i) {
				t.Errorf("%d: %v %q", i, err, out)
			}
		})
	}
	wg.Wait()
}

// ready gives Run's writer and a channel closed at the first output.
func ready(spec *Spec) <-chan string {
	lines := make(chan string, 16)
	r, w := io.Pipe()
	spec.Stdout = w
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return lines
}

func TestCancel(t *testing.T) {
	tests := []struct {
		name  string
		argv  []string
		reap  bool
		exit  *ExitError // what the process made of it
		grace time.Duration
	}{
		{"graceful", []string{"stubborn", "0"}, false, &ExitError{}, time.Minute},
		{"graceful with a code", []string{"stubborn", "3"}, false, &ExitError{Code: 3}, time.Minute},
		{"graceful under init", []string{"stubborn", "3"}, true, &ExitError{Code: 3}, time.Minute},
		{"dies under init", []string{"sleep", "60000"}, true, &ExitError{Code: 128 + 15, Signal: "SIGTERM"}, time.Minute},
		{"ignores SIGTERM", []string{"stubborn"}, false, &ExitError{Code: 137, Signal: "SIGKILL"}, 100 * time.Millisecond},
		{"ignores SIGTERM under init", []string{"stubborn"}, true, &ExitError{Code: 137, Signal: "SIGKILL"}, 100 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := inside(t, tt.argv...)
			spec.Reap, spec.Grace = tt.reap, tt.grace
			lines := ready(&spec)
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-lines; cancel() }()
			err := Run(ctx, spec)
			if !errors.Is(err, context.Canceled) || problem.Code(err) != 130 {
				t.Errorf("got %v, want it cancelled", err)
			}
			var exit *ExitError
			errors.As(err, &exit)
			if diff := cmp.Diff(tt.exit, exit); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("before the start", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Run(ctx, inside(t, "id")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("at any moment", func(t *testing.T) {
		for d := time.Duration(0); d < 20*time.Millisecond; d += 2 * time.Millisecond {
			spec := inside(t, "sleep", "60000")
			spec.Reap, spec.Grace = true, 50*time.Millisecond
			ctx, cancel := context.WithTimeout(t.Context(), d)
			if err := Run(ctx, spec); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("after %v: %v", d, err)
			}
			cancel()
		}
	})
}

// TestKilledCaller kills a process that runs a sandbox; the sandbox's processes
// hold a pipe's write end, so that its end shows that all are gone.
func TestKilledCaller(t *testing.T) {
	for _, name := range []string{"plain", "reap"} {
		dir := filepath.Join(t.TempDir(), name)
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, "scratch"), 0o755),
			os.Symlink(baseRoot(), filepath.Join(dir, "root"))); err != nil {
			t.Fatal(err)
		}
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
		cmd.Env = append(os.Environ(), victimVar+"="+dir)
		cmd.Stdout = w
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_ = w.Close()
		buf := bufio.NewReader(r)
		if line, err := buf.ReadString('\n'); line != "ready\n" {
			t.Fatalf("got %q, %v", line, err)
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if err := r.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(buf); err != nil {
			t.Errorf("%s: the sandbox lives on: %v", name, err)
		}
		_ = r.Close()
		if err := store.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	for _, reap := range []bool{false, true} {
		b.Run(fmt.Sprintf("reap=%v", reap), func(b *testing.B) {
			for b.Loop() {
				spec := inside(b, "exit", "0")
				spec.Reap = reap
				if err := Run(b.Context(), spec); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
