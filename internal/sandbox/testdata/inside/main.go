// Command inside is what the sandbox's tests run: one small static program
// with a few commands.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) < 2 {
		os.Exit(64)
	}
	// Commands are separated by "+" and run in order, until one fails.
	var words []string
	for _, a := range append(os.Args[1:], "+") {
		if a != "+" {
			words = append(words, a)
			continue
		}
		if err := run(words[0], words[1:]); err != nil {
			fmt.Println(words[0]+":", err)
			os.Exit(1)
		}
		words = nil
	}
}

func run(name string, args []string) error {
	commands := map[string]func([]string) error{
		"ls": ls, "status": status, "cat": cat, "env": env, "write": write, "listen": listen, "dial": dial,
		"calls": calls, "sleep": sleep, "stubborn": stubborn, "orphan": orphan, "fds": fds, "stat": stat,
		"attack": attack, "dialbound": dialBound,
		"isatty": func([]string) error { fmt.Println("terminal", tty(0), tty(1), tty(2)); return nil },
		"int80":  func([]string) error { fmt.Println(int80()); return nil },
		"exit":   func(a []string) error { os.Exit(number(a[0])); return nil },
		"rm":     func(a []string) error { return os.RemoveAll(a[0]) },
		"id": func([]string) error {
			fmt.Println(os.Getuid(), os.Getgid(), os.Getpid())
			return nil
		},
		"serve":    serve,
		"flood":    flood,
		"cpus":     func([]string) error { fmt.Println(runtime.NumCPU()); return nil },
		"hostname": func([]string) error { h, err := os.Hostname(); fmt.Println(h); return err },
		"pwd":      func([]string) error { d, err := os.Getwd(); fmt.Println(d); return err },
		"argv":     func(a []string) error { fmt.Printf("%q\n", a); return nil },
		"suicide":  func([]string) error { return syscall.Kill(os.Getpid(), syscall.SIGKILL) },
		"bind":     func([]string) error { return touch("/proc/sys/kernel/core_pattern") },
		"spawn":    func(a []string) error { return exec.Command("/bin/inside", a...).Start() },
	}
	return commands[name](args)
}

func tty(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

func ls(args []string) error {
	entries, err := os.ReadDir(args[0])
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	sort.Strings(names)
	fmt.Println(strings.Join(names, " "))
	return err
}

// status prints lines of /proc/self/status.
func status(args []string) error {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return err
	}
	for s := bufio.NewScanner(f); s.Scan(); {
		k, v, _ := strings.Cut(s.Text(), ":")
		for _, want := range args {
			if k == want {
				fmt.Println(k, strings.TrimSpace(v))
			}
		}
	}
	return nil
}

func cat(args []string) error {
	if args[0] == "-" {
		_, err := io.Copy(os.Stdout, os.Stdin)
		return err
	}
	b, err := os.ReadFile(args[0])
	os.Stdout.Write(b)
	return err
}

func env([]string) error {
	for _, kv := range os.Environ() {
		fmt.Println(kv)
	}
	return nil
}

func write(args []string) error {
	if err := os.MkdirAll(filepath.Dir(args[0]), 0o755); err != nil {
		return err
	}
	return os.WriteFile(args[0], []byte(args[1]), 0o666)
}

func touch(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err == nil {
		f.Close()
	}
	return err
}

func stat(args []string) error {
	var st syscall.Stat_t
	if err := syscall.Lstat(args[0], &st); err != nil {
		return err
	}
	fmt.Printf("%o %d:%d\n", st.Mode, st.Uid, st.Gid)
	return nil
}

// listen serves and asks itself on loopback.
func listen([]string) error {
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return err
	}
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "pong") }))
	r, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		return err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	fmt.Println(string(b))
	return err
}

// serve answers each who connects to a TCP address with one word.
func serve(args []string) error {
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		io.WriteString(c, args[1])
		c.Close()
	}
}

// flood prints for ever.
func flood([]string) error {
	line := strings.Repeat("x", 4095) + "\n"
	for {
		if _, err := io.WriteString(os.Stdout, line); err != nil {
			return err
		}
	}
}

func dial(args []string) error {
	c, err := net.DialTimeout(args[0], args[1], time.Second)
	if err == nil {
		c.Close()
	}
	return err
}

// calls makes system calls that the filter has an opinion on.
func calls([]string) error {
	dev := "/tmp/dev"
	must(os.WriteFile("/tmp/f", nil, 0o644))
	tree := func() error { _, err := unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE); return err }
	results := map[string]error{
		"chown":        unix.Chown("/tmp/f", 1, 2),
		"lchown":       unix.Lchown("/tmp/f", 1, 2),
		"fchownat":     unix.Fchownat(unix.AT_FDCWD, "/tmp/f", 1, 2, 0),
		"setgroups":    unix.Setgroups([]int{1, 2}),
		"mknod device": unix.Mknod(dev, unix.S_IFCHR|0o600, 259),
		"mknod fifo":   unix.Mknod("/tmp/fifo", unix.S_IFIFO|0o600, 0),
		"mount":        unix.Mount("tmpfs", "/tmp", "tmpfs", 0, ""),
		"open_tree":    tree(),
		"unshare user": unix.Unshare(unix.CLONE_NEWUSER),
		"unshare fs":   unix.Unshare(unix.CLONE_FS),
		"ptrace":       unix.PtraceAttach(1),
		"tiocsti":      unix.IoctlSetInt(0, unix.TIOCSTI, 0),
	}
	_, _, errno := unix.Syscall(unix.SYS_CLONE3, 0, 0, 0)
	results["clone3"] = errno
	_, _, errno = unix.Syscall(unix.SYS_CLONE, unix.CLONE_NEWUSER, 0, 0)
	results["clone user"] = errno
	_, err := os.Lstat(dev)
	results["device there"] = err
	var names []string
	for n := range results {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		var errno syscall.Errno
		errors.As(results[n], &errno)
		fmt.Printf("%s=%s\n", n, unix.ErrnoName(errno))
	}
	return nil
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func sleep(args []string) error {
	fmt.Println("ready")
	time.Sleep(time.Duration(number(args[0])) * time.Millisecond)
	return nil
}

// stubborn prints the signals named in args and goes on, but for the last.
func stubborn(args []string) error {
	ch := make(chan os.Signal, 8)
	signal.Notify(ch, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGQUIT)
	fmt.Println("ready")
	for sig := range ch {
		fmt.Println("got", unix.SignalName(sig.(syscall.Signal)))
		if len(args) > 0 {
			os.Exit(number(args[0]))
		}
	}
	return nil
}

// orphan leaves a grandchild behind and waits until PID 1 has reaped it.
func orphan(args []string) error {
	if len(args) == 0 {
		out, err := exec.Command("/bin/inside", "orphan", "fork").Output()
		if err != nil {
			return err
		}
		pid := strings.TrimSpace(string(out))
		for range 200 {
			if _, err := os.Stat("/proc/" + pid); errors.Is(err, os.ErrNotExist) {
				fmt.Println("reaped")
				return nil
			}
			time.Sleep(10 * time.Millisecond)
		}
		return errors.New("a zombie")
	}
	c := exec.Command("/bin/inside", "sleep", "20")
	if err := c.Start(); err != nil {
		return err
	}
	fmt.Println(c.Process.Pid)
	return nil
}

// fds prints the open descriptors beyond the standard ones, its own apart.
func fds([]string) error {
	for fd := 3; fd < 1024; fd++ {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC == 0 {
			fmt.Println("leaked", fd)
		}
	}
	fmt.Println("done")
	return nil
}
