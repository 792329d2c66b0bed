package debian

import (
	"archive/tar"
	"crypto/md5" //nolint:gosec // dpkg's database records MD5
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// installed is what dpkg's database records of an unpacked package.
type installed struct {
	Package
	par       string // its control paragraph
	control   map[string][]byte
	list      []string          // every path of the package, unpacked or not
	conffiles map[string]string // MD5 by path
	newest    time.Time
}

func (p *installed) field(name string) string { return field(p.par, name) }

// precedence decides whose file it is where two packages have the same: the
// one that Replaces the other's, else the first in the set's order.
type precedence struct{ replaces func(a, b int) bool }

func (p precedence) over(a, b int) bool {
	switch {
	case a == b, b == nobody:
		return true
	case p.replaces(a, b):
		return true
	case p.replaces(b, a):
		return false
	}
	return a < b
}

// extractor unpacks one package into the tree.
type extractor struct {
	tree   *tree
	owner  int
	over   func(other int) bool
	limits limits
	out    *installed
	conf   map[string]bool
	in     opened
}

// extract unpacks the package's files.
func (x *extractor) extract(t *tar.Reader) error {
	defer x.in.close()
	var total int64
	for n := 0; ; n++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		// Counted by what the header promises, so that a bomb is cut before
		// anything of it is written.
		if total += h.Size; total > x.limits.bytes || total < 0 || n >= x.limits.entries {
			return fmt.Errorf("it is larger than %d bytes or has more than %d entries", x.limits.bytes, x.limits.entries)
		}
		if err := x.entry(h, t); err != nil {
			return err
		}
	}
}

func (x *extractor) entry(h *tar.Header, content io.Reader) error {
	name, err := cleanName(h.Name)
	if err != nil {
		return err
	}
	x.list(name)
	if h.ModTime.After(x.out.newest) {
		x.out.newest = h.ModTime
	}
	if !unpacked(name) {
		return nil
	}
	// setuid and setgid mean nothing in a root with one user.
	mode := fs.FileMode(h.Mode & 0o777) //nolint:gosec // nine bits
	if h.Typeflag == tar.TypeDir {
		if h.Mode&0o1000 != 0 {
			mode |= fs.ModeSticky
		}
		return x.tree.mkdir(name, x.owner, mode, h.ModTime)
	}
	n := node{owner: x.owner, mode: mode, mtime: h.ModTime}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse:
		n.kind = kindFile
		return x.file(name, n, content)
	case tar.TypeSymlink:
		n.kind, n.link = kindLink, h.Linkname
		return x.symlink(name, n)
	case tar.TypeLink:
		n.kind = kindFile
		return x.hardlink(name, n, h.Linkname)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return nil // the sandbox brings its own /dev
	}
	return fmt.Errorf("path %q has the unknown type %q", h.Name, h.Typeflag)
}

// list records the path as dpkg does: "/." and then each path in full.
func (x *extractor) list(name string) {
	if name == "." {
		x.out.list = append(x.out.list, "/.")
		return
	}
	x.out.list = append(x.out.list, "/"+name)
}

func (x *extractor) file(name string, n node, content io.Reader) error {
	real, err := x.tree.place(name, n, x.over)
	if err != nil || real == "" {
		return err
	}
	if !x.conf["/"+name] {
		return x.tree.file(&x.in, real, n, content)
	}
	sum := md5.New() //nolint:gosec // as above
	err = x.tree.file(&x.in, real, n, io.TeeReader(content, sum))
	x.out.conffiles["/"+name] = hex.EncodeToString(sum.Sum(nil))
	return err
}

func (x *extractor) symlink(name string, n node) error {
	if n.link == "" || len(n.link) > 4095 || strings.ContainsRune(n.link, 0) {
		return fmt.Errorf("path %q is a malformed symbolic link", name)
	}
	if isMerged(name) && x.tree.isKnown(name) {
		return nil
	}
	real, err := x.tree.place(name, n, x.over)
	if err != nil || real == "" {
		return err
	}
	return x.tree.symlink(&x.in, real, n)
}

// isMerged says whether the path is one of the links that merge / with /usr,
// which were there before any package.
func isMerged(name string) bool {
	return slices.Contains(mergedDirs, name) || name == "lib64"
}

var mergedDirs = []string{"bin", "sbin", "lib"}

func (x *extractor) hardlink(name string, n node, target string) error {
	target, err := cleanName(target)
	if err != nil {
		return err
	}
	real, err := x.tree.place(name, n, x.over)
	if err != nil || real == "" {
		return err
	}
	return x.tree.hardlink(real, target, x.owner)
}
