package grammar

import (
	"bytes"
	"fmt"

	"github.com/pelletier/go-toml/v2"
)

// maxTOML bounds the keys and tables of a TOML file. The library looks through all
// names of a table for each one more, so that a megabyte of names takes a minute; what
// people and tools write has hundreds.
const maxTOML = 20_000

// ErrTOML is that a file has more keys and tables than are read.
var ErrTOML = fmt.Errorf("at most %d are read", maxTOML)

// TOML reads a TOML file that came with a project into a value.
func TOML(raw []byte, into any) error {
	if n := bytes.Count(raw, []byte("=")) + bytes.Count(raw, []byte("[")); n > maxTOML {
		return fmt.Errorf("it has %d keys and tables, %w", n, ErrTOML)
	}
	return toml.Unmarshal(raw, into)
}
