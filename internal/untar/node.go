package untar

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"time"
)

// node is what is known of a real name: a tree of names, so that whatever lies
// below one is forgotten in one step when it is removed.
type node struct {
	children map[string]*node
	made     bool // by this archive, itself or something below
	hidden   bool // whatever earlier archives had in it is gone
	dir      bool // a directory, to get mode and when in the end
	mode     fs.FileMode
	when     time.Time // zero: as it comes
}

// get is the node of a name, which is there from now on.
func (n *node) get(name string) *node {
	return n.descend(name, func(*node) {})
}

// make is get for something that this archive makes.
func (n *node) make(name string) *node {
	return n.descend(name, func(n *node) { n.made = true })
}

func (n *node) descend(name string, visit func(*node)) *node {
	for elem := range strings.SplitSeq(name, "/") {
		next := n.children[elem]
		if next == nil {
			next = &node{}
			if n.children == nil {
				n.children = map[string]*node{}
			}
			n.children[elem] = next
		}
		visit(next)
		n = next
	}
	return n
}

// find is the node of a name, or nil.
func (n *node) find(name string) *node {
	for elem := range strings.SplitSeq(name, "/") {
		if n = n.children[elem]; n == nil {
			return nil
		}
	}
	return n
}

// drop forgets a name and all below it.
func (n *node) drop(name string) {
	if up := n.find(path.Dir(name)); up != nil {
		delete(up.children, path.Base(name))
	} else if path.Dir(name) == "." {
		delete(n.children, name)
	}
}

func (n *node) directory(mode fs.FileMode, when time.Time) {
	n.dir, n.mode, n.when = true, mode&(fs.ModePerm|fs.ModeSticky), when
}

// walk visits the directories below, the deepest first.
func (n *node) walk(name string, visit func(name string, n *node) error) error {
	var errs error
	for elem, child := range n.children {
		at := path.Join(name, elem)
		errs = errors.Join(errs, child.walk(at, visit))
		if child.dir {
			errs = errors.Join(errs, visit(at, child))
		}
	}
	return errs
}
