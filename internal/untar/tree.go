package untar

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"dram/internal/fsutil"
)

// Tree is a directory that archives are unpacked into, one after the other or many
// at once. It knows all that was made in it, so that links are followed and
// conflicts settled without asking the disk; what is then done on the disk goes
// through os.Root as well, so that not even a mistake here would leave the
// directory.
type Tree struct {
	root *os.Root

	mu    sync.Mutex
	top   *node
	last  int    // the number of the last layer
	moved int    // how often names came to lead elsewhere: links made, things removed
	hard  []hard // links whose files must be their package's in the end
}

type kind int

const (
	kindDir kind = iota
	kindFile
	kindLink
)

// unlisted owns directories that names alone ask for.
const unlisted = math.MaxInt

// node is what is known of a real name: a tree of names, so that whatever lies below
// one is forgotten in one step when it is removed.
type node struct {
	kind     kind
	link     string // its target
	children map[string]*node
	mode     fs.FileMode // of a directory, which gets it in the end
	when     time.Time   // zero: as it comes

	touched int // the last layer that made it, or something below it
	opaque  int // the last layer that hid what others had in it

	owner   int    // the package
	by      *Owner // likewise; nil for directories
	rivals  []int  // other packages that have the path too
	differs bool   // some rival has something else there
	crossed bool   // names of files lead through this link
}

// hard is a link to a file of the same package.
type hard struct {
	to    string // real
	owner int
}

// NewTree fills the empty directory root.
func NewTree(root *os.Root) (*Tree, error) {
	names, err := list(root)
	if err == nil && len(names) > 0 {
		err = fmt.Errorf("it has %q in it", names[0])
	}
	if err != nil {
		return nil, fmt.Errorf("unpacking into %q: %w", root.Name(), err)
	}
	return &Tree{root: root, top: &node{owner: unlisted}}, nil
}

func list(root *os.Root) ([]string, error) {
	f, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	names, err := f.Readdirnames(1)
	if errors.Is(err, io.EOF) {
		err = nil // nothing is in it
	}
	return names, errors.Join(err, f.Close())
}

// find is the node of a real name, or nil.
func (t *Tree) find(name string) *node {
	if name == "." {
		return t.top
	}
	n := t.top
	for elem := range strings.SplitSeq(name, "/") {
		if n = n.children[elem]; n == nil {
			return nil
		}
	}
	return n
}

// put has n at a real name whose directory is there.
func (t *Tree) put(name string, n *node, layer int) {
	up := t.top
	for elem := range strings.SplitSeq(path.Dir(name), "/") {
		if elem != "." {
			up = up.children[elem]
		}
		up.touched = layer
	}
	if up.children == nil {
		up.children = map[string]*node{}
	}
	n.touched = layer
	up.children[path.Base(name)] = n
	if n.kind == kindLink {
		t.moved++
	}
}

// remove removes what has a real name, and all below.
func (t *Tree) remove(name string) error {
	delete(t.find(path.Dir(name)).children, path.Base(name))
	t.moved++
	return t.root.RemoveAll(name)
}

// holds says whether the node still stands at the name.
func (t *Tree) holds(name string, n *node) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.find(name) == n
}

// real is the real name of what a name leads to, where all that it goes through is
// there.
func (t *Tree) real(name string) (string, error) {
	return fsutil.Resolve(name, func(at string, _ bool) (string, bool, error) {
		n := t.find(at)
		if n == nil {
			return "", false, &fs.PathError{Op: "find", Path: at, Err: fs.ErrNotExist}
		}
		return n.link, n.kind == kindLink, nil
	})
}

// Finish gives directories their modes and times, those deepest down first, once
// all archives are unpacked, and says which conflicts of packages have no answer.
func (t *Tree) Finish() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, h := range t.hard {
		if n := t.find(h.to); n == nil || n.owner != h.owner {
			return fmt.Errorf("%w: a hard link to %q, which another one replaces", ErrConflict, h.to)
		}
	}
	return t.finish(".", t.top)
}

func (t *Tree) finish(name string, n *node) error {
	var errs error
	for elem, child := range n.children {
		at := path.Join(name, elem)
		if child.kind == kindDir {
			errs = errors.Join(errs, t.finish(at, child))
		} else if !child.settled() {
			errs = errors.Join(errs, fmt.Errorf("%w: %q", ErrConflict, at))
		}
	}
	if n == t.top && n.owner == unlisted {
		return errs // the caller's own
	}
	if err := t.root.Chmod(name, n.mode); err != nil {
		return errors.Join(errs, err)
	}
	if !n.when.IsZero() {
		errs = errors.Join(errs, t.root.Chtimes(name, n.when, n.when))
	}
	return errs
}

// settled says whether what stands there would do so whichever package came first:
// its owner is over all others, and nobody went through a link that is not theirs.
func (n *node) settled() bool {
	if n.owner < 0 || !n.differs {
		return true
	}
	return !n.crossed && !slices.ContainsFunc(n.rivals, func(r int) bool { return r != n.owner && !n.by.Over(r) })
}

// Owner is an archive among others that fill a tree in any order, at the same time
// too, and give the same: a package among packages. Directories are everybody's.
type Owner struct {
	ID int // the first of those that list a directory decides its mode; below 0: what is there before all packages, for all to follow
	// Over says whether what this archive has at a path takes the place of what
	// another one has. Of two, it is true for one.
	Over func(other int) bool
}

// settle says whether n, of a package, takes the place of what is at its name.
func (o *Owner) settle(old, n *node, name string) (bool, error) {
	switch {
	case old == nil:
		return true, nil
	case old.kind == kindDir:
		return false, fmt.Errorf("%w: %q is a directory already", ErrConflict, name)
	case old.owner == o.ID:
		n.rivals, n.differs, n.crossed = old.rivals, old.differs, old.crossed
		return true, nil
	}
	same := old.kind == kindLink && n.kind == kindLink && old.link == n.link
	if !o.Over(old.owner) {
		old.rivals, old.differs = append(old.rivals, o.ID), old.differs || !same
		return false, nil
	}
	n.rivals, n.differs, n.crossed = append(old.rivals, old.owner), old.differs || !same, old.crossed
	return true, nil
}

// follows says whether names of the package may lead through a link: one that is
// there before all, or that it has itself. Whether another one's is there by now
// would depend on which package is faster.
func (o *Owner) follows(n *node) bool {
	return n.owner < 0 || n.owner == o.ID || slices.Contains(n.rivals, o.ID)
}
