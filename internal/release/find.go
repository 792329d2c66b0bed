package release

import (
	"io/fs"
	"path"
	"slices"

	"dram/internal/problem"
	"dram/internal/rootfs"
)

// Limits of the search for a release in an image.
const (
	findDepth = 4
	findDirs  = 20_000
)

// Find finds the release in a root filesystem, such as an image's, by its
// start_erl.data: in /app, where dram and most guides put it, else anywhere
// near the top where no operating system keeps its own. An Erlang/OTP has that
// file too, but no start script of the release's.
func Find(fsys rootfs.FS) (string, error) {
	queue, seen := []string{"app", "opt/app", "srv/app", "home/app", "."}, 0
	for len(queue) > 0 {
		dir := queue[0]
		queue = queue[1:]
		real, err := rootfs.Resolve(fsys, dir)
		if err != nil {
			continue
		}
		if isRelease(fsys, real) {
			return real, nil
		}
		if seen++; seen > findDirs {
			break
		}
		queue = append(queue, below(fsys, real)...)
	}
	return "", problem.New(problem.Usage, "name an image that holds a release, or the release itself", "%w: there is none in this root filesystem", ErrNotRelease)
}

func isRelease(fsys rootfs.FS, dir string) bool {
	_, version, err := startErl(sub{fsys, dir})
	if err != nil {
		return false
	}
	_, err = relName(sub{fsys, dir}, version)
	return err == nil
}

// below is the directories in which a release may be.
func below(fsys rootfs.FS, dir string) (out []string) {
	depth := 0
	for d := dir; d != "."; d = path.Dir(d) {
		depth++
	}
	system := []string{"bin", "boot", "dev", "etc", "lib", "lib64", "media", "proc", "run", "sbin", "sys", "tmp", "usr"}
	entries, err := fsys.ReadDir(dir)
	if err != nil || depth >= findDepth {
		return nil
	}
	for _, e := range entries {
		if e.IsDir() && (dir != "." || !slices.Contains(system, e.Name())) {
			out = append(out, path.Join(dir, e.Name()))
		}
	}
	return out
}

// sub is a directory of a root filesystem, enough of it to read files by name.
type sub struct {
	rootfs.FS
	dir string
}

func (s sub) Open(name string) (fs.File, error) { return s.FS.Open(path.Join(s.dir, name)) }

func (s sub) Stat(name string) (fs.FileInfo, error) { return s.FS.Stat(path.Join(s.dir, name)) }

func (s sub) ReadDir(name string) ([]fs.DirEntry, error) { return s.FS.ReadDir(path.Join(s.dir, name)) }

// At reads which release lies in a directory of a root filesystem: name, version and
// ERTS. Its files are not listed.
func At(fsys rootfs.FS, dir string) (*Release, error) {
	erts, version, err := startErl(sub{fsys, dir})
	if err != nil {
		return nil, err
	}
	name, err := relName(sub{fsys, dir}, version)
	if err != nil {
		return nil, err
	}
	r := &Release{Name: name, Version: version}
	if info, err := fsys.Stat(path.Join(dir, "erts-"+erts)); err == nil && info.IsDir() {
		r.ERTS = erts
	}
	return r, nil
}

// OriginOf is where a file of a release is from, and the folder of its application,
// "" where it is of none. The application that is called like the release is the
// project's own.
func OriginOf(name, release string) (Origin, string) {
	return classifier{own: []string{release}}.file(name, 0)
}
