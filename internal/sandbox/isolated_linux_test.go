package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"dram/internal/problem"
	"dram/internal/store"
)

// The addresses of the world that the test makes: a machine, and beyond its
// router a public host and one of a private network.
const (
	machineAddr = "203.0.113.2"
	routerAddr  = "203.0.113.1"
	publicAddr  = "198.51.100.7"
	privateAddr = "10.9.9.9"
)

// TestIsolatedNetwork runs the same dials with the host's network and isolated,
// in a network of the test's own.
func TestIsolatedNetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: it makes networks")
	}
	needOutlet(t)
	want := map[string]string{
		"host": "public=reached\nprivate=reached\nown=reached\nloopback=reached\nabstract=refused\nhost by its outlet=refused\n",
		"isolated": "public=reached\nprivate=refused\nown=refused\nloopback=refused\nabstract=refused\nhost by its outlet=refused\n" +
			"private by device=refused\nown by device=refused\nnameserver 10.0.2.3\n",
	}
	if abi, err := landlockABI(); err != nil || abi < scopesABI {
		want["host"] = strings.Replace(want["host"], "abstract=refused", "abstract=reached", 1)
	}
	for name := range want {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "/proc/self/exe")
		cmd.Env = append(os.Environ(), worldVar+"="+name, baseVar+"="+base, "TMPDIR="+t.TempDir())
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
		if os.Geteuid() != 0 {
			cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
		}
		var out, log bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &log
		err := cmd.Run()
		if diff := cmp.Diff(want[name], out.String()); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s%s", name, err, diff, log.String())
		}
	}
}

// needOutlet skips where this machine cannot have an isolated network.
func needOutlet(t *testing.T) {
	t.Helper()
	for _, name := range []string{outletProgram, "ip"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(err)
		}
	}
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	_ = f.Close()
}

// world is the machine, or what is beyond it.
func world(role string) int {
	var err error
	if role == "beyond" {
		err = beyond()
	} else {
		err = machineOf(role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		return 1
	}
	return 0
}

func ip(commands ...string) error {
	for _, c := range commands {
		if out, err := exec.Command("ip", strings.Fields(c)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", c, err, out)
		}
	}
	return nil
}

// beyond serves at the public and at the private address until it is killed.
func beyond() error {
	for ip("link show v1") != nil {
		time.Sleep(10 * time.Millisecond)
	}
	err := ip("link set lo up", "addr add "+routerAddr+"/24 dev v1", "addr add "+publicAddr+"/32 dev v1",
		"addr add "+privateAddr+"/32 dev v1", "link set v1 up")
	if err != nil {
		return err
	}
	for _, addr := range []string{publicAddr, privateAddr} {
		if _, err := serve("tcp", addr+":80"); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	select {}
}

func serve(network, addr string) (net.Listener, error) {
	l, err := net.Listen(network, addr)
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	return l, nil
}

// machineOf makes the machine, and dials from a sandbox on it.
func machineOf(role string) error {
	other := exec.Command("/proc/self/exe")
	other.Env = append(os.Environ(), worldVar+"=beyond")
	other.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	other.Stderr = os.Stderr
	ready, err := other.StdoutPipe()
	if err != nil {
		return err
	}
	if err := other.Start(); err != nil {
		return err
	}
	defer func() { _, _ = other.Process.Kill(), other.Wait() }()
	err = ip("link set lo up", "link add v0 type veth peer name v1 netns "+strconv.Itoa(other.Process.Pid),
		"addr add "+machineAddr+"/24 dev v0", "link set v0 up", "route add default via "+routerAddr)
	if err != nil {
		return err
	}
	if _, err := ready.Read(make([]byte, 8)); err != nil {
		return err
	}
	for range 100 { // the link is up at both ends, and takes a moment to carry something
		c, err := net.DialTimeout("tcp", publicAddr+":80", time.Second)
		if err == nil {
			_ = c.Close()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, l := range [][2]string{{"tcp", "127.0.0.1:81"}, {"tcp", machineAddr + ":82"}, {"unix", "@dram-world"}} {
		if _, err := serve(l[0], l[1]); err != nil {
			return err
		}
	}
	return dialAll(role)
}

func dialAll(role string) error {
	kind := Host
	if role == "isolated" {
		kind = Isolated
	}
	targets := [][3]string{
		{"public", "tcp", publicAddr + ":80"},
		{"private", "tcp", privateAddr + ":80"},
		{"own", "tcp", machineAddr + ":82"},
		{"loopback", "tcp", "127.0.0.1:81"},
		{"abstract", "unix", "@dram-world"},
		{"host by its outlet", "tcp", "10.0.2.2:81"},
	}
	for _, target := range targets {
		_, err := runIn(kind, "dial", target[1], target[2])
		fmt.Println(target[0] + "=" + map[bool]string{true: "reached", false: "refused"}[err == nil])
	}
	if kind == Isolated {
		for _, target := range targets[1:3] {
			_, err := runIn(kind, "dialbound", "tcp", target[2], "tap0")
			fmt.Println(target[0] + " by device=" + map[bool]string{true: "reached", false: "refused"}[err == nil])
		}
		out, err := runIn(kind, "cat", "/etc/resolv.conf")
		first, _, _ := strings.Cut(out, "\n")
		fmt.Println(first)
		return err
	}
	return nil
}

func runIn(network Network, argv ...string) (string, error) {
	scratch, err := os.MkdirTemp("", "scratch-*")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	var out bytes.Buffer
	err = Run(context.Background(), Spec{
		Lower: []string{baseRootOf(os.Getenv(baseVar))}, Scratch: scratch, Argv: append([]string{"/bin/inside"}, argv...),
		Stdio: Stdio{Stdout: &out, Stderr: &out}, Network: network, Reap: true,
	})
	if exit, ok := errors.AsType[*ExitError](err); err != nil && (!ok || exit.Code != 1) {
		fmt.Fprintln(os.Stderr, err, out.String())
	}
	return out.String(), err
}

// TestOutletEndsWithItsCaller kills dram: slirp4netns, which has left its process
// group and its signals behind, must end too.
func TestOutletEndsWithItsCaller(t *testing.T) {
	needOutlet(t)
	dir := filepath.Join(t.TempDir(), "isolated")
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "scratch"), 0o755), os.Symlink(baseRoot(), filepath.Join(dir, "root"))); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), victimVar+"="+dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	pid := childNamed(t, cmd.Process.Pid, outletProgram)
	_, _ = cmd.Process.Kill(), cmd.Wait()
	for range 100 {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err != nil {
			if err := store.RemoveAll(dir); err != nil {
				t.Error(err)
			}
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%s lives on", outletProgram)
}

func childNamed(t *testing.T, parent int, name string) int {
	t.Helper()
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	for _, list := range lists {
		for child := range strings.FieldsSeq(readFile(t, list)) {
			if comm := readFile(t, "/proc/"+child+"/comm"); strings.TrimSpace(comm) == name {
				pid, err := strconv.Atoi(child)
				if err != nil {
					t.Fatal(err)
				}
				return pid
			}
		}
	}
	t.Fatalf("%d has no child %s", parent, name)
	return 0
}

// TestIsolatedNetworkWithoutItsProgram says what to install.
func TestIsolatedNetworkWithoutItsProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	spec := inside(t, "id")
	spec.Network = Isolated
	_, err := output(t, spec)
	if problem.Code(err) != int(problem.Environment) || !strings.Contains(err.Error(), "slirp4netns is not installed") || !strings.Contains(problem.Hint(err), "install slirp4netns") {
		t.Errorf("got %v (exit %d), hint %q", err, problem.Code(err), problem.Hint(err))
	}
}

// TestIsolatedNetworkThatFails has a program that ends at once, one that says
// nothing, and one that is gone before the process is.
func TestIsolatedNetworkThatFails(t *testing.T) {
	for name, tt := range map[string]struct{ script, says, hint string }{
		"at once":       {"echo 'WARNING: seccomp'; echo 'open(\"/dev/net/tun\"): Permission denied'; exit 1", "/dev/net/tun", "modprobe tun"},
		"in the middle": {"echo 1 >&3; echo 'lost the way'; exit 1", "lost the way", "--build-network none"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, outletProgram), []byte("#!/bin/sh\n"+tt.script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
			spec := inside(t, "sleep", "300", "+", "exit", "1")
			spec.Network = Isolated
			_, err := output(t, spec)
			if problem.Code(err) != int(problem.Environment) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(problem.Hint(err), tt.hint) {
				t.Errorf("got %v (exit %d), hint %q", err, problem.Code(err), problem.Hint(err))
			}
		})
	}
}

func TestResolverOfAnIsolatedNetwork(t *testing.T) {
	got := resolver("# made by hand\nnameserver 127.0.0.53\nsearch corp.example\noptions edns0 trust-ad\n")
	if want := "nameserver 10.0.2.3\nsearch corp.example\noptions edns0 trust-ad\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
