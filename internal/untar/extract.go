package untar

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// extractor is the state of unpacking one archive.
type extractor struct {
	opts   Options
	root   *os.Root
	result Result
	names  int               // bytes of all names so far
	known  *node             // what this archive made
	dirs   map[string]string // real names of directories, by their names in the archive
	buf    []byte

	in   string // the directory that here is, real
	here *os.Root
}

// enter opens the directory with a real name, unless it is the open one:
// entries of one directory mostly follow each other.
func (x *extractor) enter(dir string) error {
	if x.here != nil && x.in == dir {
		return nil
	}
	x.leave()
	here, err := x.root.OpenRoot(dir)
	if err != nil {
		return err
	}
	x.in, x.here = dir, here
	return nil
}

func (x *extractor) leave() {
	if x.here != nil {
		_ = x.here.Close() // only a handle
		x.here = nil
	}
}

// dir is the real name of a directory that entries lie in. Links on the way
// are followed inside the root, what is not there is made.
func (x *extractor) dir(elems []string) (string, error) {
	name := strings.Join(elems, "/")
	if real, ok := x.dirs[name]; ok {
		return real, nil
	}
	real, err := x.walk(elems)
	if err == nil {
		x.dirs[name] = real
	}
	return real, err
}

func (x *extractor) walk(todo []string) (string, error) {
	real, hops := ".", 0
	for len(todo) > 0 {
		elem := todo[0]
		todo = todo[1:]
		switch elem {
		case "", ".":
			continue
		case "..":
			real = path.Dir(real)
			continue
		}
		at := path.Join(real, elem)
		target, err := x.step(at)
		if err != nil {
			return "", err
		}
		if target == "" {
			real = at
		} else {
			if strings.HasPrefix(target, "/") {
				real = "."
			}
			todo = append(strings.Split(target, "/"), todo...)
			hops++
		}
		if hops > 40 || len(todo) > maxName || strings.Count(real, "/") > maxDepth {
			return "", fmt.Errorf("%w: its directory leads through too many links or directories", ErrName)
		}
	}
	return real, nil
}

// step makes sure that at is a directory that can be written to, or gives the
// target of the link that it is.
func (x *extractor) step(at string) (target string, err error) {
	info, err := x.root.Lstat(at)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := x.count(len(at)); err != nil {
			return "", err
		}
		x.known.make(at).directory(0o755, time.Time{})
		return "", x.root.Mkdir(at, 0o700)
	case err != nil:
		return "", err
	case info.Mode()&fs.ModeSymlink != 0:
		target, err = x.root.Readlink(at)
		if err == nil && target == "" {
			err = fmt.Errorf("%w: link %q has no target", ErrName, at)
		}
		return target, err
	case !info.IsDir():
		return "", fmt.Errorf("%w: %q is not a directory", ErrName, at)
	}
	return "", x.unlock(at, info)
}

// unlock makes an unwritable directory of an earlier archive writable until the
// end.
func (x *extractor) unlock(at string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o700 == 0o700 {
		return nil
	}
	n := x.known.find(at)
	if n == nil || !n.dir {
		x.known.get(at).directory(info.Mode(), info.ModTime())
	}
	return x.root.Chmod(at, info.Mode().Perm()|0o700)
}

// replacing does op, which makes base in the open directory; if something is
// there, it goes.
func (x *extractor) replacing(dir, base string, op func() error) error {
	err := op()
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := x.remove(path.Join(dir, base)); err != nil {
		return err
	}
	return op()
}

// remove removes what has a real name, and all below.
func (x *extractor) remove(name string) error {
	x.known.drop(name)
	if len(x.dirs) > 0 {
		x.dirs = map[string]string{} // any of them may have led through it; to clear them would cost what the map once held
	}
	if err := x.root.RemoveAll(name); err == nil {
		return nil
	}
	// A directory that may not be written to does not give up what is in it.
	if err := x.unlockAll(name); err != nil {
		return err
	}
	return x.root.RemoveAll(name)
}

func (x *extractor) unlockAll(name string) error {
	info, err := x.root.Lstat(name)
	if err != nil || !info.IsDir() {
		return err
	}
	if err := x.root.Chmod(name, 0o700); err != nil {
		return err
	}
	children, err := x.list(name)
	for _, c := range children {
		err = errors.Join(err, x.unlockAll(path.Join(name, c)))
	}
	return err
}

func (x *extractor) list(dir string) ([]string, error) {
	f, err := x.root.Open(dir)
	if err != nil {
		return nil, err
	}
	names, err := f.Readdirnames(-1)
	return names, errors.Join(err, f.Close())
}

func (x *extractor) file(dir, base string, h *tar.Header, r io.Reader) error {
	if h.Size > x.opts.MaxBytes-x.result.Bytes {
		return fmt.Errorf("%w: more than %d bytes", ErrLimit, x.opts.MaxBytes)
	}
	var f *os.File
	err := x.replacing(dir, base, func() (err error) {
		f, err = x.here.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{f}, r, x.buf) // os.File would take a buffer of its own each time
	x.result.Bytes += n
	err = errors.Join(err, f.Chmod(fs.FileMode(h.Mode)&fs.ModePerm), f.Close()) //nolint:gosec // masked
	if err != nil {
		return err
	}
	when := sane(h.ModTime)
	return x.here.Chtimes(base, when, when)
}

// sane is a time that every file system can hold.
func sane(t time.Time) time.Time {
	if t.Unix() < 0 || t.Unix() > 1<<33 {
		return time.Unix(0, 0)
	}
	return t
}

func (x *extractor) mkdir(dir, base string, h *tar.Header) error {
	at := path.Join(dir, base)
	err := x.here.Mkdir(base, 0o700)
	if errors.Is(err, fs.ErrExist) {
		err = x.reuse(dir, base)
	}
	if err != nil {
		return err
	}
	mode := fs.FileMode(h.Mode) & fs.ModePerm //nolint:gosec // masked
	if h.Mode&0o1000 != 0 {
		mode |= fs.ModeSticky
	}
	x.known.make(at).directory(mode, sane(h.ModTime))
	return nil
}

// reuse makes a directory of what is there: itself if it is one.
func (x *extractor) reuse(dir, base string) error {
	info, err := x.here.Lstat(base)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return x.unlock(path.Join(dir, base), info)
	}
	return x.replacing(dir, base, func() error { return x.here.Mkdir(base, 0o700) })
}

func (x *extractor) symlink(dir, base, target string) error {
	if target == "" || len(target) > maxName {
		return fmt.Errorf("%w: a link's target of %d bytes", ErrName, len(target))
	}
	if x.opts.LinksInside && leaves(dir, target) {
		return fmt.Errorf("%w: a link to %.200q, outside the archive", ErrName, target)
	}
	return x.replacing(dir, base, func() error { return x.here.Symlink(target, base) })
}

// leaves says whether a link in dir leads outside, by its words alone.
func leaves(dir, target string) bool {
	to := path.Join(dir, target)
	return path.IsAbs(target) || to == ".." || strings.HasPrefix(to, "../")
}

func (x *extractor) hardlink(dir, base, target string) error {
	elems, err := elements(target)
	if err != nil {
		return err
	}
	if len(elems) == 0 {
		return fmt.Errorf("%w: a link to the top", ErrName)
	}
	last := len(elems) - 1
	to, err := x.dir(elems[:last])
	if err != nil {
		return err
	}
	old, at := path.Join(to, elems[last]), path.Join(dir, base)
	info, err := x.root.Lstat(old)
	switch {
	case err != nil:
		return fmt.Errorf("linking to %.200q: %w", target, err)
	case info.IsDir():
		return fmt.Errorf("%w: a link to the directory %.200q", ErrName, target)
	case old == at:
		return nil
	}
	return x.replacing(dir, base, func() error { return x.root.Link(old, at) })
}

// whiteout removes what earlier archives made, and nothing that this one did,
// whichever of the two comes first in it.
func (x *extractor) whiteout(dir, name string) error {
	switch {
	case name == ".wh..opq":
		return x.hideChildren(dir)
	case strings.HasPrefix(name, ".wh."): // what aufs kept for itself
		return nil
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("%w: a whiteout of nothing", ErrName)
	}
	return x.hide(path.Join(dir, name))
}

func (x *extractor) hide(name string) error {
	if n := x.known.find(name); n == nil || !n.made {
		return x.remove(name)
	}
	info, err := x.root.Lstat(name)
	if err != nil || !info.IsDir() {
		return err
	}
	return x.hideChildren(name)
}

// hideChildren does so for all in a directory, once: what comes later is of this
// archive.
func (x *extractor) hideChildren(dir string) error {
	n := x.known.get(dir)
	if n.hidden {
		return nil
	}
	n.hidden = true
	names, err := x.list(dir)
	slices.Sort(names)
	for _, n := range names {
		err = errors.Join(err, x.hide(path.Join(dir, n)))
	}
	return err
}

// finish gives directories their modes and times, those deepest down first.
func (x *extractor) finish() error {
	x.leave()
	return x.known.walk(".", func(name string, n *node) error {
		info, err := x.root.Lstat(name)
		if err != nil || !info.IsDir() {
			return err
		}
		if !n.when.IsZero() {
			err = x.root.Chtimes(name, n.when, n.when)
		}
		return errors.Join(err, x.root.Chmod(name, n.mode))
	})
}
