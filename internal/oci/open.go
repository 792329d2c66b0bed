package oci

import (
	"fmt"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/fsutil"
	"dram/internal/ref"
	"dram/internal/registry"
)

// Options say which image is taken, and how.
type Options struct {
	Arch   string
	Choose Choice // of several images; nil is Only
	// TempDir makes a directory for what a compressed tar unpacks to; nil is the
	// system's. Nothing is left in it.
	TempDir func(prefix string) (dir string, done func(), err error)
}

// Open opens the image that a reference to a layout or to a tar names. A tar is
// plain or compressed with gzip or zstd; it holds a layout, at its top or in its
// one directory, or else what docker save wrote before Docker 25, whose digest is
// one of Docker's schema 2.
func Open(r ref.Ref, opts Options) (v1.Image, error) {
	if opts.Choose == nil {
		opts.Choose = Only
	}
	img, err := open(r, opts)
	if err != nil {
		return nil, fmt.Errorf("opening image %q: %w", r, err)
	}
	return img, nil
}

// Platforms opens the images of all platforms of what Open takes one of, in the order of
// their index; one where there is no index of several.
func Platforms(r ref.Ref, opts Options) ([]v1.Image, error) {
	var archs []string
	depth := 0
	opts.Choose = func(entries []v1.Descriptor, arch string) (v1.Descriptor, error) {
		depth++
		if depth > 1 && len(archs) == 0 { // at the top of a layout, images are others than one another
			archs = archsOf(entries)
		}
		return Only(entries, arch)
	}
	first, err := Open(r, opts)
	if len(archs) < 2 {
		return []v1.Image{first}, err
	}
	var images []v1.Image
	for _, arch := range archs {
		img, err := Open(r, Options{Arch: arch, TempDir: opts.TempDir})
		if err != nil {
			return nil, err
		}
		images = append(images, img)
	}
	return images, nil
}

// archsOf are the architectures of Linux that an index has images for, each once.
func archsOf(entries []v1.Descriptor) (archs []string) {
	for _, d := range entries {
		if isImage(d) && d.Platform != nil && d.Platform.OS == "linux" && !slices.Contains(archs, d.Platform.Architecture) {
			archs = append(archs, d.Platform.Architecture)
		}
	}
	return archs
}

func open(r ref.Ref, opts Options) (v1.Image, error) {
	switch r.Kind {
	case ref.Layout:
		return fromIndex(directory(r.Value), opts)
	case ref.Tar:
		a, err := openArchive(r.Value, opts)
		if err != nil {
			return nil, err
		}
		if a.has("index.json") {
			return fromIndex(a, opts)
		}
		return fromDockerSave(a)
	default:
		return nil, fmt.Errorf("%s lies neither in a layout nor in a tar", r.Kind.Noun())
	}
}

// source holds the files of an image layout.
type source interface {
	open(name string) (file, error)
}

// file is a file of a source, and its size in bytes.
type file struct {
	io.ReadCloser
	size int64
}

// fromIndex opens the image that is chosen of a layout's index.json.
func fromIndex(src source, opts Options) (v1.Image, error) {
	f, err := src.open("index.json")
	if err != nil {
		return nil, err
	}
	raw, err := readSmall(f, "index.json")
	if err != nil {
		return nil, err
	}
	blobs := func(d v1.Descriptor) (io.ReadCloser, error) {
		f, err := src.open("blobs/" + d.Digest.Algorithm + "/" + d.Digest.Hex)
		if err != nil {
			return nil, err
		}
		return f, nil
	}
	m, err := follow(Manifest{raw, types.OCIImageIndex}, opts.Arch, opts.Choose, func(d v1.Descriptor) (Manifest, error) {
		raw, err := readVerified(blobs, d)
		return Manifest{raw, d.MediaType}, err
	})
	if err != nil {
		return nil, err
	}
	return New(m, blobs, blobs)
}

// readSmall reads an index or a list of images, and closes it.
func readSmall(f file, name string) ([]byte, error) {
	defer func() { _ = f.Close() }() // only read from
	if f.size > registry.MaxManifest {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, registry.MaxManifest)
	}
	return io.ReadAll(io.LimitReader(f, f.size))
}

// directory is a layout on disk.
type directory string

// open opens a regular file that lies in the layout, wherever links lead.
func (d directory) open(name string) (file, error) {
	root, err := fsutil.OpenRoot(string(d))
	if err != nil {
		return file{}, err
	}
	defer func() { _ = root.Close() }() // only a handle
	f, err := fsutil.OpenIn(root, name)
	if err != nil {
		return file{}, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close() // nothing was done with it
		return file{}, err
	}
	return file{f, info.Size()}, nil
}
