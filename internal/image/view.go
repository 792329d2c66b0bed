package image

import (
	"io/fs"
	"maps"
	"strings"

	"dram/internal/release"
	"dram/internal/rootfs"
)

// View is what Build will put into the image, to be looked at before anything
// is written: the root filesystem around the release, and the release as it
// lies in that at "app".
func (d *Draft) View() (system, shipped rootfs.FS) {
	nodes := map[string]rootfs.Node{}
	if d.opts.Base != nil {
		maps.Copy(nodes, d.opts.Base.nodes)
	}
	for _, f := range d.sys.Files {
		nodes[f.Path] = f.node(d.opts.Root)
	}
	ships := nodesOf(d.files, ofRelease(d.rel))
	for _, e := range d.extra.entries {
		n := rootfs.Node{Mode: e.Mode, Link: e.Link, Size: e.Size, Open: d.extra.opened[e.Path]}
		if rest, inApp := strings.CutPrefix(e.Path, appDir+"/"); inApp {
			ships[rest] = n
		} else if _, dir := nodes[e.Path]; !dir || !e.Mode.IsDir() {
			nodes[e.Path] = n
		}
	}
	return rootfs.NewSkeleton(nodes), rootfs.NewSkeleton(ships)
}

// TarballView is what Tarball would put into the release's tarball.
func TarballView(rel *release.Release, opts TarballOptions) (rootfs.FS, error) {
	files, err := tarballContents(rel, opts)
	if err != nil {
		return nil, err
	}
	return viewOf(files, ofRelease(rel)), nil
}

func ofRelease(rel *release.Release) func(File) (fs.File, error) {
	return func(f File) (fs.File, error) { return rel.FS.Open(f.source) }
}

// viewOf is files of which open opens those that dram did not write.
func viewOf(files []File, open func(File) (fs.File, error)) rootfs.FS {
	return rootfs.NewSkeleton(nodesOf(files, open))
}

func nodesOf(files []File, open func(File) (fs.File, error)) map[string]rootfs.Node {
	nodes := map[string]rootfs.Node{}
	for _, f := range files {
		n := rootfs.Node{Mode: f.Mode, Link: f.Link, Size: f.Size}
		switch {
		case f.made != nil:
			n.Text = string(f.made)
		case f.Mode.IsRegular():
			n.Open = func() (fs.File, error) { return open(f) }
		}
		nodes[f.Path] = n
	}
	return nodes
}
