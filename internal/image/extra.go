package image

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"strings"

	"dram/internal/fsutil"
	"dram/internal/layer"
	"dram/internal/problem"
	"dram/internal/rootfs"
)

// extraAt is where, while the closure is searched, the files lie that the user adds:
// what they need is found as if they lay in their places.
const extraAt = "dram.image"

// extras are the files and directories that the user adds, at their real places: a
// layer of its own, so that nothing else changes with them.
type extras struct {
	entries []layer.Entry
	opened  map[string]func() (fs.File, error)
}

// Extra is a file or a directory that the user adds to an image.
type Extra struct {
	layer.Entry
	// File opens a regular file.
	File func() (fs.File, error)
	What string // what asked for it, for people
}

// place has the extras lie where links of the image lead, and finds what cannot be.
func (d *Draft) place() error {
	at := map[string]systemFile{}
	if d.opts.Base != nil {
		maps.Copy(at, d.opts.Base.files())
	}
	for _, f := range d.sys.Files {
		at[f.Path] = f
	}
	d.extra = extras{opened: map[string]func() (fs.File, error){}}
	seen := map[string]bool{}
	for _, e := range d.opts.Extra {
		real, err := realPlace(at, e.Path)
		if err == nil {
			err = d.free(at, real, e)
		}
		if err != nil {
			return problem.New(problem.Usage, "choose another destination", "%s: %w", e.What, err)
		}
		if seen[real] {
			return problem.New(problem.Usage, "name each place once", "%s: /%s is there twice", e.What, real)
		}
		seen[real] = true
		e.Path = real
		d.extra.entries = append(d.extra.entries, e.Entry)
		d.extra.opened[real] = e.File
	}
	d.extra.entries = append(d.extra.entries, above(at, seen)...)
	return nil
}

// realPlace is where a path lies once the links among its parents are followed.
func realPlace(at map[string]systemFile, name string) (string, error) {
	dir, err := fsutil.Resolve(path.Dir(name), func(name string, _ bool) (string, bool, error) {
		f := at[name]
		if f.Path != "" && !f.Mode.IsDir() && f.Link == "" {
			return "", false, fmt.Errorf("/%s is a file of the image", name)
		}
		return f.Link, f.Link != "", nil
	})
	return path.Join(dir, path.Base(name)), err
}

// free says whether something may be put at a place.
func (d *Draft) free(at map[string]systemFile, real string, e Extra) error {
	there := at[real]
	isDir := there.Mode.IsDir() || there.Path == "" && hasBelow(at, real)
	switch {
	case e.Mode.IsDir() && there.Path != "" && !isDir:
		return fmt.Errorf("/%s is a file of the image", real)
	case !e.Mode.IsDir() && isDir:
		return fmt.Errorf("/%s is a directory of the image", real)
	}
	rest, inApp := strings.CutPrefix(real, appDir+"/")
	if !inApp {
		return nil
	}
	for _, f := range d.files {
		both := f.Mode.IsDir() && e.Mode.IsDir()
		if f.Path == rest && !both || strings.HasPrefix(rest, f.Path+"/") && !f.Mode.IsDir() {
			return fmt.Errorf("/%s is the release's own", real)
		}
	}
	return nil
}

func hasBelow(at map[string]systemFile, dir string) bool {
	for name := range at {
		if strings.HasPrefix(name, dir+"/") {
			return true
		}
	}
	return false
}

// above are the directories of the image that the extras lie in, as they are there: a
// layer that made them anew would change them.
func above(at map[string]systemFile, seen map[string]bool) (out []layer.Entry) {
	done := map[string]bool{}
	for name := range seen {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if f := at[dir]; f.Path != "" && f.Mode.IsDir() && !done[dir] && !seen[dir] {
				out = append(out, f.entry(nil))
			}
			done[dir] = true
		}
	}
	return out
}

// skeletonOf is files that the user adds as a root filesystem of their own.
func skeletonOf(list []Extra) rootfs.FS {
	nodes := map[string]rootfs.Node{}
	for _, e := range list {
		nodes[e.Path] = rootfs.Node{Mode: e.Mode, Link: e.Link, Size: e.Size, Open: e.File}
	}
	return rootfs.NewSkeleton(nodes)
}

// extraStart is where the search begins for what these files need: programs,
// libraries and scripts.
func extraStart(list []Extra) (start []string) {
	for _, e := range list {
		if mayNeed(e.asFile()) {
			start = append(start, extraAt+"/"+e.Path)
		}
	}
	return start
}

// asFile is an extra as programs look for words in it.
func (e Extra) asFile() File {
	return File{Entry: e.Entry}
}
