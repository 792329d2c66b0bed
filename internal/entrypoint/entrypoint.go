// Package entrypoint is what an image has as its process 1: a static program of two
// kilobytes that starts the release's script and is for it what process 1 has to be
// (program/init.c, compiled for each processor and kept here). It passes signals on from its first
// instruction on, waits for processes that nobody else waits for, bounds a limit of open
// files that nobody can have meant, and ends as the script does.
package entrypoint

import (
	"embed"
	"path"
	"strings"
)

// Path is where an image has it.
const Path = "usr/lib/dram/init"

//go:embed program/init-amd64 program/init-arm64
var programs embed.FS

// Architectures is the processors that it is there for, as Go names them.
func Architectures() []string { return []string{"amd64", "arm64"} }

// Init is the program for a processor, nil if there is none.
func Init(arch string) []byte {
	b, err := programs.ReadFile("program/init-" + arch)
	if err != nil {
		return nil
	}
	return b
}

// ID names the program and its place: images of another are others.
func ID(arch string) string { return Path + "\n" + string(Init(arch)) }

// Wrap is a command as the image has it: programs of the release are started by the
// init. All else is the user's own, and may be one itself (tini, s6's, which has to be
// process 1). scripts is the directory of the release's programs, workdir where the
// command is started.
func Wrap(command []string, scripts, workdir string) []string {
	if len(command) == 0 || !strings.Contains(command[0], "/") {
		return command
	}
	program := command[0]
	if !path.IsAbs(program) {
		program = path.Join(workdir, program)
	}
	if path.Dir(path.Clean(program)) != path.Clean(scripts) {
		return command
	}
	return append([]string{"/" + Path}, command...)
}
