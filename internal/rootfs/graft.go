package rootfs

import (
	"io/fs"
	"path"

	"dram/internal/binary"
)

// Graft is base with files of another root in the place of some of its own: by the
// real name of a file of base, where it is in the other. Each keeps base's mode.
func Graft(base, other FS, files map[string]string) FS { return &graft{base, other, files} }

type graft struct {
	FS
	other FS
	files map[string]string
}

// replaced is where a name that may be followed lies in the other root.
func (g *graft) replaced(name string) (at string, ok bool) {
	if len(g.files) == 0 {
		return "", false
	}
	if at, ok = g.files[name]; ok {
		return at, true
	}
	real, err := Resolve(g.FS, name)
	if err != nil {
		return "", false
	}
	at, ok = g.files[real]
	return at, ok
}

func (g *graft) Open(name string) (fs.File, error) {
	if at, ok := g.replaced(name); ok {
		return g.other.Open(at)
	}
	return g.FS.Open(name)
}

func (g *graft) Stat(name string) (fs.FileInfo, error) {
	info, err := g.FS.Stat(name)
	if at, ok := g.replaced(name); ok && err == nil {
		return g.facts(info, at)
	}
	return info, err
}

func (g *graft) Lstat(name string) (fs.FileInfo, error) {
	info, err := g.FS.Lstat(name)
	if at, ok := g.files[name]; ok && err == nil {
		return g.facts(info, at)
	}
	return info, err
}

// facts are a file's own, with the size of what lies in its place.
func (g *graft) facts(info fs.FileInfo, at string) (fs.FileInfo, error) {
	now, err := g.other.Stat(at)
	if err != nil {
		return nil, err
	}
	return grafted{info, now.Size()}, nil
}

func (g *graft) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := g.FS.ReadDir(name)
	if err != nil {
		return entries, err
	}
	dir, err := Resolve(g.FS, name)
	if err != nil {
		return nil, err
	}
	for i, e := range entries {
		if at, ok := g.files[path.Join(dir, e.Name())]; ok {
			info, err := e.Info()
			if err == nil {
				info, err = g.facts(info, at)
			}
			if err != nil {
				return nil, err
			}
			entries[i] = fs.FileInfoToDirEntry(info)
		}
	}
	return entries, nil
}

// ELF makes a graft of Described.
func (g *graft) ELF(name string) (*binary.File, bool) {
	fsys := g.FS
	if at, ok := g.files[name]; ok {
		fsys, name = g.other, at
	}
	if d, ok := fsys.(Described); ok {
		return d.ELF(name)
	}
	return nil, false
}

// Close lets go of base.
func (g *graft) Close() error {
	if c, ok := g.FS.(interface{ Close() error }); ok {
		return c.Close()
	}
	return nil
}

type grafted struct {
	fs.FileInfo
	size int64
}

func (g grafted) Size() int64 { return g.size }
