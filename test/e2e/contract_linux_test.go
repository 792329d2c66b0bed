package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dram/internal/sandbox/ptytest"
)

// process is the id, outside, of process 1 of an image that dram runs.
func process(t *testing.T, s *service) string {
	t.Helper()
	parent := fmt.Sprintf("PPid:\t%d\n", s.cmd.Process.Pid)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		all, _ := filepath.Glob("/proc/[0-9]*/status")
		for _, name := range all {
			text, err := os.ReadFile(name)
			if err == nil && bytes.HasPrefix(text, []byte("Name:\tinit\n")) && bytes.Contains(text, []byte(parent)) {
				return filepath.Base(filepath.Dir(name))
			}
		}
	}
	t.Fatalf("the image has no process 1\n%s", s.stderr)
	return ""
}

// beside is a command in the place of an image that runs, with its environment: what a
// container engine's exec does.
func beside(ctx context.Context, t *testing.T, pid string, argv ...string) *exec.Cmd {
	t.Helper()
	environ, err := os.ReadFile(filepath.Join("/proc", pid, "environ"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"-t", pid, "-U", "--preserve-credentials", "-m", "-p", "-i", "-n", "-r", "-w"}, argv...)...)
	cmd.Env = append(strings.Split(strings.TrimRight(string(environ), "\x00"), "\x00"), "TERM=xterm")
	return cmd
}

// typed runs a command at a terminal, waits for its prompt, and types lines; it returns
// what stood on the screen.
func typed(t *testing.T, cmd *exec.Cmd, prompt string, lines ...string) string {
	t.Helper()
	keyboard, program, err := ptytest.Open(t)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = program.Close()
	var screen bytes.Buffer
	said, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for waits := true; ; {
			n, err := keyboard.Read(buf)
			screen.Write(buf[:n])
			if waits && strings.Contains(screen.String(), prompt) {
				close(said)
				waits = false
			}
			if err != nil {
				return
			}
		}
	}()
	select {
	case <-said:
		for _, line := range lines {
			time.Sleep(2 * time.Second)
			_, _ = keyboard.WriteString(line)
		}
	case <-done:
	case <-time.After(time.Minute):
		_ = cmd.Process.Kill()
	}
	_ = cmd.Wait() // what stood on the screen counts
	<-done
	return screen.String()
}

// What the long start script of relx knows holds in an image: asked from beside, at a
// terminal, on a root that is only read.
func TestContractOfRelx(t *testing.T) {
	real(t)
	dir := project(t, "examples/rebar")
	dram{args: []string{"image", dir, "--release", "greeter"}}.ok(t)
	image := imageOf(dir, "greeter", "0.3.0")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	port := freePort(t)
	s := dram{args: []string{"run", image, "-e", "PORT=" + port, "-e", "NODE=here@localhost"}}.start(t)
	get(t, port, "/")
	pid := process(t, s)
	for _, c := range []struct{ args, want string }{
		{"ping", "pong\n"},
		{"eval 1+1.", "2\n"},
		{"rpc erlang node", "here@localhost\n"},
		{"eval size(atom_to_binary(erlang:get_cookie())).", "64\n"},
		{"versions", "Installed versions:\n* 0.3.0\tpermanent\n"},
		{"restart", ""},
		{"ping", "pong\n"},
	} {
		command := append([]string{"/app/bin/greeter"}, strings.SplitN(c.args, " ", 3)...)
		if out, err := beside(ctx, t, pid, command...).CombinedOutput(); err != nil || string(out) != c.want {
			t.Errorf("%s: %v, %q", c.args, err, out)
		}
	}
	get(t, port, "/") // after restart
	// Ctrl-G and q leave the remote shell, and the node as it is.
	screen := typed(t, beside(ctx, t, pid, "/app/bin/greeter", "remote_console"), ")1> ", "{node(), 40 + 2}.\r", "\x07", "q\r")
	if !strings.Contains(screen, "{here@localhost,42}") {
		t.Errorf("remote_console shows\n%s", screen)
	}
	_ = beside(ctx, t, pid, "/app/bin/greeter", "stop").Run() // it ends with the container
	if err := s.cmd.Wait(); err != nil || !strings.Contains(s.stderr.String(), "the greeter is gone") {
		t.Errorf("stop: %v\n%s", err, s.stderr)
	}
	screen = typed(t, dram{args: []string{"run", image, "-e", "PORT=" + port, "-e", "NODE=there@localhost", "--", "console"}}.command(ctx), ")1> ", "{node(), 40 + 2}.\r", "q().\r")
	if !strings.Contains(screen, "{there@localhost,42}") || !strings.Contains(screen, "the greeter is gone") {
		t.Errorf("console shows\n%s", screen)
	}
}

// The short start script has no commands: it runs the release until it is told to stop.
func TestContractOfPlainRelx(t *testing.T) {
	real(t)
	dir := project(t, "examples/rebar")
	replace(t, filepath.Join(dir, "rebar.config"), "    {extended_start_script_hooks, [{pre_start, [{custom, \"hooks/pre_start\"}]}]}", "    {extended_start_script, false}")
	replace(t, filepath.Join(dir, "rebar.config"), `    {sys_config_src, "config/sys.config.src"},`, `    {sys_config, "config/sys.config"},`)
	replace(t, filepath.Join(dir, "rebar.config"), `    {vm_args_src, "config/vm.args.src"},`, `    {vm_args, "config/vm.args"},`)
	port := freePort(t)
	for _, name := range []string{"vm.args.src", "sys.config.src"} {
		if err := os.Remove(filepath.Join(dir, "config", name)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, "config/vm.args", "-sname plain@localhost\n-setcookie everybody-knows\n",
		"config/sys.config", "[{greeter, [{port, "+port+"}, {greeting, \"plainly\"}]}].\n")
	dram{args: []string{"image", dir, "--release", "greeter"}}.ok(t)
	s := dram{args: []string{"run", imageOf(dir, "greeter", "0.3.0")}}.start(t)
	if got := get(t, port, "/"); !strings.HasPrefix(got, "plainly from plain@localhost") {
		t.Errorf("the release says %q", got)
	}
	if code, took := s.stop(t, syscall.SIGTERM); code != 0 || took > 10*time.Second || !strings.Contains(s.stderr.String(), "the greeter is gone") {
		t.Errorf("stopping: exit %d after %s\n%s", code, took, s.stderr)
	}
}
