package debian

import (
	"archive/tar"
	"context"
	"crypto/md5" //nolint:gosec // dpkg's database records MD5
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"dram/internal/untar"
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
// one that Replaces the other's, else the first in the set's order. Packages that
// replace each other have no say in it.
type precedence struct{ replaces func(a, b int) bool }

func (p precedence) over(a, b int) bool {
	if mine, theirs := p.replaces(a, b), p.replaces(b, a); mine != theirs {
		return mine
	}
	return a < b
}

// extractor unpacks one package into the tree that all fill.
type extractor struct {
	to   *untar.Writer
	out  *installed
	conf map[string]bool
}

// extract unpacks the package's files.
func (x *extractor) extract(ctx context.Context, r io.Reader) error {
	defer x.to.Close()
	return x.to.Each(ctx, r, x.entry)
}

func (x *extractor) entry(h *tar.Header, content io.Reader) error {
	name, err := cleanName(h.Name)
	if err == nil && h.Typeflag == tar.TypeLink {
		_, err = cleanName(h.Linkname)
	}
	if err != nil {
		return err
	}
	x.list(name)
	if h.ModTime.After(x.out.newest) {
		x.out.newest = h.ModTime
	}
	switch {
	case !unpacked(name):
		return nil
	case x.conf["/"+name] && h.FileInfo().Mode().IsRegular():
		return x.conffile("/"+name, h, content)
	}
	return x.to.Entry(h, content)
}

// conffile unpacks a configuration file, whose content dpkg knows of every package
// that has it, also where another one's stands there.
func (x *extractor) conffile(name string, h *tar.Header, content io.Reader) error {
	sum := md5.New() //nolint:gosec // as above
	r := io.TeeReader(content, sum)
	if err := x.to.Entry(h, r); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	x.out.conffiles[name] = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// cleanName checks the name of a package's file and makes it relative to the root.
func cleanName(name string) (string, error) {
	if strings.HasPrefix(name, "/") || strings.ContainsRune(name, 0) ||
		slices.Contains(strings.Split(name, "/"), "..") {
		return "", fmt.Errorf("path %q would leave the root", name)
	}
	return path.Clean(name), nil
}

// list records the path as dpkg does: "/." and then each path in full.
func (x *extractor) list(name string) {
	if name == "." {
		x.out.list = append(x.out.list, "/.")
		return
	}
	x.out.list = append(x.out.list, "/"+name)
}
