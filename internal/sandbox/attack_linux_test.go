package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// canary is what the host has that attacks are after.
type canary struct {
	dir      string
	outsider *exec.Cmd
	env      []string
	touched  func() string // what reached the host over its network
}

// newCanary puts one of each kind outside: a file, a process with a priority of
// its own, shared memory, a message queue and a server on loopback.
func newCanary(t *testing.T) *canary {
	t.Helper()
	c := &canary{dir: t.TempDir()}
	for _, name := range []string{"ro/file", "low/low/file"} {
		writeFile(t, filepath.Join(c.dir, name), "here")
	}
	c.outsider = exec.CommandContext(t.Context(), "sleep", "600")
	if err := c.outsider.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.outsider.Process.Kill(), c.outsider.Wait() })
	key := sharedMemory(t)
	queue := messageQueue(t)
	server, touched := accepts(t, "tcp", "127.0.0.1:0")
	c.touched = touched
	c.env = []string{
		"CANARY=" + filepath.Join(c.dir, "ro/file"), "OUTSIDER=" + strconv.Itoa(c.outsider.Process.Pid),
		"SHM=" + strconv.Itoa(key), "QUEUE=" + queue, "TARGET=" + server,
	}
	return c
}

func sharedMemory(t *testing.T) int {
	t.Helper()
	key := 0x64000000 | os.Getpid()
	id, err := unix.SysvShmGet(key, 4096, unix.IPC_CREAT|0o666)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil) })
	return key
}

func messageQueue(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("/dram-attack-%d", os.Getpid())
	p, err := unix.BytePtrFromString(name[1:])
	if err != nil {
		t.Fatal(err)
	}
	fd, _, errno := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(p)), unix.O_CREAT|unix.O_RDWR, 0o666, 0, 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	t.Cleanup(func() {
		_ = unix.Close(int(fd))
		_, _, _ = unix.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(p)), 0, 0)
	})
	return name
}

// accepts serves and tells how often it was reached.
func accepts(t *testing.T, network, address string) (at string, touched func() string) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var n atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n.Add(1)
			_ = c.Close()
		}
	}()
	return l.Addr().String(), func() string { return fmt.Sprint(n.Load(), " connections") }
}

// spec is a sandbox with the canary in reach, as far as it may be.
func (c *canary) spec(t *testing.T, name string) Spec {
	spec := inside(t, "attack", name)
	spec.Lower = append([]string{filepath.Join(c.dir, "low")}, spec.Lower...)
	spec.Mounts = []Mount{{Source: filepath.Join(c.dir, "ro"), Target: "/ro", ReadOnly: true}}
	spec.Env, spec.Reap = c.env, true
	return spec
}

// state is all that attacks could have changed, for comparing.
func (c *canary) state(t *testing.T) []string {
	t.Helper()
	files := []string{
		"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/etc/hosts", "/etc/resolv.conf",
		"/proc/meminfo", "/proc/cpuinfo", "/proc/self/net/dev", filepath.Join(c.dir, "ro"), filepath.Join(c.dir, "ro/file"),
		filepath.Join(c.dir, "low/low"), filepath.Join(c.dir, "low/low/file"),
	}
	var out []string
	for _, name := range files {
		var st unix.Stat_t
		err := unix.Stat(name, &st)
		line := fmt.Sprintf("%s %v %o %d:%d", name, err, st.Mode, st.Uid, st.Gid)
		if !strings.HasPrefix(name, "/proc/") { // times there are when one looks first
			line += fmt.Sprintf(" %d", st.Ctim.Nano())
		}
		out = append(out, line)
	}
	pid := c.outsider.Process.Pid
	nice, err := unix.Getpriority(unix.PRIO_PROCESS, pid)
	stat := strings.Fields(readFile(t, fmt.Sprintf("/proc/%d/stat", pid)))
	lives := strings.Contains("RSD", stat[2]) // neither stopped nor dead
	host, _ := os.Hostname()
	return append(out, fmt.Sprint("nice ", nice, err, " lives ", lives), "host "+host, c.touched())
}

// TestAttacks runs each attack by itself, under an init as builds have it and
// as PID 1 as images have it.
func TestAttacks(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: a sandbox for each")
	}
	c := newCanary(t)
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			before := c.state(t)
			spec := c.spec(t, a.name)
			spec.Network = a.network
			out, err := output(t, spec)
			got, ok := strings.CutPrefix(strings.TrimSpace(out), a.name+"=")
			if err != nil || !ok || !regexp.MustCompile("^("+a.want+")$").MatchString(got) {
				t.Errorf("it came to %q (%v), want %s", out, err, a.want)
			}
			if diff := cmp.Diff(before, c.state(t)); diff != "" {
				t.Errorf("the host changed: %s", diff)
			}
		})
	}
}

// TestEveryAttackIsTried holds the program inside to the table.
func TestEveryAttackIsTried(t *testing.T) {
	source := readFile(t, "testdata/inside/attack.go") + readFile(t, "testdata/inside/attack_kernel.go")
	for _, m := range regexp.MustCompile(`(?m)^\t\t"([a-z0-9_ ]+)": `).FindAllStringSubmatch(source, -1) {
		if !slices.ContainsFunc(attacks, func(a struct {
			name, want string
			network    Network
		},
		) bool {
			return a.name == m[1]
		}) && !strings.HasPrefix(m[1], "abstract ") {
			t.Errorf("attack %q is in no row", m[1])
		}
	}
}

// TestStandardStreamsKeepTheirNodes gives devices of the host as standard streams.
func TestStandardStreamsKeepTheirNodes(t *testing.T) {
	for _, name := range []string{"/dev/null", "/dev/zero", "/dev/full"} {
		for _, reap := range []bool{false, true} {
			f, err := os.OpenFile(name, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.Close() })
			spec := inside(t, "attack", "stdio of dev", "links mode", "links times")
			spec.Stdin, spec.Reap = f, reap
			want := "stdio of dev=EPIPE EROFS\nlinks mode=EROFS\nlinks times=EROFS\n"
			if out := mustOutput(t, spec); out != want {
				t.Errorf("%s, reap %v: %q", name, reap, out)
			}
		}
	}
}

// TestTerminalKeepsItsNode gives a terminal, which must go on to be one.
func TestTerminalKeepsItsNode(t *testing.T) {
	master, tty := openTerminal(t)
	defer func() { _ = errors.Join(master.Close(), tty.Close()) }()
	spec := inside(t, "attack", "stdio of dev", "terminal", "links mode", "+", "isatty")
	spec.Stdin, spec.Stdout, spec.Stderr = tty, tty, tty
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := Run(ctx, spec); err != nil {
		t.Fatal(err)
	}
	want := []string{"stdio of dev=EROFS", "terminal=EPERM", "links mode=EROFS", "terminal true true true"}
	lines := bufio.NewScanner(master)
	for _, w := range want {
		if !lines.Scan() || strings.TrimSpace(lines.Text()) != w {
			t.Errorf("got %q, want %q", lines.Text(), w)
		}
	}
}
