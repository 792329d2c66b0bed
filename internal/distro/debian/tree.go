package debian

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// tree is a root being filled by several packages at once. It knows every
// entry it made, so that it follows the links of one package that another one
// uses as a directory (bin -> usr/bin) inside the root, without asking the
// disk. What it then does on the disk goes through os.Root as well, so that
// not even a mistake here would leave the root.
type tree struct {
	root  *os.Root
	mu    sync.Mutex
	nodes map[string]*node // by path, links resolved
}

type kind int

const (
	kindDir kind = iota
	kindFile
	kindLink
)

type node struct {
	kind  kind
	link  string
	owner int // the package, by its place in the set
	mode  fs.FileMode
	mtime time.Time
}

// nobody owns directories that no package has listed yet.
const nobody = 1 << 30

const maxLinks = 40 // links followed in one path, as Linux does

func newTree(root *os.Root) *tree {
	return &tree{root: root, nodes: map[string]*node{".": {kind: kindDir, owner: nobody, mode: 0o755}}}
}

// clean checks the name of a package's file and makes it relative to the root.
func cleanName(name string) (string, error) {
	if strings.HasPrefix(name, "/") || strings.ContainsRune(name, 0) ||
		slices.Contains(strings.Split(name, "/"), "..") {
		return "", fmt.Errorf("path %q would leave the root", name)
	}
	return path.Clean(name), nil
}

// directory resolves a directory's path, making what is missing. The caller
// holds t.mu.
func (t *tree) directory(name string) (string, error) {
	cur, rest, links := ".", strings.Split(name, "/"), 0
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			cur = path.Dir(cur) // of the root it is the root
			continue
		}
		next := path.Join(cur, part)
		n := t.nodes[next]
		switch {
		case n == nil:
			if err := t.root.Mkdir(next, 0o755); err != nil {
				return "", err
			}
			t.nodes[next] = &node{kind: kindDir, owner: nobody, mode: 0o755}
			cur = next
		case n.kind == kindDir:
			cur = next
		case n.kind == kindFile:
			return "", fmt.Errorf("%q is not a directory", next)
		default:
			if links++; links > maxLinks {
				return "", fmt.Errorf("too many symbolic links in %q", name)
			}
			if path.IsAbs(n.link) {
				cur = "."
			}
			rest = append(strings.Split(n.link, "/"), rest...)
		}
	}
	return cur, nil
}

// mkdir takes in a directory that a package lists. The first package in the
// set's order decides its mode, in whatever order they come.
func (t *tree) mkdir(name string, owner int, mode fs.FileMode, mtime time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	real, err := t.directory(name)
	if err != nil {
		return err
	}
	if n := t.nodes[real]; owner < n.owner {
		n.owner, n.mode, n.mtime = owner, mode, mtime
	}
	return nil
}

// place resolves the path of a file or link and claims it for a package. It is
// "" if another package that has precedence owns it.
func (t *tree) place(name string, n node, precedes func(owner int) bool) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	dir, err := t.directory(path.Dir(name))
	if err != nil {
		return "", err
	}
	real := path.Join(dir, path.Base(name))
	old := t.nodes[real]
	switch {
	case old == nil:
	case old.kind == kindDir:
		return "", fmt.Errorf("%q is a directory already", name)
	case old.kind == kindLink && n.kind == kindLink && old.link == n.link:
		return "", nil
	case !precedes(old.owner):
		return "", nil
	}
	t.nodes[real] = &n
	return real, nil
}

// owns says whether the package's claim on the path still holds.
func (t *tree) owns(real string, owner int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.nodes[real]
	return n != nil && n.owner == owner
}

// opened is the directory that somebody makes files in, kept open until the next
// one: a package lists the files of a directory one after the other, and os.Root
// walks the whole path on each call.
type opened struct {
	dir  string
	root *os.Root
}

// at gives the directory of a path with its links resolved, and the path's name
// in it.
func (o *opened) at(t *tree, real string) (*os.Root, string, error) {
	dir, base := path.Dir(real), path.Base(real)
	if o.root != nil && o.dir == dir {
		return o.root, base, nil
	}
	o.close()
	root, err := t.root.OpenRoot(dir)
	if err != nil {
		return nil, "", err
	}
	o.dir, o.root = dir, root
	return root, base, nil
}

func (o *opened) close() {
	if o.root != nil {
		_ = o.root.Close() // a handle, only
		o.root = nil
	}
}

// create makes what a claimed path should be, in the place of anything that a
// package without the claim made there.
func (t *tree) create(real string, owner int, do func() error) (bool, error) {
	for {
		err := do()
		switch {
		case err == nil:
			return true, nil
		case !errors.Is(err, fs.ErrExist):
			return false, err
		case !t.owns(real, owner):
			return false, nil // a package with precedence came in between
		}
		if err := t.root.Remove(real); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
}

// file writes a regular file.
func (t *tree) file(o *opened, real string, n node, content io.Reader) error {
	dir, base, err := o.at(t, real)
	if err != nil {
		return err
	}
	var f *os.File
	made, err := t.create(real, n.owner, func() (err error) {
		f, err = dir.OpenFile(base, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		return err
	})
	if err != nil || !made {
		return err
	}
	buf, _ := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, content, *buf)
	if err == nil {
		err = f.Chmod(n.mode) // not by OpenFile, which the umask would change
	}
	if err == nil {
		err = setTime(f, n.mtime)
	}
	return errors.Join(err, f.Close())
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 128<<10); return &b }}

func (t *tree) symlink(o *opened, real string, n node) error {
	dir, base, err := o.at(t, real)
	if err != nil {
		return err
	}
	_, err = t.create(real, n.owner, func() error { return dir.Symlink(n.link, base) })
	return err
}

// hardlink gives a file of the same package a second name.
func (t *tree) hardlink(real, target string, owner int) error {
	t.mu.Lock()
	dir, err := t.directory(path.Dir(target))
	from := path.Join(dir, path.Base(target))
	n := t.nodes[from]
	t.mu.Unlock()
	if err != nil {
		return err
	}
	if n == nil || n.kind != kindFile || n.owner != owner {
		return fmt.Errorf("hard link to %q, which is not a file of this package", target)
	}
	_, err = t.create(real, owner, func() error { return t.root.Link(from, real) })
	return err
}

// finish gives the directories their modes and times, the deepest first: what
// is in them has been made by now.
func (t *tree) finish() error {
	var dirs []string
	for name, n := range t.nodes {
		if n.kind == kindDir {
			dirs = append(dirs, name)
		}
	}
	slices.Sort(dirs)
	slices.Reverse(dirs)
	for _, name := range dirs {
		n := t.nodes[name]
		if err := t.root.Chmod(name, n.mode); err != nil {
			return err
		}
		if !n.mtime.IsZero() {
			if err := t.root.Chtimes(name, n.mtime, n.mtime); err != nil {
				return err
			}
		}
	}
	return nil
}

// isKnown says whether there is anything at the path.
func (t *tree) isKnown(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.nodes[name] != nil
}
