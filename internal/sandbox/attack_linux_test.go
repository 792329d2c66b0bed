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
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// attacks are what a process inside tries against the host, and how the tries
// must end. What each does is in testdata/inside; TestAttacks looks besides at
// what is outside.
var attacks = []struct {
	name    string
	want    string // a regular expression of all that came of it
	network Network
}{
	// The host's files that are shown inside: their metadata is the host's, too.
	{name: "node mode", want: "EROFS|ENOENT EROFS"},
	{name: "node mode at", want: "EROFS|ENOENT EROFS"},
	{name: "node opened", want: "(ENOENT |ENXIO |)*EROFS|EROFS ENXIO|ENXIO EROFS"},
	{name: "node times", want: "EROFS|ENOENT EROFS"},
	{name: "node acl", want: "EROFS|EOPNOTSUPP"},
	{name: "node xattr", want: "EROFS|EPERM|EOPNOTSUPP"},
	{name: "node owner", want: "DONE"}, // pretended
	{name: "node unlink", want: "EBUSY|EBUSY ENOENT"},
	{name: "stdin mode", want: "EROFS"},
	{name: "stdin times", want: "EROFS"},
	{name: "stdio of dev", want: "EPIPE EROFS"},
	{name: "links mode", want: "EROFS"},
	{name: "links times", want: "EROFS"},
	{name: "links acl", want: "EROFS|EOPNOTSUPP"},
	{name: "shown mode", want: "EROFS", network: Host},
	{name: "shown times", want: "EROFS", network: Host},
	{name: "shown acl", want: "EROFS|EOPNOTSUPP EROFS", network: Host},
	{name: "shown xattr", want: "EROFS|EROFS EPERM|EPERM", network: Host},
	{name: "shown write", want: "EROFS", network: Host},
	{name: "shown truncate", want: "EROFS", network: Host},
	{name: "shown make", want: "EROFS"},
	{name: "shown link", want: "EXDEV"},
	{name: "shown rename", want: "EROFS"},
	{name: "resolver lease", want: "a copy", network: Host},
	{name: "lower unchanged", want: "DONE"}, // in the overlay
	{name: "device made", want: "ENOENT"},   // pretended
	{name: "devices there", want: "ENOENT"},
	{name: "block devices", want: "ENOENT"},
	{name: "cgroup", want: "ENOENT"},
	{name: "cgroup procs", want: "ENOENT"},
	{name: "descriptors", want: "none"},
	{name: "terminal", want: "EPERM"},
	{name: "terminal console", want: "EPERM"},
	{name: "terminal high", want: "EPERM"},
	{name: "terminal open", want: "ENXIO|ENOENT"},
	{name: "program mode", want: "EACCES"},
	{name: "program write", want: "EACCES"},

	// A fresh /proc is a new view of what the kernel has once.
	{name: "proc mode", want: "(ENOENT )?EROFS"},
	{name: "proc times", want: "(ENOENT )?EROFS"},
	{name: "proc net mode", want: "(EACCES )?EROFS", network: Host},
	{name: "proc net times", want: "(EACCES )?EROFS", network: Host},
	{name: "proc settings", want: "(EACCES |ENOENT )*EROFS|EROFS"},
	{name: "proc secrets", want: "(EACCES |ENOENT |EPERM )*empty|empty"},
	{name: "proc init", want: "EACCES( ENOENT)?"},

	// Ways to another root or namespace.
	{name: "remount device", want: "EPERM"},
	{name: "remount proc", want: "EPERM"},
	{name: "mount move", want: "EPERM"},
	{name: "mount bind", want: "EPERM"},
	{name: "mount proc", want: "EPERM"},
	{name: "mount sysfs", want: "EPERM"},
	{name: "mount cgroup", want: "EPERM"},
	{name: "unmount", want: "EPERM"},
	{name: "pivot", want: "EPERM"},
	{name: "mount_setattr", want: "EPERM"},
	{name: "open_tree", want: "EPERM"},
	{name: "move_mount", want: "EPERM"},
	{name: "fsopen", want: "EPERM"},
	{name: "fspick", want: "EPERM"},
	{name: "out of a chroot", want: "ENOENT"},
	{name: "file handle", want: "EPERM"},
	{name: "namespaces", want: "EPERM|ENOENT EPERM"},
	{name: "unshare", want: "EPERM"},
	{name: "clone", want: "EPERM"},
	{name: "clone3", want: "ENOSYS"},
	{name: "hostname", want: "EPERM"},
	{name: "raise limits", want: "EPERM"},
	{name: "raise caps", want: "EPERM"},
	{name: "secure bits", want: "EPERM"},
	{name: "new program image", want: "EPERM|EINVAL"},

	// Other processes.
	{name: "kill all", want: "ESRCH"},
	{name: "kill group", want: "ESRCH"},
	{name: "kill outsider", want: "ESRCH"},
	{name: "renice outsider", want: "ESRCH"},
	{name: "renice the user", want: "see outside"},
	{name: "affinity", want: "ESRCH"},
	{name: "limits", want: "ESRCH"},
	{name: "io priority", want: "ESRCH"},
	{name: "pidfd", want: "ESRCH"},
	{name: "32 bit calls", want: "killed"},
	{name: "x32 calls", want: "ENOSYS"},
	{name: "shared memory", want: "ENOENT"},
	{name: "message queue", want: "ENOENT"},
	{name: "posix shared", want: "ENOENT"},
	{name: "mqueue files", want: "ENOENT"},

	// The network, and what is reached as if it were one.
	{name: "host loopback", want: "ECONNREFUSED"},
	{name: "other families", want: "EAFNOSUPPORT", network: Host},
	{name: "raw socket", want: "EPERM", network: Host},
	{name: "packet socket", want: "EPERM", network: Host},
	{name: "own abstract", want: "DONE", network: Host},

	// Calls that are refused whatever they are told.
	{name: "call ptrace", want: "EPERM"},
	{name: "call process_vm_readv", want: "EPERM"},
	{name: "call process_vm_writev", want: "EPERM"},
	{name: "call pidfd_getfd", want: "EPERM"},
	{name: "call keyctl", want: "EPERM"},
	{name: "call add_key", want: "EPERM"},
	{name: "call request_key", want: "EPERM"},
	{name: "call userfaultfd", want: "EPERM"},
	{name: "call bpf", want: "EPERM"},
	{name: "call perf_event_open", want: "EPERM"},
	{name: "call io_uring_setup", want: "ENOSYS"},
	{name: "call kexec_load", want: "EPERM"},
	{name: "call kexec_file_load", want: "EPERM"},
	{name: "call init_module", want: "EPERM"},
	{name: "call finit_module", want: "EPERM"},
	{name: "call delete_module", want: "EPERM"},
	{name: "call reboot", want: "EPERM"},
	{name: "call swapon", want: "EPERM"},
	{name: "call swapoff", want: "EPERM"},
	{name: "call acct", want: "EPERM"},
	{name: "call quotactl", want: "EPERM"},
	{name: "call quotactl_fd", want: "EPERM"},
	{name: "call syslog", want: "EPERM"},
	{name: "call settimeofday", want: "EPERM"},
	{name: "call clock_settime", want: "EPERM"},
	{name: "call clock_adjtime", want: "EPERM"},
	{name: "call adjtimex", want: "EPERM"},
	{name: "call fanotify_init", want: "EPERM"},
	{name: "call vhangup", want: "EPERM"},
	{name: "call setdomainname", want: "EPERM"},
	{name: "call move_pages", want: "EPERM"},
	{name: "call migrate_pages", want: "EPERM"},
	{name: "call lookup_dcookie", want: "EPERM"},
	{name: "call open_by_handle_at", want: "EPERM"},
	{name: "call nfsservctl", want: "EPERM"},
}

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

// TestAbstractSockets has a server in the host's network namespace that has no
// path, of each kind.
func TestAbstractSockets(t *testing.T) {
	if abi, err := landlockABI(); err != nil || abi < scopesABI {
		t.Skip(scopes(abi, err).Detail)
	}
	for _, network := range []string{"unix", "unixpacket", "unixgram"} {
		for _, reap := range []bool{false, true} {
			name := fmt.Sprintf("@dram-attack-%d-%s-%v", os.Getpid(), network, reap)
			var touched func() string
			if network == "unixgram" {
				c, err := net.ListenUnixgram(network, &net.UnixAddr{Name: name, Net: network})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = c.Close() })
				touched = func() string {
					_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
					n, _ := c.Read(make([]byte, 8))
					return fmt.Sprint(n, " bytes")
				}
			} else {
				_, touched = accepts(t, network, name)
			}
			before := touched()
			spec := inside(t, "attack", "abstract "+network, "own abstract")
			spec.Network, spec.Reap, spec.Env = Host, reap, []string{"TARGET=" + name}
			if out := mustOutput(t, spec); out != "abstract "+network+"=EPERM\nown abstract=DONE\n" {
				t.Errorf("%s, reap %v: %q", network, reap, out)
			}
			if after := touched(); after != before {
				t.Errorf("%s, reap %v: the host was reached: %s", network, reap, after)
			}
		}
	}
}

func TestScopesAreSaid(t *testing.T) {
	tests := []struct {
		abi  int
		err  error
		ok   bool
		says string
	}{
		{7, nil, true, "scoped: steps with the host's network do not reach them (Landlock, ABI 7)"},
		{6, nil, true, "scoped: steps with the host's network do not reach them (Landlock, ABI 6)"},
		{5, nil, false, "not scoped: steps with the host's network reach them (this kernel's Landlock has ABI 5, scopes came with 6)"},
		{0, unix.ENOSYS, false, "not scoped: steps with the host's network reach them (this kernel has no Landlock)"},
		{0, unix.EOPNOTSUPP, false, "not scoped: steps with the host's network reach them (this kernel has Landlock, but it was not switched on)"},
		{0, unix.EPERM, false, "not scoped: steps with the host's network reach them (Landlock is forbidden here: operation not permitted)"},
	}
	for _, tt := range tests {
		p := scopes(tt.abi, tt.err)
		if p.OK != tt.ok || p.Detail != tt.says || !p.Optional || p.OK != (p.Remedy == "") {
			t.Errorf("ABI %d, %v: %+v", tt.abi, tt.err, p)
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

// TestProgramItself is the attack on runc of 2019: a program that is "/proc/self/exe"
// is whoever executes it, a file of the host.
func TestProgramItself(t *testing.T) {
	for name, content := range map[string]string{"link": "", "script": "#!/proc/self/exe\n", "interpreter": "#!/bin/sh\n"} {
		for _, reap := range []bool{false, true} {
			spec := inside(t)
			top := t.TempDir()
			if err := os.Mkdir(filepath.Join(top, "bin"), 0o755); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(top, "bin", "evil")
			var err error
			switch name {
			case "link":
				err = os.Symlink("/proc/self/exe", file)
			case "interpreter":
				err = os.Symlink("/proc/self/exe", filepath.Join(top, "bin", "sh"))
				fallthrough
			default:
				err = errors.Join(err, os.WriteFile(file, []byte(content), 0o755))
			}
			if err != nil {
				t.Fatal(err)
			}
			spec.Lower = append([]string{top}, spec.Lower...)
			for _, dir := range []string{"/lib", "/lib64", "/usr/lib"} { // the race detector's needs them
				if info, err := os.Stat(dir); err == nil && info.IsDir() {
					spec.Mounts = append(spec.Mounts, Mount{Source: dir, Target: dir, ReadOnly: true})
				}
			}
			spec.Argv, spec.Env, spec.Reap = []string{"/bin/evil"}, []string{exeVar + "=1"}, reap
			out, err := output(t, spec)
			if err != nil || !regexp.MustCompile("^(EROFS|ETXTBSY) EROFS EROFS\n$").MatchString(out) {
				t.Errorf("%s, reap %v: %v %q", name, reap, err, out)
			}
		}
	}
}

// TestProgramWithoutPath starts sandboxes from a file that is gone, that another
// has replaced, or whose directory the sandbox's namespace may not enter.
func TestProgramWithoutPath(t *testing.T) {
	for _, name := range []string{"gone", "replaced", "closed directory"} {
		dir := filepath.Join(t.TempDir(), "closed")
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Mkdir(filepath.Join(dir, "scratch"), 0o755), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
			t.Fatal(err)
		}
		if name == "closed directory" && os.Geteuid() == 0 { // whose owner the namespace does not know
			if err := os.Chown(dir, nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
		self := filepath.Join(dir, "sandbox.test")
		copyFile(t, "/proc/self/exe", self)
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), callerVar+"="+name, baseVar+"="+base)
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "0 0 1\n" {
			t.Errorf("%s: %v %s", name, err, out)
		}
	}
}

// caller runs a sandbox once its own file is as name says.
func caller(name string) int {
	self, err := os.Executable()
	if err == nil && name != "closed directory" {
		err = os.Remove(self)
	}
	if err == nil && name == "replaced" {
		err = os.WriteFile(self, []byte("another"), 0o755)
	}
	scratch, errScratch := os.MkdirTemp("", "caller-*")
	if err = errors.Join(err, errScratch); err == nil {
		err = Run(context.Background(), Spec{
			Lower: []string{baseRootOf(os.Getenv(baseVar))}, Scratch: scratch, Argv: []string{"/bin/inside", "id"},
			Stdout: os.Stdout, Stderr: os.Stderr,
		})
		err = errors.Join(err, os.RemoveAll(scratch))
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// attackExe is this program where it runs as its own attacker.
func attackExe() int {
	const exe = "/proc/self/exe"
	var st unix.Stat_t
	if err := unix.Stat(exe, &st); err != nil {
		fmt.Println(err)
		return 1
	}
	_, open := unix.Open(exe, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	mode := unix.Chmod(exe, st.Mode&0o7777)
	times := unix.UtimesNanoAt(unix.AT_FDCWD, exe, []unix.Timespec{st.Atim, st.Mtim}, 0)
	for _, err := range []error{open, mode} {
		var errno syscall.Errno
		errors.As(err, &errno)
		fmt.Print(unix.ErrnoName(errno), " ")
	}
	var errno syscall.Errno
	errors.As(times, &errno)
	fmt.Println(unix.ErrnoName(errno))
	return 0
}
