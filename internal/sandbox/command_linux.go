package sandbox

import (
	"errors"
	"os"
	"path"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Exit codes as shells give them.
const (
	codeNotExecutable = 126
	codeNotFound      = 127
)

// lookUp finds the command's file, inside.
func (s *Spec) lookUp() (string, error) {
	name := s.Argv[0]
	if strings.Contains(name, "/") {
		return name, nil // exec tells what is wrong with it
	}
	search, denied := pathOf(s.Env), false
	for dir := range strings.SplitSeq(search, ":") {
		if !path.IsAbs(dir) {
			continue // the working directory is no place to find programs in
		}
		file := path.Join(dir, name)
		info, err := os.Stat(file)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if unix.Access(file, unix.X_OK) == nil {
			return file, nil
		}
		denied = true
	}
	if denied {
		return "", &failure{Step: stepCommand, What: name, Why: "permission denied: found, but not executable", Code: codeNotExecutable}
	}
	return "", &failure{Step: stepCommand, What: name, Why: "command not found (PATH=" + search + ")", Code: codeNotFound}
}

func pathOf(env []string) string {
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			return v
		}
	}
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

// notExecuted is why the kernel did not execute file.
func notExecuted(file string, err error) error {
	f := &failure{Step: stepCommand, What: "executing " + file, Code: codeNotExecutable}
	errors.As(err, &f.Errno)
	switch f.Errno { //nolint:exhaustive // the others speak for themselves
	case syscall.ENOENT:
		f.Code = codeNotFound
		f.Why = "no such file"
		if _, err := os.Stat(file); err == nil {
			f.Why = "its interpreter or loader is missing"
		}
	case syscall.ENOTDIR:
		f.Code = codeNotFound
	case syscall.ENOEXEC:
		f.Why = "not a program of this machine, nor a script with a #! line"
	}
	return f
}
