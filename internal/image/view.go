package image

import (
	"io/fs"

	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/store"
)

// View is what Build would put into an image, to be looked at before anything
// is written: the root filesystem around the release, and the release as it
// lies in that at "app".
func View(st *store.Store, rel *release.Release, opts Options) (system, shipped rootfs.FS, err error) {
	if err := hasErlang(rel); err != nil {
		return nil, nil, err
	}
	opts = opts.withDefaults(rel)
	kept, _ := rel.ForImage()
	files, err := contents(rel, kept, staying{links: true})
	if err != nil {
		return nil, nil, err
	}
	sys, err := findSystem(st, rel, files, opts)
	if err != nil {
		return nil, nil, err
	}
	nodes := map[string]rootfs.Node{}
	for _, f := range sys.Files {
		n := rootfs.Node{Mode: f.Mode, Link: f.Link, Text: f.Text, Size: f.Size}
		if f.Source != "" {
			n.Open = func() (fs.File, error) { return opts.Root.Open(f.Source) }
		}
		nodes[f.Path] = n
	}
	shipped, err = viewOf(rel, files)
	return rootfs.NewSkeleton(nodes), shipped, err
}

// TarballView is what Tarball would put into the release's tarball.
func TarballView(rel *release.Release, opts TarballOptions) (rootfs.FS, error) {
	files, err := tarballContents(rel, opts)
	if err != nil {
		return nil, err
	}
	return viewOf(rel, files)
}

func viewOf(rel *release.Release, files []File) (rootfs.FS, error) {
	nodes := map[string]rootfs.Node{}
	for _, f := range files {
		n := rootfs.Node{Mode: f.Mode, Link: f.Link, Size: f.Size}
		switch {
		case f.made != nil:
			n.Text = string(f.made)
		case f.Mode.IsRegular():
			n.Open = func() (fs.File, error) { return rel.FS.Open(f.source) }
		}
		nodes[f.Path] = n
	}
	return rootfs.NewSkeleton(nodes), nil
}
