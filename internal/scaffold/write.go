package scaffold

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dram/internal/fsutil"
	"dram/internal/problem"
)

// Write writes the changes into the project in dir: all of them, or, where one
// fails, none. New files lie beside their places before the first is renamed,
// and what was renamed is put back should a later one fail.
func Write(dir string, changes []Change) error {
	root, err := fsutil.OpenRoot(dir)
	if err != nil {
		return problem.New(problem.Usage, "name the project's directory", "opening project %q: %w", dir, err)
	}
	defer func() { _ = root.Close() }()
	w := &writer{root: root}
	for _, c := range changes {
		if !c.Same() {
			w.changes = append(w.changes, c)
		}
	}
	if err := w.stage(); err != nil {
		w.undo()
		return unwritable(err)
	}
	if err := w.commit(); err != nil {
		w.undo()
		return unwritable(err)
	}
	return nil
}

func unwritable(err error) error {
	return problem.New(problem.Failure, "make the project's directory writable; nothing in it was changed",
		"writing the files: %w", err)
}

// writer is a set of files on its way.
type writer struct {
	root    *os.Root
	changes []Change
	made    []string        // directories, outermost first
	staged  []*fsutil.Draft // one a change
	done    int             // changes that have their places
}

func (w *writer) stage() error {
	for _, c := range w.changes {
		if err := w.makeDirs(path.Dir(c.Path)); err != nil {
			return err
		}
		mode := c.mode
		if c.Old == nil {
			mode = 0o644
		}
		d, err := fsutil.NewDraft(w.root, c.Path, mode)
		if err != nil {
			return fmt.Errorf("%q: %w", c.Path, err)
		}
		w.staged = append(w.staged, d)
		if _, err = d.Write(c.New); err == nil {
			err = d.Finish(fsutil.Kept)
		}
		if err != nil {
			return fmt.Errorf("%q: %w", c.Path, err)
		}
	}
	return nil
}

// makeDirs notes what it makes, so that it can go again.
func (w *writer) makeDirs(dir string) error {
	at := ""
	for part := range strings.SplitSeq(dir, "/") {
		at = path.Join(at, part)
		err := w.root.Mkdir(filepath.FromSlash(at), 0o755)
		if err == nil {
			w.made = append(w.made, at)
		} else if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

func (w *writer) commit() error {
	for i, c := range w.changes {
		// Whoever wrote to it since it was compared keeps what he wrote.
		now, _, err := read(w.root, c.Path)
		if err != nil || (now == nil) != (c.Old == nil) || string(now) != string(c.Old) {
			return errors.Join(fmt.Errorf("%q changed meanwhile", c.Path), err)
		}
		if err := w.staged[i].Commit(); err != nil {
			return err
		}
		w.done++
	}
	return nil
}

// undo leaves the project as it was.
func (w *writer) undo() {
	for i := w.done - 1; i >= 0; i-- {
		c := w.changes[i]
		if c.Old == nil {
			_ = w.root.Remove(filepath.FromSlash(c.Path))
			continue
		}
		_ = fsutil.Replace(w.root, c.Path, c.mode, fsutil.Kept, func(out io.Writer) error {
			_, err := out.Write(c.Old)
			return err
		})
	}
	for _, d := range w.staged {
		d.Discard()
	}
	for _, dir := range slices.Backward(w.made) {
		_ = w.root.Remove(filepath.FromSlash(dir)) // only if it is empty
	}
}
