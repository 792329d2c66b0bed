// Package scaffold makes the files that a project keeps when Docker or a CI
// service is to build it: .dockerignore, two Dockerfiles, dram.toml, a pipeline.
// Texts are made from a plan and a job, compared with what lies in the project,
// shown as a unified diff, and written all or none.
//
// What a project has is its own. .dockerignore and the tool's own file are added
// to, every other file is written where there is none and else left as it is,
// unless the caller says that it may be replaced.
package scaffold

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"dram/internal/fsutil"
	"dram/internal/problem"
)

// The files, relative to the project.
const (
	IgnoreFile = ".dockerignore"
	BuildFile  = "docker/Dockerfile.build.elixir"
	RunFile    = "docker/Dockerfile.run"
	// The scripts that these copy and run.
	BuildScript = "docker/build.sh"
	RunScript   = "docker/bottle.sh"
)

// maxFile bounds what is read of a file that is there, in bytes.
const maxFile = 1 << 20

// File is a file that a project is to have.
type File struct {
	Path string // relative to the project, with slashes
	// Text makes the content from the one that is there, nil if there is none.
	Text func(old []byte) ([]byte, error)
	// Adds says that Text keeps all that is there: it may be written over it.
	Adds bool
	// Unless lists files in whose presence this one must not be made, as they
	// would no longer be read.
	Unless []string
}

// Whole is a file with a content that does not depend on what is there.
func Whole(path string, text []byte) File {
	return File{Path: path, Text: func([]byte) ([]byte, error) { return text, nil }}
}

// Change is a file, compared with the one that is there.
type Change struct {
	Path     string
	Old, New []byte // Old is nil where there is no such file
	// InTheWay says why it is not to be written: "" if nothing speaks against it.
	InTheWay string

	mode fs.FileMode // of the one that is there
}

// Same says that there is nothing to do.
func (c Change) Same() bool { return c.Old != nil && bytes.Equal(c.Old, c.New) }

// Compare reads what the project in dir has of the files.
func Compare(dir string, files []File) ([]Change, error) {
	root, err := fsutil.OpenRoot(dir)
	if err != nil {
		return nil, problem.New(problem.Usage, "name the project's directory", "opening project %q: %w", dir, err)
	}
	defer func() { _ = root.Close() }()
	changes := make([]Change, 0, len(files))
	for _, f := range files {
		c, err := compare(root, f)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

func compare(root *os.Root, f File) (Change, error) {
	old, mode, err := read(root, f.Path)
	if err != nil {
		return Change{}, problem.New(problem.Usage, "make it a file of the project's own, or move it away",
			"reading %q: %w", f.Path, err)
	}
	text, err := f.Text(old)
	if err != nil {
		return Change{}, err
	}
	c := Change{Path: f.Path, Old: old, New: text, mode: mode}
	if old != nil && !f.Adds && !c.Same() {
		c.InTheWay = "it is there, and another"
	}
	for _, other := range f.Unless {
		if _, err := root.Lstat(filepath.FromSlash(other)); err == nil && old == nil {
			c.InTheWay = other + " would no longer be read"
		}
	}
	return c, nil
}

// read gives nil where there is no such file. Links are not followed: what they
// lead to is not the file that is to be written.
func read(root *os.Root, name string) ([]byte, fs.FileMode, error) {
	info, err := root.Lstat(filepath.FromSlash(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, 0, nil
	case err != nil:
		return nil, 0, err
	case !info.Mode().IsRegular():
		return nil, 0, fmt.Errorf("it is a %s", fsutil.Kind(info.Mode()))
	}
	text, err := fsutil.ReadIn(root, name, maxFile)
	if text == nil {
		text = []byte{}
	}
	return text, info.Mode().Perm(), err
}

// Diff is the changes as patch(1) and git apply take them.
func Diff(changes []Change) []byte {
	var out []byte
	for _, c := range changes {
		if c.Same() {
			continue
		}
		from := "a/" + c.Path
		if c.Old == nil {
			from = "/dev/null"
		}
		text := diff.Diff(from, c.Old, "b/"+c.Path, c.New)
		_, text, _ = bytes.Cut(text, []byte("\n")) // "diff a b", which says nothing more
		out = append(out, text...)
	}
	return out
}

// Refused is the problem with files that are in the way, nil if none is.
func Refused(changes []Change) error {
	var list []string
	for _, c := range changes {
		if c.InTheWay != "" {
			list = append(list, fmt.Sprintf("%s (%s)", c.Path, c.InTheWay))
		}
	}
	if len(list) == 0 {
		return nil
	}
	return problem.New(problem.Usage, "see the difference with --diff; --force writes all the same",
		"nothing was written, since this would be overwritten: %s", strings.Join(list, ", "))
}
