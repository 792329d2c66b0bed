package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dram/internal/sandbox/ptytest"
)

// onTerminal is a caller whose standard streams are its terminal.
func onTerminal() int {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, os.Interrupt)
	dir := os.Getenv(ttyVar)
	err := Run(context.Background(), Spec{
		Lower: []string{baseRootOf(dir)}, Scratch: filepath.Join(dir, "scratch"),
		Argv: []string{"/bin/inside", "stubborn", "5"}, Reap: strings.HasSuffix(dir, "reap"),
		Stdio: Stdio{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Foreground: true},
	})
	group, errGroup := unix.IoctlGetInt(0, unix.TIOCGPGRP)
	fmt.Println("run:", err, "own terminal:", errGroup == nil && group == unix.Getpgrp(), "interrupted:", len(caught))
	return 0
}

// openTerminal makes a pseudo-terminal, if there are any.
func openTerminal(t *testing.T) (master, tty *os.File) {
	t.Helper()
	master, tty, err := ptytest.Open(t)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	return master, tty
}

// TestForeground types Ctrl-C: the process gets it, once, and its caller does
// not, and has the terminal back at the end.
func TestForeground(t *testing.T) {
	for _, name := range []string{"plain", "reap"} {
		master, tty := openTerminal(t)
		dir := filepath.Join(t.TempDir(), name)
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, "scratch"), 0o755),
			os.Symlink(baseRoot(), filepath.Join(dir, "root"))); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, "/proc/self/exe")
		cmd.Env = append(os.Environ(), ttyVar+"="+dir)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_ = tty.Close()
		lines := bufio.NewScanner(master)
		var got []string
		for lines.Scan() {
			line := strings.TrimPrefix(strings.TrimSpace(lines.Text()), "^C")
			got = append(got, line)
			if line == "ready" {
				if _, err := io.WriteString(master, "\x03"); err != nil {
					t.Fatal(err)
				}
			}
		}
		want := "ready\ngot SIGINT\nrun: running /bin/inside: exit status 5 own terminal: true interrupted: 0"
		if out := strings.Join(got, "\n"); out != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, out, want)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		_ = master.Close()
	}
}
