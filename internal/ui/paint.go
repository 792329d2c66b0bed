package ui

import (
	"bytes"
	"io"
	"os"
)

// painted is the words at the beginning of a line that have a colour on a
// terminal (ECMA-48, SGR), as people know them from compilers.
var painted = []struct{ word, colour string }{
	{"FAIL", "\x1b[1;31m"},
	{"error:", "\x1b[1;31m"},
	{"WARN", "\x1b[33m"},
	{"warning:", "\x1b[33m"},
	{"UNKNOWN", "\x1b[35m"},
	{"OK", "\x1b[32m"},
}

// Paint is out with colours, if it is a terminal that has them and the user
// has not said NO_COLOR (no-color.org); else it is out itself. Whole lines are
// to be written.
func Paint(out io.Writer) io.Writer {
	f, ok := out.(*os.File)
	if !ok || !isTerminal(f) || os.Getenv("TERM") == "dumb" || os.Getenv("NO_COLOR") != "" {
		return out
	}
	return painter{out}
}

type painter struct{ out io.Writer }

func (p painter) Write(text []byte) (int, error) {
	_, err := p.out.Write(paint(text))
	return len(text), err
}

func paint(text []byte) []byte {
	var b bytes.Buffer
	for line := range bytes.Lines(text) {
		for _, w := range painted {
			if rest, ok := bytes.CutPrefix(line, []byte(w.word)); ok {
				b.WriteString(w.colour + w.word + "\x1b[0m")
				line = rest
				break
			}
		}
		b.Write(line)
	}
	return b.Bytes()
}
