package sandbox

import (
	"io"
	"os"
)

// Handed is a command that is run beside the process with streams of somebody else's, who
// holds the other end of Line: each byte written there is the number of a signal for the
// command's group, the end of it hangs up, and the command's end is read from it.
type Handed struct {
	Command
	// Terminal says that the streams are a terminal, which becomes the command's.
	Terminal bool
	Streams  [3]*os.File
	Line     *os.File
}

// End is how a command ended.
type End struct {
	Code int    // as ExitError has it
	Why  string // why it could not be started; "" if it was
}

// WriteEnd tells the other end of a line how the command ended.
func WriteEnd(line io.Writer, e End) error { return writeMessage(line, e) }

// ReadEnd waits at a line for the end of its command.
func ReadEnd(line io.Reader) (e End, err error) { return e, readMessage(line, &e) }
