package image

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"dram/internal/distro"
	"dram/internal/entrypoint"
	"dram/internal/fsutil"
	"dram/internal/problem"
	"dram/internal/rootfs"
)

// laying is a system on its way onto a base: what the base lacks of it.
type laying struct {
	base   *Base
	root   rootfs.FS             // the toolchain's
	placed map[string]systemFile // where it would lie on the base
	needed map[string]bool       // of these, what is there for something else alone
	behind map[string]string     // links to files by their other name, and to which
}

// onBase is what the base lacks of a system that was found in the toolchain: its loader
// is asked again, with what the base has going before what the toolchain has.
func (f *finder) onBase(whole *found) (*found, error) {
	b := f.opts.Base
	l := &laying{base: b, root: f.opts.Root, placed: map[string]systemFile{}, needed: map[string]bool{}, behind: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(whole.tree.files)) {
		if err := l.place(whole.tree.files[name], whole.closure[name]); err != nil {
			return nil, err
		}
	}
	l.bothNames()
	there, _, err := f.follow(&tree{root: l.composed()}, l.packaged(whole.packaged))
	if err != nil {
		return nil, err
	}
	for name := range l.needed {
		if !there.closure[name] {
			delete(l.placed, name)
		}
	}
	for link, to := range l.behind {
		if !l.has(to) {
			delete(l.placed, link)
		}
	}
	l.directories()
	there.tree = &tree{root: f.opts.Root, files: l.placed, inv: whole.tree.inv}
	return there, nil
}

// place notes where a file would lie on the base, unless that has the like.
func (l *laying) place(f systemFile, needed bool) error {
	if needed && l.known(f.Path) || l.kind(f.Path) {
		return nil
	}
	real, err := l.base.realPlace(f.Path)
	if err != nil {
		return problem.New(problem.Usage, baseHint, "base %q: %w", l.base.Name, err)
	}
	if _, there := l.base.nodes[real]; there && f.Path != entrypoint.Path && f.Path != appDir {
		return nil
	}
	f.Path = real
	l.placed[real] = f
	if needed {
		l.needed[real] = true
	}
	return nil
}

// known says whether the base has a library or a program by its name, wherever.
func (l *laying) known(name string) bool {
	base := path.Base(name)
	if strings.Contains(base, ".so") {
		return l.base.libs[base]
	}
	if path.Base(path.Dir(name)) != "bin" && path.Base(path.Dir(name)) != "sbin" {
		return false
	}
	_, missing := rootfs.Programs(l.base.Root, []string{base})
	return len(missing) == 0
}

// kind says whether the base has that kind of data in a place of its own, and so is not
// given the toolchain's beside it: certificates, the locale, who it is, what its loader
// looks in.
func (l *laying) kind(name string) bool {
	under := func(places []string) bool {
		return slices.ContainsFunc(places, func(at string) bool { return name == at || strings.HasPrefix(name, at+"/") })
	}
	has := func(places []string) bool {
		return slices.ContainsFunc(places, func(at string) bool {
			_, err := l.base.Root.Stat(at)
			return err == nil
		})
	}
	for _, places := range [][]string{outside.bundles, outside.locales, outside.identity} {
		if under(places) && has(places) {
			return true
		}
	}
	return strings.HasPrefix(name, "etc/ld.so.") && len(l.base.musl) > 0
}

// realPlace is where a path lies once the links of the base among its parents are
// followed.
func (b *Base) realPlace(name string) (string, error) {
	dir, err := fsutil.Resolve(path.Dir(name), func(at string, _ bool) (string, bool, error) {
		n, there := b.nodes[at]
		if there && n.Link == "" && !n.Mode.IsDir() {
			return "", false, fmt.Errorf("/%s is a file there, and the image needs a directory", at)
		}
		return n.Link, n.Link != "", nil
	})
	return path.Join(dir, path.Base(name)), err
}

// bothNames has what the toolchain has by two names (/bin is a link to /usr/bin, and
// terminals are looked for in /lib/terminfo) be known by both where the base has two
// directories.
func (l *laying) bothNames() {
	for _, top := range outside.merged {
		n, there := l.base.nodes[top]
		if target, err := l.root.ReadLink(top); err != nil || !there || !n.Mode.IsDir() || path.Clean("/"+target) != "/usr/"+top {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(l.placed)) {
			below, is := strings.CutPrefix(name, "usr/"+top+"/")
			child, _, _ := strings.Cut(below, "/")
			link := top + "/" + child
			if _, taken := l.base.nodes[link]; taken || !is || l.placed[name].Mode.IsDir() {
				continue
			}
			l.placed[link] = systemFile{Path: link, Mode: fs.ModeSymlink | 0o777, Link: "../usr/" + link}
			l.behind[link] = "usr/" + link
		}
	}
}

// has says whether something is added at a place or below it.
func (l *laying) has(at string) bool {
	for name := range l.placed {
		if name == at || strings.HasPrefix(name, at+"/") {
			return true
		}
	}
	return false
}

// composed is the base with all of the toolchain's on top that may be needed.
func (l *laying) composed() rootfs.FS {
	nodes := maps.Clone(l.base.nodes)
	for name, f := range l.placed {
		nodes[name] = f.node(l.root)
	}
	return rootfs.NewSkeleton(nodes)
}

// packaged are files of packages by where they lie on the base.
func (l *laying) packaged(names []string) (out []string) {
	for _, name := range names {
		if real, err := l.base.realPlace(name); err == nil {
			if _, there := l.placed[real]; there {
				out = append(out, real)
			}
		}
	}
	return out
}

// keeps takes out of a tree what the base lists of packages already.
func (b *Base) keeps(t *tree) {
	for name := range t.files {
		if _, there := b.nodes[name]; there && distro.Lists(name) {
			delete(t.files, name)
		}
	}
}

// directories are those of the base that something is added in, as they are there.
func (l *laying) directories() {
	for _, name := range slices.Collect(maps.Keys(l.placed)) {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, done := l.placed[dir]; done {
				continue
			}
			if f, there := l.base.dir(dir); there {
				l.placed[dir] = f
			}
		}
	}
}

// dir is a directory of the base as a layer has it.
func (b *Base) dir(name string) (systemFile, bool) {
	n, there := b.nodes[name]
	if !there || !n.Mode.IsDir() {
		return systemFile{}, false
	}
	known := b.listing.Dirs[name]
	return systemFile{Path: name, Mode: n.Mode, UID: known.UID, GID: known.GID, Exact: true}, true
}
