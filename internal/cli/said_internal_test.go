package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
)

// A file's name begins no line of its own in what an error says.
func TestErrorsForgeNoLine(t *testing.T) {
	name := "a\nOK: all is well\x1b[2J"
	for in, want := range map[error]string{
		errors.New("two\nlines"): "two\nlines",
		fmt.Errorf("reading: %w", &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}):                                       `reading: open a\nOK: all is well\x1b[2J: file does not exist`,
		errors.Join(errors.New("x"), &os.LinkError{Op: "rename", Old: "b", New: name, Err: fs.ErrExist}):                            "x\n" + `rename b a\nOK: all is well\x1b[2J: file already exists`,
		fmt.Errorf("%q: %w, %w", name, fs.ErrInvalid, fmt.Errorf("y: %w", &fs.PathError{Op: "stat", Path: name, Err: fs.ErrExist})): `"a\nOK: all is well\x1b[2J": invalid argument, y: stat a\nOK: all is well\x1b[2J: file already exists`,
	} {
		var b bytes.Buffer
		report(&b, in)
		if got := b.String(); got != "error: "+want+"\n" {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
