package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

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
			Stdio: Stdio{Stdout: os.Stdout, Stderr: os.Stderr},
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
