package rootfs

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"dram/internal/binary"
)

// Mount is base with sub in place of whatever is at the directory at, as
// mount(8) shows it. Links are followed across both: an absolute link in
// either starts at base's root. Parents of at that base lacks are there, empty.
func Mount(base FS, at string, sub FS) FS {
	at = Clean(at)
	if at == "." {
		return sub
	}
	return &union{base: base, at: mountPoint(base, at), sub: sub}
}

// mountPoint is at with the links among its parents followed. What base lacks
// of them can hold none.
func mountPoint(base FS, at string) string {
	for parent := path.Dir(at); parent != "."; parent = path.Dir(parent) {
		if real, err := Resolve(base, parent); err == nil {
			return path.Join(real, strings.TrimPrefix(at, parent))
		}
	}
	return at
}

type union struct {
	base FS
	at   string
	sub  FS
}

// side says which filesystem has the real name, and under which name.
func (u *union) side(name string) (FS, string) {
	if name == u.at {
		return u.sub, "."
	}
	if rest, ok := strings.CutPrefix(name, u.at+"/"); ok {
		return u.sub, rest
	}
	return u.base, name
}

// above says whether name is a parent of the mount.
func (u *union) above(name string) bool {
	return name == "." || strings.HasPrefix(u.at, name+"/")
}

func (u *union) lstat(name string) (fs.FileInfo, error) {
	fsys, rest := u.side(name)
	info, err := lowerOf(fsys).lstat(rest)
	if errors.Is(err, fs.ErrNotExist) && u.above(name) {
		return madeDir(path.Base(name)), nil
	}
	if err == nil && name == u.at {
		return named{info, path.Base(name)}, nil
	}
	return info, err
}

func (u *union) readlink(name string) (string, error) {
	fsys, rest := u.side(name)
	return lowerOf(fsys).readlink(rest)
}

// ELF makes a union of Described.
func (u *union) ELF(name string) (*binary.File, bool) {
	fsys, rest := u.side(name)
	if d, ok := fsys.(Described); ok {
		return d.ELF(rest)
	}
	return nil, false
}

func (u *union) real(verb, name string, last bool) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: verb, Path: name, Err: fs.ErrInvalid}
	}
	real, _, err := walk(u, name, last)
	return real, err
}

func (u *union) Open(name string) (fs.File, error) {
	real, err := u.real("open", name, true)
	if err != nil {
		return nil, err
	}
	fsys, rest := u.side(real)
	if real != u.at && !u.above(real) {
		return fsys.Open(rest)
	}
	entries, err := u.ReadDir(real)
	if err != nil {
		return nil, err
	}
	info, err := u.lstat(real)
	return &madeDirFile{info: info, entries: entries}, err
}

func (u *union) Stat(name string) (fs.FileInfo, error) {
	real, err := u.real("stat", name, true)
	if err != nil {
		return nil, err
	}
	return u.lstat(real)
}

func (u *union) Lstat(name string) (fs.FileInfo, error) {
	real, err := u.real("lstat", name, false)
	if err != nil {
		return nil, err
	}
	return u.lstat(real)
}

func (u *union) ReadLink(name string) (string, error) {
	real, err := u.real("readlink", name, false)
	if err != nil {
		return "", err
	}
	return u.readlink(real)
}

func (u *union) ReadDir(name string) ([]fs.DirEntry, error) {
	real, err := u.real("readdir", name, true)
	if err != nil {
		return nil, err
	}
	fsys, rest := u.side(real)
	entries, err := fsys.ReadDir(rest)
	if !u.above(real) || (err != nil && !errors.Is(err, fs.ErrNotExist)) {
		return entries, err
	}
	// This directory holds the mount, or a parent of it.
	next, _, _ := strings.Cut(strings.TrimPrefix(u.at, strings.TrimPrefix(real+"/", "./")), "/")
	info, err := u.lstat(path.Join(real, next))
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == next })
	entries = append(entries, fs.FileInfoToDirEntry(info))
	sortEntries(entries)
	return entries, nil
}

func sortEntries(entries []fs.DirEntry) {
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
}

// named is a file's facts under another name: a mounted root calls itself ".".
type named struct {
	fs.FileInfo
	name string
}

func (n named) Name() string { return n.name }

// madeDir is a directory that only exists because something is mounted below.
type madeDir string

func (d madeDir) Name() string     { return string(d) }
func (madeDir) Size() int64        { return 0 }
func (madeDir) Mode() fs.FileMode  { return fs.ModeDir | 0o755 }
func (madeDir) ModTime() time.Time { return time.Time{} }
func (madeDir) IsDir() bool        { return true }
func (madeDir) Sys() any           { return nil }

// madeDirFile is an opened directory above a mount.
type madeDirFile struct {
	info    fs.FileInfo
	entries []fs.DirEntry
}

// ReadDir is as fs.ReadDirFile has it.
func (f *madeDirFile) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(f.entries)
	} else if len(f.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(f.entries))
	out := f.entries[:n:n]
	f.entries = f.entries[n:]
	return out, nil
}

func (f *madeDirFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *madeDirFile) Close() error               { return nil }
func (f *madeDirFile) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.info.Name(), Err: errors.New("is a directory")}
}
