// Package session gives what runs in a sandbox a name, and lets commands of the same user
// come in beside it, as `docker exec` does.
//
// A name is a file in a directory of the user's own, locked for as long as the run lives,
// and a socket beside it. A command is asked for over the socket, with its arguments, its
// environment, and pipes or a pseudo-terminal for its streams: never with files of the
// caller's own, whose modes it could change. The run hands both to the sandbox's
// companion, in which all that the sandbox gave up is given up. Nobody joins namespaces,
// and nobody gains a privilege.
package session

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"dram/internal/problem"
)

// Call is a command to be run beside what runs.
type Call struct {
	Argv []string // of the image's start script, or a program by its path
	Env  []string // "K=V", on top of that of what runs
	// Terminal is handed over: the command gets a terminal of its own, which is shown
	// there. nil: it has none.
	Terminal       *os.File
	Stdin          io.Reader // nil: empty
	Stdout, Stderr io.Writer
	// Grace is how long it has to end by itself when it is stopped; default 10 s.
	Grace time.Duration
}

// request is a call as it goes over the socket; the streams come behind it.
type request struct {
	Argv     []string
	Env      []string
	Terminal bool
}

// names are short enough for a socket's address, and no way out of a directory.
var names = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\z`)

// CheckName refuses what cannot be a name.
func CheckName(name string) error {
	if names.MatchString(name) {
		return nil
	}
	return problem.New(problem.Usage, "take a letter or digit, then letters, digits and _ . -, at most 63", "%.70q cannot be the name of what runs", name)
}

// errNot says that nothing runs under a name.
func errNot(name string, running []string) error {
	hint := "start it: dram run --name " + name
	if len(running) > 0 {
		hint = fmt.Sprintf("what runs: %q; or start it: dram run --name %s", running, name)
	}
	return problem.New(problem.Usage, hint+"; what runs in Docker: dram exec --docker "+name, "nothing runs under the name %q", name)
}
