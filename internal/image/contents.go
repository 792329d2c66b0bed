package image

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"dram/internal/fsutil"
	"dram/internal/layer"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/store"
	"dram/internal/tool"
	"dram/internal/tool/tools"
)

// Bounds of what a release's symbolic links may unfold to, and of a script.
const (
	maxDepth   = 64
	maxEntries = 1 << 20
	maxScript  = 1 << 20 // bytes
)

// File is a file of a release as it ships.
type File struct {
	layer.Entry
	Origin release.Origin
	App    string

	shell   bool   // the start script reads it as shell, whatever its name and mode
	source  string // where the content lies in the release
	outside bool   // or in the toolchain's root
	made    []byte // the content, where dram wrote it
	without int64  // bytes of debug information that were left out
	alone   bool   // nothing that it names is needed: a program without libraries, a script that nothing runs
}

// staying is what stays as it is in contents.
type staying struct {
	links  bool // symbolic links that lead to a place inside the release
	cookie bool // the one that a file of the release holds
	debug  bool // debug information
}

// contents is those of the release's files as they ship: the script that each of
// its commands runs with the lines that find or make a cookie, the file that held
// one without it, symbolic links replaced by what they lead to.
func contents(rel *release.Release, files []release.File, s staying) ([]File, error) {
	c := collector{rel: rel, boot: tools.Boot(rel), staying: s}
	for _, f := range files {
		if err := c.add(f); err != nil {
			return nil, fmt.Errorf("reading release %q: %w", rel.Name, err)
		}
	}
	return c.out, nil
}

type collector struct {
	staying
	rel  *release.Release
	boot tool.Boot
	out  []File
}

func (c *collector) add(f release.File) error {
	out := File{
		Entry:  layer.Entry{Path: f.Path, Mode: f.Mode, Size: f.Size, Link: f.Link, Digest: f.Digest},
		Origin: f.Origin, App: f.App,
	}
	switch {
	case f.Mode.Type() == fs.ModeSymlink && (!c.links || !c.stays(f)):
		return c.follow(out, f.Path, 0)
	case c.boot.Cookie.Env != "" && f.Path == c.boot.Cookie.EnvOf(c.rel.Version):
		return c.rewrite(out, func(old []byte) []byte { return withCookie(old, c.boot.Cookie) })
	case !c.cookie && slices.ContainsFunc(c.boot.Cookie.Holders, func(name string) bool { return f.Path == c.rel.Below(name) }):
		return c.rewrite(out, c.boot.Cookie.Without)
	case f.Mode.IsRegular():
		out.Open, out.source = opener(c.rel.FS, f.Path), f.Path
	}
	return c.keep(out)
}

func (c *collector) keep(f File) error {
	if len(c.out) >= maxEntries {
		return fmt.Errorf("more than %d files", maxEntries)
	}
	f.shell = c.boot.IsShell(f.Path)
	f, err := c.stripped(f)
	if err != nil {
		return fmt.Errorf("reading %q: %w", f.Path, err)
	}
	c.out = append(c.out, f)
	return nil
}

// stays says whether a link means the same wherever the release lies.
func (c *collector) stays(f release.File) bool {
	if !fsutil.Local(path.Dir(f.Path), f.Link) {
		return false
	}
	_, err := c.rel.FS.Stat(f.Path)
	return err == nil
}

// follow puts what the link at path leads to in place of it.
func (c *collector) follow(f File, at string, depth int) error {
	info, err := c.rel.FS.Stat(at)
	if err != nil || depth > maxDepth {
		return problem.New(problem.Failure, "replace the symbolic link by what it leads to, or remove it",
			"symbolic link %q leads to nothing inside the release", at)
	}
	f.Link, f.Mode = "", info.Mode()
	if !info.IsDir() {
		if f.Digest, f.Size, err = sum(c.rel.FS, at); err != nil {
			return err
		}
		f.Open, f.source = opener(c.rel.FS, at), at
		return c.keep(f)
	}
	if err := c.keep(f); err != nil {
		return err
	}
	children, err := c.rel.FS.ReadDir(at)
	if err != nil {
		return err
	}
	for _, child := range children {
		sub := f
		sub.Path = path.Join(f.Path, child.Name())
		if err := c.follow(sub, path.Join(at, child.Name()), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// rewrite is a file as dram ships it. The cookie's lines come behind those of
// the script, so that a cookie which the project's own lines set stands.
func (c *collector) rewrite(f File, change func([]byte) []byte) error {
	old, err := rootfs.ReadFile(c.rel.FS, f.Path, maxScript)
	if err != nil {
		return err
	}
	script := change(old)
	f.Size, f.Digest, f.Open, f.made = int64(len(script)), store.DigestOf(script), bytesOpener(script), script
	return c.keep(f)
}

func opener(fsys rootfs.FS, name string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return fsys.Open(name) }
}

func bytesOpener(b []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

// sum is the digest and the size of a file: what a manifest has of it, where
// there is one, for whoever reads it then gets that or an error.
func sum(fsys rootfs.FS, name string) (store.Digest, int64, error) {
	if known, ok := fsys.(interface {
		Digest(name string) (string, int64, error)
	}); ok {
		d, n, err := known.Digest(name)
		return store.Digest(d), n, err
	}
	f, err := fsys.Open(name)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = f.Close() }() // only read from
	h := sha256.New()
	n, err := io.Copy(h, f)
	return store.SumDigest(h), n, err
}
