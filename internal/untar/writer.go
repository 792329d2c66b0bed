package untar

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"dram/internal/fsutil"
)

// Writer unpacks one archive into a tree. It is for one goroutine.
type Writer struct {
	tree   *Tree
	opts   Options
	layer  int
	result Result
	names  int // bytes of all names so far
	buf    []byte

	asked, found string // the directory that was last resolved, and what it is
	moved        int    // when

	in   string // the directory that here is, real
	here *os.Root
}

// Writer begins an archive. Whoever makes one calls Close in the end.
func (t *Tree) Writer(opts Options) *Writer {
	if opts.MaxBytes <= 0 {
		opts.MaxBytes = 16 << 30
	}
	if opts.MaxEntries <= 0 {
		opts.MaxEntries = 1_000_000
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	return &Writer{tree: t, opts: opts, layer: t.last, moved: -1}
}

// Close lets go of what the writer holds open.
func (w *Writer) Close() {
	if w.here != nil {
		_ = w.here.Close() // only a handle
		w.here = nil
	}
}

func regular(h *tar.Header) bool {
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeRegA, tar.TypeCont, tar.TypeGNUSparse: //nolint:staticcheck // TypeRegA is what old archives hold
		return true
	}
	return false
}

// Entry unpacks one entry.
func (w *Writer) Entry(h *tar.Header, r io.Reader) error {
	elems, err := elements(h.Name)
	if err != nil {
		return err
	}
	name := strings.Join(elems, "/")
	switch {
	case w.opts.Whiteouts && strings.HasPrefix(path.Base(name), ".wh."):
		return w.whiteout(path.Dir(name), strings.TrimPrefix(path.Base(name), ".wh."))
	case h.Typeflag == tar.TypeDir:
		return w.mkdir(name, h)
	case name == "":
		return nil // the top stays a directory
	case regular(h):
		return w.file(name, h, r)
	case h.Typeflag == tar.TypeSymlink:
		return w.symlink(name, h.Linkname)
	case h.Typeflag == tar.TypeLink:
		return w.hardlink(name, h.Linkname)
	case h.Typeflag == tar.TypeXGlobalHeader:
		return nil
	}
	return w.skip(name, h)
}

func (w *Writer) skip(name string, h *tar.Header) error {
	kind := map[byte]string{tar.TypeChar: "character device", tar.TypeBlock: "block device", tar.TypeFifo: "named pipe"}[h.Typeflag]
	if kind == "" {
		return fmt.Errorf("%w: entries of the unknown type %q", tar.ErrHeader, h.Typeflag)
	}
	w.result.Skipped = append(w.result.Skipped, Skipped{name, kind})
	return nil
}

// dir is the real name of a directory. Links on the way are followed, what is not
// there is made. The caller holds the tree's lock.
func (w *Writer) dir(name string) (string, error) {
	if w.asked == name && w.moved == w.tree.moved {
		return w.found, nil // entries of one directory mostly follow each other
	}
	real, err := fsutil.Resolve(name, w.step)
	if errors.Is(err, fsutil.ErrLinks) {
		err = fmt.Errorf("%w: %w", ErrName, err)
	}
	w.asked, w.found, w.moved = name, real, w.tree.moved
	if err != nil {
		w.moved = -1
	}
	return real, err
}

func (w *Writer) step(at string, _ bool) (string, bool, error) {
	n := w.tree.find(at)
	switch {
	case n == nil:
		return "", false, w.makeDir(at, &node{owner: unlisted, mode: 0o755})
	case n.kind == kindFile:
		return "", false, fmt.Errorf("%w: %q is not a directory", ErrName, at)
	case n.kind == kindLink && w.opts.Owner != nil && !w.opts.Owner.follows(n):
		return "", false, fmt.Errorf("%w: it leads through the link %q", ErrConflict, at)
	case n.kind == kindLink:
		n.crossed = true
	}
	return n.link, n.kind == kindLink, nil
}

// makeDir makes a directory, open to its owner until the end.
func (w *Writer) makeDir(at string, n *node) error {
	if strings.Count(at, "/") > maxDepth {
		return fmt.Errorf("%w: more than %d directories deep", ErrName, maxDepth)
	}
	if err := w.count(len(at)); err != nil {
		return err
	}
	w.tree.put(at, n, w.layer)
	return w.tree.root.Mkdir(at, 0o700)
}

// mkdir takes in a directory that the archive lists. One that is there stays, with
// all in it.
func (w *Writer) mkdir(name string, h *tar.Header) error {
	if name == "" && w.opts.Owner == nil {
		return nil // the top is the caller's own
	}
	w.tree.mu.Lock()
	defer w.tree.mu.Unlock()
	at, err := w.dirAt(name)
	if err != nil {
		return err
	}
	mode := fs.FileMode(h.Mode) & fs.ModePerm //nolint:gosec // masked
	if h.Mode&0o1000 != 0 {
		mode |= fs.ModeSticky
	}
	n := w.tree.find(at)
	if o := w.opts.Owner; o == nil {
		n.mode, n.when = mode, sane(h.ModTime)
	} else if o.ID < n.owner { // in whatever order they come
		n.owner, n.mode, n.when = o.ID, mode, sane(h.ModTime)
	}
	return nil
}

// dirAt is the directory that a listed name means, made if need be: of packages the
// one that a link there leads to, of layers one in the place of a link or file.
func (w *Writer) dirAt(name string) (string, error) {
	if w.opts.Owner != nil {
		return w.dir(name)
	}
	dir, err := w.dir(path.Dir(name))
	if err != nil {
		return "", err
	}
	at := path.Join(dir, path.Base(name))
	old := w.tree.find(at)
	if old != nil && old.kind == kindDir {
		w.tree.put(at, old, w.layer)
		return at, nil
	}
	if old != nil {
		if err := w.tree.remove(at); err != nil {
			return "", err
		}
	}
	w.result.Entries-- // its entry was counted
	return at, w.makeDir(at, &node{mode: 0o755})
}

// claim has n at a name, unless another package has precedence; what is there goes.
// It gives the real name, or "".
func (w *Writer) claim(name string, n *node) (string, error) {
	t := w.tree
	dir, err := w.dir(path.Dir(name))
	if err != nil {
		return "", err
	}
	at := path.Join(dir, path.Base(name))
	old := t.find(at)
	if o := w.opts.Owner; o != nil {
		n.owner, n.by = o.ID, o
		if ours, err := o.settle(old, n, at); err != nil || !ours {
			return "", err
		}
	} else if old != nil {
		w.Close() // it may be what goes
		if err := t.remove(at); err != nil {
			return "", err
		}
	}
	t.put(at, n, w.layer)
	return at, nil
}

// take is claim that also opens the directory to make it in.
func (w *Writer) take(name string, n *node) (at string, err error) {
	w.tree.mu.Lock()
	defer w.tree.mu.Unlock()
	if at, err = w.claim(name, n); err != nil || at == "" {
		return "", err
	}
	return at, w.enter(path.Dir(at))
}

// enter opens the directory with a real name, unless it is the open one: os.Root
// walks the whole path on each call.
func (w *Writer) enter(dir string) error {
	if w.here != nil && w.in == dir {
		return nil
	}
	w.Close()
	here, err := w.tree.root.OpenRoot(dir)
	if err != nil {
		return err
	}
	w.in, w.here = dir, here
	return nil
}

// create makes what was claimed, in the place of what a package without the claim
// made there meanwhile.
func (w *Writer) create(at string, n *node, do func() error) (bool, error) {
	for {
		err := do()
		switch {
		case err == nil:
			return true, nil
		case !errors.Is(err, fs.ErrExist):
			return false, err
		case !w.tree.holds(at, n):
			return false, nil
		}
		if err := w.tree.root.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
}

func (w *Writer) file(name string, h *tar.Header, r io.Reader) error {
	n := &node{kind: kindFile}
	at, err := w.take(name, n)
	if err != nil || at == "" {
		return err
	}
	var f *os.File
	made, err := w.create(at, n, func() (err error) {
		f, err = w.here.OpenFile(path.Base(at), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		return err
	})
	if err != nil || !made {
		return err
	}
	if w.buf == nil {
		w.buf = make([]byte, 128<<10)
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, r, w.buf) // os.File would take a buffer of its own each time
	if err == nil {
		err = f.Chmod(fs.FileMode(h.Mode) & fs.ModePerm) //nolint:gosec // masked; and not by OpenFile, which the umask would change
	}
	if err == nil {
		err = fsutil.SetTime(f, sane(h.ModTime)) // of the open file: its name may be another package's by now
	}
	return errors.Join(err, f.Close())
}

// sane is a time that every file system can hold.
func sane(t time.Time) time.Time {
	if !t.IsZero() && (t.Unix() < 0 || t.Unix() > 1<<33) {
		return time.Unix(0, 0)
	}
	return t
}

func (w *Writer) symlink(name, target string) error {
	if err := checkLink(name, target, w.opts); err != nil {
		return err
	}
	n := &node{kind: kindLink, link: target}
	at, err := w.take(name, n)
	if err != nil || at == "" {
		return err
	}
	_, err = w.create(at, n, func() error { return w.here.Symlink(target, path.Base(at)) })
	return err
}

func (w *Writer) hardlink(name, target string) error {
	elems, err := elements(target)
	if err != nil {
		return err
	}
	w.tree.mu.Lock()
	old, at, n, err := w.link(name, strings.Join(elems, "/"))
	w.tree.mu.Unlock()
	if err != nil || at == "" {
		return err
	}
	_, err = w.create(at, n, func() error { return w.tree.root.Link(old, at) })
	return err
}

// link claims a name for another of the file target. The real names are those of
// the two; at is "" if there is nothing to do.
func (w *Writer) link(name, target string) (old, at string, n *node, err error) {
	dir, err := w.dir(path.Dir(name))
	if err != nil {
		return "", "", nil, err
	}
	to, err := w.tree.real(path.Dir(target))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", nil, fmt.Errorf("linking to %.200q: %w", target, err)
	}
	old = path.Join(to, path.Base(target))
	f, o := w.tree.find(old), w.opts.Owner
	switch {
	case err == nil && f != nil && f.kind == kindDir:
		return "", "", nil, fmt.Errorf("%w: a link to the directory %.200q", ErrName, target)
	case err == nil && f != nil && old == path.Join(dir, path.Base(name)):
		return "", "", nil, nil // itself
	case err != nil || f == nil || o != nil && f.owner != o.ID:
		return "", "", nil, fmt.Errorf("hard link to %.200q, which is not a file of this archive: %w", target, fs.ErrNotExist)
	case o != nil:
		w.tree.hard = append(w.tree.hard, hard{old, o.ID})
	}
	n = &node{kind: f.kind, link: f.link}
	at, err = w.claim(name, n)
	return old, at, n, err
}
