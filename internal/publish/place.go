package publish

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"dram/internal/fsutil"
	"dram/internal/problem"
)

// Place is where a file goes.
type Place struct {
	Path string
	// Inside, if set, is a directory that holds Path, and that no link on the way
	// leaves: so it is with what a project says. "" is anywhere, as the user says.
	Inside string
	// Dirs has the directories above the file made.
	Dirs bool
	// Program has the file be one that can be executed.
	Program bool
}

// Anywhere is the place that somebody named.
func Anywhere(path string) Place { return Place{Path: path} }

// Check says, before there is anything to write, whether a link would lead out.
func (p Place) Check() error {
	if p.Inside == "" {
		return nil
	}
	rel, err := fsutil.Inside(p.Inside, p.Path)
	if err != nil {
		return problem.New(problem.Usage, placeHint, "results stay in the project: %w", err)
	}
	// A link in the place of the file itself is replaced, not followed.
	link, target, err := fsutil.LinkOut(p.Inside, filepath.Dir(rel))
	if err == nil && link != "" {
		return leaves(link, target)
	}
	return nil // whatever else is in the way, the writing will tell
}

const placeHint = "name a directory of the project, or say yourself where results go: --output-dir, or DRAM_OUTPUT_DIR"

func leaves(link, target string) error {
	return problem.New(problem.Usage, "remove the link, or say yourself where results go: --output-dir, or DRAM_OUTPUT_DIR",
		"%q is a link that leads out of the project, to %q: results stay in the project", link, target)
}

// spot is a place, opened: all that is done to the file is done in its directory,
// which is held open.
type spot struct {
	dir  *os.Root
	base string
	path string // for messages
	mode fs.FileMode
}

// mode is that of the file, for others to read.
func (p Place) mode() fs.FileMode {
	if p.Program {
		return 0o755
	}
	return 0o644
}

func (p Place) open() (*spot, error) {
	if p.Inside != "" {
		return p.openInside()
	}
	dir, base := filepath.Split(filepath.Clean(p.Path))
	if dir == "" {
		dir = "."
	}
	if p.Dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a result, for others to read
			return nil, unwritable(p.Path, err)
		}
	}
	root, err := fsutil.OpenRoot(dir)
	if err != nil {
		return nil, unwritable(p.Path, err)
	}
	return &spot{root, base, p.Path, p.mode()}, nil
}

func (p Place) openInside() (*spot, error) {
	rel, err := fsutil.Inside(p.Inside, p.Path)
	if err != nil {
		return nil, problem.New(problem.Usage, placeHint, "results stay in the project: %w", err)
	}
	top, err := fsutil.OpenRoot(p.Inside)
	if err != nil {
		return nil, unwritable(p.Path, err)
	}
	defer func() { _ = top.Close() }() // the directory below stays open
	dir := filepath.Dir(rel)
	if p.Dirs {
		err = top.MkdirAll(dir, 0o755)
	}
	var root *os.Root
	if err == nil {
		root, err = top.OpenRoot(dir)
	}
	if fsutil.Leaves(err) {
		if link, target := fsutil.LeavingLink(top, dir); link != "" {
			return nil, leaves(link, target)
		}
		return nil, problem.New(problem.Usage, placeHint, "writing %q: a link leads out of the project", p.Path)
	}
	if err != nil {
		return nil, unwritable(p.Path, err)
	}
	return &spot{root, filepath.Base(rel), p.Path, p.mode()}, nil
}

func (s *spot) close() { _ = s.dir.Close() } // files in it were closed, and that was looked at

// at is a file below an open directory, for what is written into that.
func (s *spot) at(name string) (*spot, error) {
	dir, err := s.dir.OpenRoot(filepath.FromSlash(path.Dir(name)))
	if err != nil {
		return nil, err
	}
	return &spot{dir, path.Base(name), filepath.Join(s.path, filepath.FromSlash(name)), s.mode}, nil
}

// taken says what stands in the way of a file: anything but a file or a link,
// which are replaced.
func (s *spot) taken() error {
	info, err := s.dir.Stat(s.base)
	if err != nil {
		if info, err = s.dir.Lstat(s.base); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	switch {
	case err != nil:
		return unwritable(s.path, err)
	case info.IsDir():
		return problem.New(problem.Usage, "name a file, or use oci:DIR for an image layout", "writing %q: it is a directory", s.path)
	case !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0:
		return problem.New(problem.Usage, "name a file, or remove what is there", "writing %q: it is a %s", s.path, fsutil.Kind(info.Mode()))
	}
	return nil
}
