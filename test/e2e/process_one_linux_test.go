package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// moments are those of a SIGTERM after the start: before the script, in it, while the VM
// has no handler, while it has one and nobody behind it, and once the release runs.
var moments = []time.Duration{0, 50 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 4 * time.Second}

// stoppedEarly says whether an end after SIGTERM is one of a release that heard it: in an
// orderly way, or by the signal where there was nothing yet to put in order. What had to
// be killed has 137.
func stoppedEarly(code int, took time.Duration) bool {
	return (code == 0 || code == 143) && took < 9*time.Second
}

// SIGTERM ends what dram run runs whenever it comes.
func TestRunIsStoppedAtAnyMoment(t *testing.T) {
	real(t)
	dir := project(t, "examples/hello")
	image := filepath.Join(t.TempDir(), "hello.tar")
	dram{args: []string{"image", dir, "-o", image}}.ok(t)
	for _, moment := range moments {
		s := dram{args: []string{"run", "-e", "PORT=" + freePort(t), image}}.start(t)
		if !processOne(s.cmd.Process.Pid) {
			t.Fatalf("it does not start:\n%s", s.stderr)
		}
		time.Sleep(moment)
		if code, took := s.stop(t, syscall.SIGTERM); !stoppedEarly(code, took) {
			t.Errorf("after %s: exit %d after %s\n%s", moment, code, took, s.stderr)
		} else {
			t.Logf("after %s: exit %d after %s", moment, code, took)
		}
	}
}

// processOne waits until a process below this one is the image's init.
func processOne(above int) bool {
	for begun := time.Now(); time.Since(begun) < 30*time.Second; time.Sleep(5 * time.Millisecond) {
		list, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, name := range list {
			line, _ := os.ReadFile(name)
			if !strings.HasPrefix(string(line), "/usr/lib/dram/init\x00") || !below(filepath.Base(filepath.Dir(name)), above) {
				continue
			}
			// Asleep, it waits for signals. It was executed before its first instruction.
			if status, _ := os.ReadFile(filepath.Join(filepath.Dir(name), "status")); strings.Contains(string(status), "State:\tS") {
				return true
			}
		}
	}
	return false
}

// below says whether a process descends from another.
func below(pid string, above int) bool {
	for range 20 {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			return false
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest)
		if pid = fields[1]; pid == fmt.Sprint(above) {
			return true
		}
	}
	return false
}

// docker stop ends a container whenever it comes, and nothing that ended stays in it.
func TestDockerStopsAtAnyMoment(t *testing.T) {
	withDocker(t)
	tag := loaded(t)
	for _, moment := range moments {
		id := container(t, tag)
		time.Sleep(moment)
		begun := time.Now()
		docker(t, "stop", id)
		took := time.Since(begun)
		var code int
		if _, err := fmt.Sscan(docker(t, "inspect", "-f", "{{.State.ExitCode}}", id), &code); err != nil {
			t.Fatal(err)
		}
		if !stoppedEarly(code, took) {
			t.Errorf("after %s: exit %d after %s\n%s", moment, code, took, docker(t, "logs", id))
		} else {
			t.Logf("after %s: exit %d after %s", moment, code, took)
		}
	}
	port := freePort(t)
	id := container(t, "-p", "127.0.0.1:"+port+":4000", tag)
	page(t, port)
	docker(t, "exec", id, "/bin/sh", "-c", "i=0; while [ $i -lt 1000 ]; do (sh -c : &); i=$((i+1)); done")
	left := "<defunct>"
	for begun := time.Now(); strings.Contains(left, "<defunct>") && time.Since(begun) < 10*time.Second; time.Sleep(100 * time.Millisecond) {
		left = docker(t, "top", id)
	}
	if strings.Contains(left, "<defunct>") {
		t.Errorf("processes that ended stay:\n%s", left)
	}
	page(t, port).check(t)
}
