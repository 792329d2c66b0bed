package pipeline

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"dram/internal/engine"
	"dram/internal/sandbox"
)

func TestWhatTheMachineEnded(t *testing.T) {
	free := machine{}
	tight := machine{fileSize: 1 << 20, cpuTime: 60}
	starved := machine{oomKills: 1}
	own := func(code int, signal string) error { return &sandbox.ExitError{Code: code, Signal: signal} }
	tests := []struct {
		name   string
		err    error
		output string
		now    machine
		says   string // "" if the project is to blame
	}{
		{"past the size of files", own(153, "SIGXFSZ"), "", tight, "a file grew past 1048576 bytes"},
		{"past the size, by a shell's child", own(153, ""), "", tight, "a file grew past 1048576 bytes"},
		{"past the size, by a compiler's child", own(1, ""), "File size limit exceeded (core dumped)", tight, "a file grew past 1048576 bytes"},
		{"past the size, where the signal is ignored", own(1, ""), "** (File.Error) could not write: file too large", tight, "a file grew past 1048576 bytes"},
		{"past a size that the project set", own(153, "SIGXFSZ"), "", free, ""},
		{"a project that says so", own(1, ""), "file too large", free, ""},
		{"past the processor's time", own(152, "SIGXCPU"), "", tight, "used up its 60 seconds"},
		{"past the hard limit on it", own(137, "SIGKILL"), "", tight, "used up its 60 seconds"},
		{"no memory", own(137, "SIGKILL"), "", starved, "out of memory"},
		{"no memory for a compiler", own(2, ""), "gcc: fatal error: Killed signal terminated program cc1", starved, "out of memory"},
		{"somebody else's memory", own(1, ""), "** (CompileError)", starved, ""},
		{"killed", own(137, "SIGKILL"), "", free, "killed from outside"},
		{"a project that says killed", own(1, ""), "Killed", free, ""},
		{"failed", own(1, ""), "", tight, ""},
		{"crashed", own(139, "SIGSEGV"), "", tight, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			failed := &engine.StepError{Step: engine.Step{Name: "release", Argv: []string{"mix"}}, Err: tt.err}
			why, hint := tt.now.blame(failed, []byte(tt.output), free)
			if tt.says == "" && why != "" || !strings.Contains(why, tt.says) || (why == "") != (hint == "") {
				t.Errorf("got %q (%q), want %q", why, hint, tt.says)
			}
		})
	}
}

// TestEndOf looks at real ends, as the host engine sees them.
func TestEndOf(t *testing.T) {
	for script, want := range map[string]int{
		"exit 7": 7, "kill -KILL $$": 137, "sh -c 'kill -XCPU $$'; exit $?": 152,
		"ulimit -f 1; exec dd if=/dev/zero of=big bs=1024 count=9": 128 + int(syscall.SIGXFSZ),
	} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
		cmd.Dir = t.TempDir()
		if got := endOf(&engine.StepError{Err: cmd.Run()}); got != want {
			t.Errorf("%s: %d, want %d", script, got, want)
		}
	}
}

func TestLimitsOfThisMachine(t *testing.T) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 30, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	limited := thisMachine()
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if limited.fileSize != 1<<30 {
		t.Errorf("a limit of 1 GiB is told as %d", limited.fileSize)
	}
}
