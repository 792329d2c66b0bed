package cli

import (
	"io/fs"
	"os"
	"strings"

	"dram/internal/ui"
)

// said is an error as it is printed. What the system's own errors name stands in them
// without quotes: a file whose name has an end of line in it would begin a line of its
// own there, such as one that says OK.
func said(err error) string {
	text := err.Error()
	for _, name := range namesIn(err, nil) {
		if strings.Contains(name, "\n") {
			text = strings.ReplaceAll(text, name, ui.Line(name))
		}
	}
	return ui.Plain(text)
}

// namesIn are the paths that the errors of the system in err name.
func namesIn(err error, names []string) []string {
	switch e := err.(type) { //nolint:errorlint // each is looked at
	case *fs.PathError:
		names = append(names, e.Path)
	case *os.LinkError:
		names = append(names, e.Old, e.New)
	}
	switch e := err.(type) { //nolint:errorlint // as above
	case interface{ Unwrap() error }:
		return namesIn(e.Unwrap(), names)
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			names = namesIn(one, names)
		}
	}
	return names
}
