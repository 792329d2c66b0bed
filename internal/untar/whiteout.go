package untar

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// whiteout removes what earlier layers made, and nothing that this one did,
// whichever of the two comes first in it.
func (w *Writer) whiteout(in, name string) error {
	w.tree.mu.Lock()
	defer w.tree.mu.Unlock()
	dir, err := w.dir(in)
	switch {
	case err != nil:
		return err
	case name == ".wh..opq":
		return w.hideChildren(dir, w.tree.find(dir))
	case strings.HasPrefix(name, ".wh."): // what aufs kept for itself
		return nil
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("%w: a whiteout of nothing", ErrName)
	}
	return w.hide(path.Join(dir, name))
}

func (w *Writer) hide(name string) error {
	n := w.tree.find(name)
	switch {
	case n == nil:
		return nil
	case n.touched != w.layer:
		return w.tree.remove(name)
	case n.kind != kindDir:
		return nil
	}
	return w.hideChildren(name, n)
}

// hideChildren does so for all in a directory, once: what comes later is of this
// layer.
func (w *Writer) hideChildren(dir string, n *node) error {
	if n.opaque == w.layer {
		return nil
	}
	n.opaque = w.layer
	var errs error
	for child := range n.children {
		errs = errors.Join(errs, w.hide(path.Join(dir, child)))
	}
	return errs
}
