package attack

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ends is how long dram has to end once it was told to: two seconds, and what a busy
// machine takes.
const ends = 2*time.Second + 1500*time.Millisecond

// moment is a point at which dram is told to end.
type moment struct {
	name  string
	files map[string]string
	args  string
	env   []string
	until string // in stderr; "" is at once
	code  int
}

// SIGTERM and SIGINT end dram within two seconds wherever it is, with 130, and with
// it all that it started; a second signal ends it at once.
func TestSignals(t *testing.T) {
	silent := silence(t)
	for _, m := range []moment{
		{name: "before anything", files: hello(), args: "build $PROJECT --toolchain $TOY", code: -1},
		{
			name: "a step that ignores signals", files: hello("before.sh", "trap '' TERM INT HUP\necho stubborn\nwhile :; do sleep 1; done\n"),
			args: "build $PROJECT --toolchain $TOY -v", until: "stubborn", code: 130,
		},
		{
			name: "a step whose children ignore signals", files: hello("before.sh", "trap '' TERM INT HUP\n(while :; do sleep 1; done) &\n(while :; do sleep 1; done) &\necho stubborn\nwait\n"),
			args: "build $PROJECT --toolchain $TOY -v", until: "stubborn", code: 130,
		},
		{
			name: "a server that says nothing", files: hello(), args: "build $PROJECT --toolchain distro:debian/13 --refresh",
			env: []string{"DRAM_MIRROR=http://" + silent + "/debian", "DRAM_SECURITY_MIRROR=http://" + silent + "/security"}, until: "plan", code: 130,
		},
		{
			name: "a registry that says nothing", files: hello(), args: "build $PROJECT --toolchain image:" + silent + "/x:1",
			until: "plan", code: 130,
		},
		{
			name: "a file that never comes", files: hello(), args: "target show file:$OUT/pipe", code: 130, until: "",
		},
		{
			name: "standard input that never comes", files: hello("before.sh", "cat\necho stubborn; sleep 100\n"), args: "build $PROJECT --toolchain $TOY -v", until: "stubborn", code: 130,
		},
	} {
		for _, u := range users() {
			for _, sent := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
				t.Run(m.name+"/"+sent.String()+"/as "+u.name, func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, u)
					w.write(w.project, m.files)
					w.giveAway()
					m.tell(w, sent)
				})
			}
		}
	}
}

func (m moment) tell(w *world, sent syscall.Signal) {
	w.t.Helper()
	cmd := w.command(w.t.Context(), m.env, strings.Fields(m.args)...)
	var said safeBuffer
	cmd.Stderr, cmd.Stdout = &said, io.Discard
	w.must(cmd.Start())
	group := cmd.Process.Pid
	defer func() { _ = syscall.Kill(-group, syscall.SIGKILL) }()
	if m.until == "" && m.code >= 0 {
		time.Sleep(300 * time.Millisecond) // nothing tells that it waits
	}
	for begun := time.Now(); m.until != "" && !strings.Contains(said.String(), m.until); time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > 20*time.Second {
			w.t.Fatalf("it never came to %q:\n%s", m.until, said.String())
		}
	}
	told := time.Now()
	w.must(cmd.Process.Signal(sent))
	overdue := time.AfterFunc(15*time.Second, func() { _ = syscall.Kill(-group, syscall.SIGKILL) })
	err := cmd.Wait()
	overdue.Stop()
	if took := time.Since(told); took > ends {
		w.t.Errorf("it ended after %v", took)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); m.code >= 0 && code != m.code {
		w.t.Errorf("exit code %d, want %d:\n%s", code, m.code, said.String())
	}
	// What it started is gone, too.
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		left := processesOf(w.t, w.cache)
		if len(left) == 0 {
			break
		}
		if time.Since(begun) > 3*time.Second {
			w.t.Fatalf("left running: %v", left)
		}
	}
}

// A second signal ends dram at once, whatever it is doing.
func TestSecondSignal(t *testing.T) {
	for _, u := range users() {
		t.Run("as "+u.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, u)
			w.write(w.project, hello("before.sh", "trap '' TERM\necho stubborn\nwhile :; do sleep 1; done\n"))
			w.giveAway()
			cmd := w.command(t.Context(), nil, "build", "$PROJECT", "--toolchain", "$TOY", "-v")
			var said safeBuffer
			cmd.Stderr = &said
			w.must(cmd.Start())
			for begun := time.Now(); !strings.Contains(said.String(), "stubborn") && time.Since(begun) < 20*time.Second; {
				time.Sleep(10 * time.Millisecond)
			}
			told := time.Now()
			w.must(cmd.Process.Signal(syscall.SIGTERM))
			time.Sleep(50 * time.Millisecond)
			w.must(cmd.Process.Signal(syscall.SIGTERM))
			_ = cmd.Wait()
			if took := time.Since(told); took > time.Second || cmd.ProcessState.ExitCode() != 130 {
				t.Errorf("exit %d after %v: %s", cmd.ProcessState.ExitCode(), took, said.String())
			}
		})
	}
}

// silence listens, takes connections, and never answers.
func silence(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer func() { _ = c.Close() }() // held until the end
		}
	}()
	return l.Addr().String()
}

// processesOf are those that still have something open, or their root, below dir.
func processesOf(t *testing.T, dir string) (pids []string) {
	t.Helper()
	all, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		mounts, err := os.ReadFile(filepath.Join("/proc", p.Name(), "mountinfo"))
		if err == nil && p.IsDir() && bytes.Contains(mounts, []byte(dir+"/")) {
			pids = append(pids, p.Name())
		}
	}
	return pids
}
