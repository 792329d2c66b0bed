package fsutil

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// LeavingLink is the first symbolic link on the way to name that leads out of the
// root, with its target; "" if none does. It is for messages: an operation on the
// root itself is what keeps inside.
func LeavingLink(root *os.Root, name string) (link, target string) {
	at := "."
	for elem := range strings.SplitSeq(filepath.ToSlash(filepath.Clean(name)), "/") {
		at = path.Join(at, elem)
		info, err := root.Lstat(filepath.FromSlash(at))
		if err != nil {
			return "", ""
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		if _, err := root.Stat(filepath.FromSlash(at)); !Leaves(err) {
			continue
		}
		to, _ := root.Readlink(filepath.FromSlash(at))
		return at, to
	}
	return "", ""
}

// Leaves says whether an operation on a root failed with err since the name, or a
// link on its way, leads out of it.
func Leaves(err error) bool {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	}
	if le, ok := errors.AsType[*os.LinkError](err); ok {
		err = le.Err
	}
	return err != nil && err.Error() == "path escapes from parent" // package os keeps the error to itself
}

// Inside is path relative to dir, which must hold it; both may be relative to the
// working directory.
func Inside(dir, name string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if name, err = filepath.Abs(name); err != nil {
		return "", err
	}
	rel, err := filepath.Rel(dir, name)
	if err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%q does not lie in %q", name, dir)
	}
	return rel, nil
}

// LinkOut is LeavingLink in a directory.
func LinkOut(dir, name string) (link, target string, err error) {
	root, err := OpenRoot(dir)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = root.Close() }() // only looked into
	link, target = LeavingLink(root, name)
	return link, target, nil
}
