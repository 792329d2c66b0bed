package rootfs

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"dram/internal/binary"
)

// Node is one file of a Skeleton, or a directory with other permission bits
// than 0755.
type Node struct {
	Mode fs.FileMode // permission bits; ModeDir for a directory
	Link string      // target, of a symbolic link
	Text string      // content, where it matters
	ELF  *binary.File
	// Open, if set, gives the content in place of Text, and Size is its size.
	Open func() (fs.File, error)
	Size int64 // bytes
}

// Skeleton is a root filesystem that is put together from a list of names: a
// captured one, whose files are known by their facts, or one that is not
// written yet, whose files lie elsewhere. It does not change once made.
type Skeleton struct {
	nodes map[string]Node
	dirs  map[string][]string // names in a directory, sorted
}

var _ Described = (*Skeleton)(nil)

// NewSkeleton makes one; names are real ones. Parents are there by
// themselves.
func NewSkeleton(nodes map[string]Node) *Skeleton {
	s := &Skeleton{nodes: maps.Clone(nodes), dirs: map[string][]string{".": nil}}
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		if _, known := s.dirs[name]; nodes[name].Mode.IsDir() && !known {
			s.dirs[name] = nil
		}
		for at := name; at != "."; at = path.Dir(at) {
			dir := path.Dir(at)
			_, known := s.dirs[dir]
			s.dirs[dir] = append(s.dirs[dir], path.Base(at))
			if known {
				break
			}
		}
	}
	for dir, names := range s.dirs {
		slices.Sort(names)
		s.dirs[dir] = slices.Compact(names)
	}
	return s
}

// ELF is as Described has it.
func (s *Skeleton) ELF(name string) (*binary.File, bool) {
	f := s.nodes[name].ELF
	return f, f != nil
}

func (s *Skeleton) lstat(name string) (fs.FileInfo, error) {
	n, ok := s.nodes[name]
	if _, dir := s.dirs[name]; dir && n.Mode.IsDir() {
		return nodeInfo{path.Base(name), n}, nil
	} else if dir {
		return madeDir(path.Base(name)), nil
	}
	if !ok {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
	}
	return nodeInfo{path.Base(name), n}, nil
}

func (s *Skeleton) readlink(name string) (string, error) {
	if n := s.nodes[name]; n.Link != "" {
		return n.Link, nil
	}
	return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
}

func (s *Skeleton) real(verb, name string, last bool) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: verb, Path: name, Err: fs.ErrInvalid}
	}
	real, _, err := walk(s, name, last)
	return real, err
}

// Open gives a file's content.
func (s *Skeleton) Open(name string) (fs.File, error) {
	real, err := s.real("open", name, true)
	if err != nil {
		return nil, err
	}
	info, err := s.lstat(real)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		entries, err := s.ReadDir(real)
		return &madeDirFile{info: info, entries: entries}, err
	}
	if n := s.nodes[real]; n.Open != nil {
		return n.Open()
	}
	return &nodeFile{strings.NewReader(s.nodes[real].Text), info}, nil
}

// Stat follows links.
func (s *Skeleton) Stat(name string) (fs.FileInfo, error) {
	real, err := s.real("stat", name, true)
	if err != nil {
		return nil, err
	}
	return s.lstat(real)
}

// Lstat does not follow a link in the last place.
func (s *Skeleton) Lstat(name string) (fs.FileInfo, error) {
	real, err := s.real("lstat", name, false)
	if err != nil {
		return nil, err
	}
	return s.lstat(real)
}

// ReadLink is the target of a symbolic link.
func (s *Skeleton) ReadLink(name string) (string, error) {
	real, err := s.real("readlink", name, false)
	if err != nil {
		return "", err
	}
	return s.readlink(real)
}

// ReadDir lists a directory, sorted by name.
func (s *Skeleton) ReadDir(name string) ([]fs.DirEntry, error) {
	real, err := s.real("readdir", name, true)
	if err != nil {
		return nil, err
	}
	names, ok := s.dirs[real]
	if !ok {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	out := make([]fs.DirEntry, len(names))
	for i, n := range names {
		info, err := s.lstat(path.Join(real, n))
		if err != nil {
			return nil, err
		}
		out[i] = fs.FileInfoToDirEntry(info)
	}
	return out, nil
}

// nodeInfo is the facts of a file that somebody listed.
type nodeInfo struct {
	name string
	node Node
}

func (i nodeInfo) Name() string     { return i.name }
func (nodeInfo) ModTime() time.Time { return time.Time{} }
func (i nodeInfo) IsDir() bool      { return i.node.Mode.IsDir() }
func (nodeInfo) Sys() any           { return nil }
func (i nodeInfo) Size() int64 {
	if i.node.Open != nil {
		return i.node.Size
	}
	return int64(len(i.node.Text))
}

func (i nodeInfo) Mode() fs.FileMode {
	if i.node.Link != "" {
		return fs.ModeSymlink | 0o777
	}
	return i.node.Mode & (fs.ModeDir | fs.ModeSticky | fs.ModePerm)
}

type nodeFile struct {
	*strings.Reader
	info fs.FileInfo
}

func (f *nodeFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *nodeFile) Close() error               { return nil }
