package sandbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// beside runs spec and attends to it; then it is stopped.
func beside(t *testing.T, spec Spec, attend func(context.Context, *Beside)) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	spec.Grace = 200 * time.Millisecond
	attended := false
	err := RunBeside(ctx, spec, func(ctx context.Context, in *Beside) {
		attended = true
		attend(ctx, in)
		cancel()
	})
	if !attended {
		t.Error("nobody attended")
	}
	return err
}

// until asks again until it holds, for ten seconds at most.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 500 {
		if holds() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%s: not within ten seconds", what)
}

// A command beside the process is in the same sandbox, and is restricted as that is.
func TestBeside(t *testing.T) {
	spec := inside(t, "write", "/tmp/mine", "x", "+", "serve", "127.0.0.1:80", "pong")
	spec.User, spec.Group, spec.Limits.OpenFiles = 7, 8, 100
	tests := []struct {
		argv []string
		want Answer
	}{
		{[]string{"/bin/inside", "status", "Uid", "Gid"}, Answer{Output: []byte("Uid 7\t7\t7\t7\nGid 8\t8\t8\t8\n")}},
		{[]string{"/bin/inside", "status", "Seccomp", "CapEff", "NoNewPrivs"}, Answer{Output: []byte("CapEff 0000000000000000\nNoNewPrivs 1\nSeccomp 2\n")}},
		{[]string{"/bin/inside", "env"}, Answer{Output: []byte("A=1\n")}},
		{[]string{"/bin/inside", "pwd"}, Answer{Output: []byte("/tmp\n")}},
		{[]string{"/bin/inside", "hostname"}, Answer{Output: []byte("dram\n")}},
		{[]string{"/bin/inside", "cat", "/tmp/mine"}, Answer{Output: []byte("x")}},
		{[]string{"/bin/inside", "exit", "3"}, Answer{Code: 3}},
		{[]string{"/bin/inside", "suicide"}, Answer{Code: 137}},
	}
	err := beside(t, spec, func(ctx context.Context, in *Beside) {
		until(t, "files", func() bool {
			files, _ := in.Files(ctx, []string{"/tmp"})
			return cmp.Equal(files, []string{"/tmp/mine"})
		})
		until(t, "the port", func() bool { heard, err := in.Talk(ctx, 80, nil); return err == nil && string(heard) == "pong" })
		if heard, err := in.Talk(ctx, 81, nil); err == nil {
			t.Errorf("a port where nobody is said %q", heard)
		}
		for _, tt := range tests {
			got, err := in.Run(ctx, Command{Argv: tt.argv, Env: []string{"A=1"}, Dir: "/tmp"})
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%q: %v %s", tt.argv, err, diff)
			}
		}
		if _, err := in.Run(ctx, Command{Argv: []string{"/bin/gone"}}); err == nil || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("a command that is not there: %v", err)
		}
	})
	if exit, ok := errors.AsType[*ExitError](err); !ok || exit.Code != 2 {
		t.Errorf("it ended with %v, want what Go makes of SIGTERM", err)
	}
}

// What a command prints and how long it takes is bounded, and whom it leaves behind
// keeps nobody waiting.
func TestBesideIsBounded(t *testing.T) {
	spec := inside(t, "sleep", "60000")
	var left []string
	_ = beside(t, spec, func(ctx context.Context, in *Beside) {
		for _, argv := range [][]string{{"sleep", "60000"}, {"flood"}, {"spawn", "sleep", "60000", "+", "sleep", "60000"}, {"spawn", "sleep", "60001"}} {
			begun := time.Now()
			got, err := in.Run(ctx, Command{Argv: append([]string{"/bin/inside"}, argv...), Within: 300 * time.Millisecond})
			if took := time.Since(begun); err != nil || took > 5*time.Second || len(got.Output) > maxOutput {
				t.Errorf("%q: %d bytes after %s, %v", argv, len(got.Output), took, err)
			}
			if late := argv[len(argv)-1] != "60001"; got.Late != late {
				t.Errorf("%q: late %v", argv, got.Late)
			}
		}
		left = descendants(in.Pid)
	})
	if len(left) == 0 {
		t.Error("nothing ran")
	}
	for _, pid := range left {
		if raw, err := os.ReadFile(filepath.Join("/proc", pid, "cmdline")); err == nil && strings.Contains(string(raw), "inside") {
			t.Errorf("process %s is left behind: %q", pid, raw)
		}
	}
}

// descendants are the processes of a sandbox by their numbers on the host.
func descendants(pid int) (out []string) {
	queue := []string{strconv.Itoa(pid)}
	for len(queue) > 0 {
		out = append(out, queue[0])
		threads, _ := filepath.Glob(filepath.Join("/proc", queue[0], "task/*/children"))
		queue = queue[1:]
		for _, name := range threads {
			raw, _ := os.ReadFile(name)
			queue = append(queue, strings.Fields(string(raw))...)
		}
	}
	return out
}

// The companion answers nobody but its caller, and its memory and descriptors are
// closed to all else in the sandbox.
func TestCompanionIsOutOfReach(t *testing.T) {
	_ = beside(t, inside(t, "sleep", "60000"), func(ctx context.Context, in *Beside) {
		own := descendants(in.Pid)[1] // the first child
		pid := regexp.MustCompile(`(?m)^NSpid:.*\t(\d+)$`).FindStringSubmatch(readFile(t, filepath.Join("/proc", own, "status")))
		if pid == nil {
			t.Fatal("the companion has no number inside")
		}
		at := "/proc/" + pid[1] + "/"
		if got, err := in.Run(ctx, Command{Argv: []string{"/bin/inside", "cat", at + "cmdline"}}); string(got.Output) != companionName+"\x00" {
			t.Errorf("process %s is %q, %v", pid[1], got.Output, err)
		}
		for _, name := range []string{"fd/5", "mem", "environ", "exe", "root"} {
			got, err := in.Run(ctx, Command{Argv: []string{"/bin/inside", "cat", at + name}})
			if err != nil || got.Code == 0 || !strings.Contains(string(got.Output), "permission denied") {
				t.Errorf("the companion's %s: %q, %v", name, got.Output, err)
			}
		}
	})
}

// Killed, or ended by itself while somebody is asked, it leaves nobody waiting.
func TestBesideTheEnd(t *testing.T) {
	begun := time.Now()
	err := beside(t, inside(t, "sleep", "60000"), func(ctx context.Context, in *Beside) {
		in.Kill()
		var got Answer
		var err error
		for late := time.Now().Add(10 * time.Second); err == nil && time.Now().Before(late); { // what was asked as it died may be answered
			got, err = in.Run(ctx, Command{Argv: []string{"/bin/inside", "id"}})
		}
		if err == nil {
			t.Errorf("beside one that is gone: %+v", got)
		}
	})
	if exit, ok := errors.AsType[*ExitError](err); !ok || exit.Signal != "SIGKILL" {
		t.Errorf("killed, it ended with %v", err)
	}
	err = RunBeside(t.Context(), inside(t, "sleep", "200", "+", "exit", "4"), func(ctx context.Context, in *Beside) {
		if got, err := in.Run(ctx, Command{Argv: []string{"/bin/inside", "sleep", "60000"}, Within: time.Minute}); err == nil {
			t.Errorf("asked at the end: %+v", got)
		}
	})
	if exit, ok := errors.AsType[*ExitError](err); !ok || exit.Code != 4 {
		t.Errorf("it ended with %v", err)
	}
	spec := inside(t)
	spec.Argv = []string{"/bin/gone"}
	if err := RunBeside(t.Context(), spec, func(context.Context, *Beside) {}); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("what is not there: %v", err)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}

// Messages are refused beyond their bound, and when they are cut short.
func TestMessages(t *testing.T) {
	var q question
	for name, text := range map[string]string{
		"too long": "\xff\xff\xff\xff{}", "cut short": "\x00\x00\x00\x09{}", "no JSON": "\x00\x00\x00\x02[}", "nothing": "", "half a length": "\x00\x00",
	} {
		if err := readMessage(strings.NewReader(text), &q); err == nil {
			t.Errorf("%s: read as %+v", name, q)
		}
	}
	if err := writeMessage(nil, question{Files: []string{strings.Repeat("x", maxMessage)}}); err == nil {
		t.Error("one that is too long was written")
	}
}

// The limits of one sandbox: processors, capabilities, low ports, families of sockets.
func TestOddLimits(t *testing.T) {
	const bind = "permission denied"
	for _, tt := range []struct {
		name   string
		limits Limits
		user   int
		args   []string
		want   string // in its output
		fails  bool
	}{
		{"one processor", Limits{CPUs: 1}, 0, []string{"cpus"}, "1\n", false},
		{"more than there are", Limits{CPUs: 10000}, 0, []string{"id"}, "0 0 1\n", false},
		{"root without capabilities", Limits{NoCapabilities: true}, 0, []string{"status", "CapEff", "CapBnd"}, "CapEff 0000000000000000\nCapBnd 0000000000000000\n", false},
		{"a low port without capabilities", Limits{NoCapabilities: true}, 7, []string{"serve", "127.0.0.1:79", "x"}, bind, true},
		{"root's low port without capabilities", Limits{NoCapabilities: true}, 0, []string{"serve", "127.0.0.1:79", "x"}, bind, true},
		{"a high port without capabilities", Limits{NoCapabilities: true}, 7, []string{"listen"}, "pong\n", false},
		{"no IPv6", Limits{NoIPv6: true}, 0, []string{"serve", "[::1]:8079", "x"}, "address family not supported", true},
		{"IPv4 without IPv6", Limits{NoIPv6: true}, 0, []string{"listen"}, "pong\n", false},
	} {
		spec := inside(t, tt.args...)
		spec.Limits, spec.User, spec.Group = tt.limits, tt.user, tt.user
		out, err := output(t, spec)
		if !strings.Contains(out, tt.want) || (err != nil) != tt.fails {
			t.Errorf("%s: %v, %q; want %q", tt.name, err, out, tt.want)
		}
	}
}

// A host name with dots is known by its first part, too.
func TestDottedHostname(t *testing.T) {
	spec := inside(t, "cat", "/etc/hosts")
	spec.Hostname = "web-1.prod.example"
	if out := mustOutput(t, spec); !strings.Contains(out, "127.0.0.1\tweb-1.prod.example web-1\n") {
		t.Errorf("hosts: %q", out)
	}
}
