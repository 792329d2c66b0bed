package rootfs

import (
	"errors"
	"io/fs"
	"strings"

	"dram/internal/fsutil"
)

// maxName bounds a name that a file gives, in bytes, as in Linux.
const maxName = 4096

// ErrLoop is what a name with too many symbolic links ends in.
var ErrLoop = fsutil.ErrLinks

// Link is a symbolic link that lies on the way to a file.
type Link struct {
	Path   string // where it is, "lib64"
	Target string // what it says, "usr/lib64" or "/usr/lib64"
}

// lower is what resolving needs: facts of names whose parents are no links.
type lower interface {
	lstat(name string) (fs.FileInfo, error)
	readlink(name string) (string, error)
}

// Clean makes a name for io/fs of a path as it stands in files and
// configuration: "/usr//bin/../bin/sh" is "usr/bin/../bin/sh". It leaves ".."
// alone, which only resolving can interpret.
func Clean(name string) string {
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '/' })
	kept := parts[:0]
	for _, p := range parts {
		if p != "." {
			kept = append(kept, p)
		}
	}
	if len(kept) == 0 {
		return "."
	}
	return strings.Join(kept, "/")
}

// walk resolves name, "..", absolute links and all, inside the root: ".." at
// the root stays there, as the kernel has it under chroot. With last, a link
// in the last place is followed too. It gives the real name and the links that
// it went through.
func walk(l lower, name string, last bool) (real string, links []Link, err error) {
	real, err = fsutil.Resolve(name, func(at string, final bool) (string, bool, error) {
		info, err := l.lstat(at)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 || final && !last {
			return "", false, err
		}
		target, err := l.readlink(at)
		if err != nil {
			return "", false, err
		}
		links = append(links, Link{Path: at, Target: target})
		return target, true, nil
	})
	if errors.Is(err, ErrLoop) {
		err = &fs.PathError{Op: "resolve", Path: name, Err: ErrLoop}
	}
	return real, links, err
}

// lowerOf is fsys for walk: without following anything twice where it is one
// of this package's own.
func lowerOf(fsys FS) lower {
	if l, ok := fsys.(lower); ok {
		return l
	}
	return fsLower{fsys}
}

// fsLower resolves on top of any FS, which follows nothing when asked for real
// names.
type fsLower struct{ fsys FS }

func (l fsLower) lstat(name string) (fs.FileInfo, error) { return l.fsys.Lstat(name) }
func (l fsLower) readlink(name string) (string, error)   { return l.fsys.ReadLink(name) }

// memo remembers what lstat said. It is for one search, by one goroutine, in a
// root that does not change meanwhile.
type memo struct {
	lower
	seen map[string]stat
}

type stat struct {
	info fs.FileInfo
	err  error
}

func (m *memo) lstat(name string) (fs.FileInfo, error) {
	if s, ok := m.seen[name]; ok {
		return s.info, s.err
	}
	info, err := m.lower.lstat(name)
	m.seen[name] = stat{info, err}
	return info, err
}

// Resolve is the name of what name leads to once every symbolic link is
// followed inside the root. name may be absolute and may hold "..".
func Resolve(fsys FS, name string) (string, error) {
	real, _, err := walk(lowerOf(fsys), name, true)
	return real, err
}

// Trace is Resolve that also gives the links on the way, in order. They are
// given even where the way ends in an error, such as a dangling link.
func Trace(fsys FS, name string) (real string, links []Link, err error) {
	return walk(lowerOf(fsys), name, true)
}
