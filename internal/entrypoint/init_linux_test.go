package entrypoint

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dram/internal/portable/launchertest"
	"dram/internal/sandbox/ptytest"
)

// soon is more time than anything here takes on a machine that does much else.
const soon = 30 * time.Second

// program is the init of this machine as a file.
func program(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "init")
	if err := os.WriteFile(name, Init(runtime.GOARCH), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	return name
}

// run is one init with a script of sh, as process 1 of a namespace where that may be made.
type run struct {
	*exec.Cmd
	out *bufio.Scanner
	in  io.WriteCloser
	err *bytes.Buffer
}

func start(t *testing.T, args ...string) *run {
	t.Helper()
	r := &run{err: &bytes.Buffer{}}
	for _, flags := range []uintptr{syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID, 0} {
		r.Cmd = exec.Command(program(t), args...) //nolint:gosec // a test's own
		r.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Pdeathsig: syscall.SIGKILL}
		r.Stderr = r.err
		out, errOut := r.StdoutPipe()
		in, errIn := r.StdinPipe()
		if err := errors.Join(errOut, errIn); err != nil {
			t.Fatal(err)
		}
		r.out, r.in = bufio.NewScanner(out), in
		err := r.Start()
		if err == nil {
			break
		}
		if flags == 0 {
			t.Fatal(err)
		}
		t.Logf("not as process 1: %v", err)
	}
	t.Cleanup(func() {
		if r.ProcessState == nil {
			_ = r.Process.Kill()
			_ = r.Wait()
		}
	})
	return r
}

// script is an init that runs a script of sh, from when it says that it runs.
func script(t *testing.T, text string) *run {
	t.Helper()
	r := start(t, "/bin/sh", "-c", text)
	r.hears(t, "ready")
	return r
}

func (r *run) hears(t *testing.T, want string) {
	t.Helper()
	if !r.out.Scan() || r.out.Text() != want {
		t.Fatalf("it says %q, not %q; %s", r.out.Text(), want, r.err)
	}
}

// ends waits for the end, and gives the exit code.
func (r *run) ends(t *testing.T) int {
	t.Helper()
	timer := time.AfterFunc(soon, func() { _ = r.Process.Kill() })
	defer timer.Stop()
	_ = r.Wait() // its code is looked at
	return r.ProcessState.ExitCode()
}

func (r *run) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := r.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func TestEndsAsTheProgramDoes(t *testing.T) {
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"/bin/sh", "-c", "exit 0"}, 0, ""},
		{[]string{"/bin/sh", "-c", "exit 7"}, 7, ""},
		{[]string{"/bin/sh", "-c", "kill -KILL $$"}, 137, ""},
		{[]string{"/bin/sh", "-c", `[ "$0 $1" = "a b c" ]`, "a", "b c"}, 0, ""},
		{[]string{"/nonexistent/script", "x"}, 127, "cannot start /nonexistent/script: it is not there"},
		{[]string{"/etc/passwd"}, 126, "cannot start /etc/passwd: it may not be executed"},
		{nil, 2, "name the program to start"},
	} {
		r := start(t, tt.args...)
		if code := r.ends(t); code != tt.code || !strings.Contains(r.err.String(), tt.says) {
			t.Errorf("%q: exit %d, %q", tt.args, code, r.err)
		}
	}
}

// A signal that comes at once, when the program has no handler or is not there yet, ends
// it as it would elsewhere: process 1 itself would never see it.
func TestSignalBeforeTheProgramHasAHandler(t *testing.T) {
	for range 20 {
		for s, code := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130, syscall.SIGHUP: 129} {
			if signal.Ignored(s) { // by who runs the tests, as nohup has it
				continue
			}
			r := start(t, "/bin/sleep", "60")
			if !holdsSignals(t, r.Process.Pid) {
				t.Fatal("it lets signals through")
			}
			r.signal(t, s)
			if got := r.ends(t); got != code {
				t.Fatalf("%s: exit %d", s, got)
			}
		}
	}
}

// holdsSignals waits until the init has executed its first instructions: that it was
// executed is all that is known before. While it waits for one, none is blocked.
func holdsSignals(t *testing.T, pid int) bool {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < soon; time.Sleep(100 * time.Microsecond) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return false
		}
		_, rest, _ := strings.Cut(string(status), "SigBlk:\t")
		mask, _, _ := strings.Cut(rest, "\n")
		blocked, _ := strconv.ParseUint(mask, 16, 64)
		if blocked&(1<<(syscall.SIGTERM-1)) != 0 || children(t, pid) > 0 {
			return true
		}
	}
	return false
}

// A handler gets the signal and decides, and other signals than SIGTERM come once.
func TestSignalsArePassedOn(t *testing.T) {
	r := script(t, `trap 'echo usr' USR1; trap 'echo term; exit 4' TERM; echo ready; while :; do sleep 0.05; done`)
	r.signal(t, syscall.SIGUSR1)
	r.hears(t, "usr")
	r.signal(t, syscall.SIGTERM)
	r.hears(t, "term")
	if code := r.ends(t); code != 4 {
		t.Errorf("exit %d", code)
	}
}

// What comes while nobody in the program would hear of it is said again.
func TestSIGTERMIsRepeatedWhileItStarts(t *testing.T) {
	r := script(t, `trap '' TERM; echo ready; sleep 1; trap 'exit 9' TERM; while :; do sleep 0.05; done`)
	r.signal(t, syscall.SIGTERM)
	if code := r.ends(t); code != 9 {
		t.Errorf("exit %d", code)
	}
}

// A script that waits for the VM in place of becoming it is ended by SIGTERM; the VM is
// told too, and may finish.
func TestWhatAScriptLeavesBehindFinishes(t *testing.T) {
	r := script(t, `sh -c 'trap "echo stopping; sleep 0.5; echo stopped; exit 5" TERM; echo ready; while :; do sleep 0.05; done'; echo never`)
	r.signal(t, syscall.SIGTERM)
	var said []string
	for r.out.Scan() {
		said = append(said, r.out.Text())
	}
	if code := r.ends(t); code != 143 || said[0] != "stopping" || said[len(said)-1] != "stopped" {
		t.Errorf("exit %d, %q", code, said)
	}
}

// Processes that nobody waits for do not stay.
func TestOrphansAreReaped(t *testing.T) {
	r := script(t, `i=0; while [ $i -lt 1000 ]; do (sh -c : &); i=$((i+1)); done; echo ready; read x`)
	var left int
	for begun := time.Now(); time.Since(begun) < soon; time.Sleep(20 * time.Millisecond) {
		if left = children(t, r.Process.Pid); left == 1 {
			break
		}
	}
	if left != 1 {
		t.Errorf("%d processes are left", left)
	}
	_ = r.in.Close()
	if code := r.ends(t); code != 1 {
		t.Errorf("exit %d", code)
	}
}

// children counts them, ended ones too.
func children(t *testing.T, pid int) int {
	t.Helper()
	list, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range list {
		stat, _ := os.ReadFile(name) //nolint:gosec // of /proc; it may have ended
		_, rest, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			n++
		}
	}
	return n
}

// A limit of open files is lowered where it is more than anybody can have meant; here the
// numbers are smaller, for few machines grant so many.
func TestOpenFilesAreBounded(t *testing.T) {
	compiler, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no C compiler here")
	}
	small := launchertest.Compiled(t, compiler, "../portable/launcher/compile.sh", "program/init.c", "-DMOST_FILES=100", "-DFILES=50")
	for limit, want := range map[string]string{"1000": "50 1000", "101": "50 101", "100": "100 100", "40": "40 40"} {
		out, err := exec.Command("/bin/sh", "-c", "ulimit -n "+limit+`; exec "$0" /bin/sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)'`, small).Output() //nolint:gosec // a test's own
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("of %s it is %q, %v; want %q", limit, got, err, want)
		}
	}
}

// The program has the terminal: a key that interrupts reaches it once, and what stops
// jobs does not leave it stopped, for nobody could have it go on.
func TestTerminalIsThePrograms(t *testing.T) {
	master, tty, err := ptytest.Open(t)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program(t), "/bin/sh", "-c", //nolint:gosec // a test's own
		`trap 'echo int' INT; echo ready; read x; echo "read $x"; while [ "$x" != end ]; do read x; done; exit 6`)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(soon, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	_ = tty.Close()
	var said []string
	for lines := bufio.NewScanner(master); lines.Scan(); {
		line := strings.NewReplacer("^C", "", "^Z", "").Replace(strings.TrimSpace(lines.Text()))
		said = append(said, line)
		switch line {
		case "ready":
			_, _ = io.WriteString(master, "\x03")
		case "int":
			_, _ = io.WriteString(master, "\x1a")
			_, _ = io.WriteString(master, "more\n")
			_, _ = io.WriteString(master, "end\n")
		}
	}
	_ = cmd.Wait() // its code is looked at
	if n := strings.Count(strings.Join(said, "\n"), "int"); n != 1 || cmd.ProcessState.ExitCode() != 6 {
		t.Errorf("exit %d: %q", cmd.ProcessState.ExitCode(), said)
	}
}
