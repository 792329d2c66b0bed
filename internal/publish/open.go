package publish

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/fsutil"
	"dram/internal/problem"
)

const (
	maxEntries = 100_000 // of a tar with an image
	maxNesting = 3       // of indexes in indexes
)

// Open opens an image that Layout or Tar wrote, or that others wrote in these
// forms: from is "oci:DIR", "tar:FILE", or a path, which is a layout if it is a
// directory. The image keeps its digest. A tar that only docker load takes (from
// docker save before Docker 25) is opened as well; its digest is one of Docker's
// schema 2.
//
// The bytes are not verified here: whoever takes them, does.
func Open(from, arch string) (v1.Image, error) {
	kind, value, ok := strings.Cut(from, ":")
	if !ok || kind != "oci" && kind != "tar" {
		kind, value = "tar", from
		if info, err := os.Stat(from); err == nil && info.IsDir() {
			kind = "oci"
		}
	}
	img, err := openKind(kind, value, arch)
	if err != nil {
		return nil, problem.New(problem.Usage, "name a tar that dram image wrote, or an image layout: oci:DIR", "opening image %q: %w", from, err)
	}
	return img, nil
}

func openKind(kind, at, arch string) (v1.Image, error) {
	if kind == "oci" {
		return fromIndex(dirSource(at), arch, choose)
	}
	f, err := fsutil.Open(at)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read from
	entries, err := tarEntries(f)
	if err != nil {
		return nil, err
	}
	if _, ok := entries["index.json"]; ok {
		return fromIndex(tarSource{at, entries}, arch, choose)
	}
	return tarball.ImageFromPath(at, nil)
}

// OpenFirst opens the first image for linux/arch of the layout in dir, which may
// hold several.
func OpenFirst(dir, arch string) (v1.Image, error) { return fromIndex(dirSource(dir), arch, first) }

// source holds the files of an image layout.
type source interface {
	open(name string) (io.ReadCloser, error)
}

type dirSource string

func (d dirSource) open(name string) (io.ReadCloser, error) {
	return fsutil.Open(filepath.Join(string(d), filepath.FromSlash(name)))
}

type tarSource struct {
	path    string
	entries map[string]section
}

// section is where a file lies in a tar, in bytes.
type section struct{ offset, size int64 }

func (t tarSource) open(name string) (io.ReadCloser, error) {
	at, ok := t.entries[name]
	if !ok {
		return nil, fmt.Errorf("the tar has no %q: %w", name, fs.ErrNotExist)
	}
	f, err := fsutil.Open(t.path)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(f, at.offset, at.size), f}, nil
}

// tarEntries finds the regular files of a tar. Of two of one name the later one
// counts, as in unpacking.
func tarEntries(r io.ReadSeeker) (map[string]section, error) {
	out := map[string]section{}
	t := tar.NewReader(r)
	for range maxEntries {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		at, err := r.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		out[path.Clean(h.Name)] = section{at, h.Size}
	}
	return nil, fmt.Errorf("the tar has more than %d entries", maxEntries)
}

// chooser takes one of an index's entries.
type chooser func(entries []v1.Descriptor, arch string) (v1.Descriptor, error)

// fromIndex opens the image of a layout that choose takes.
func fromIndex(src source, arch string, choose chooser) (v1.Image, error) {
	index, err := readIndexFile(src, "index.json")
	for range maxNesting {
		if err != nil {
			return nil, err
		}
		entry, err := choose(index.Manifests, arch)
		if err != nil {
			return nil, err
		}
		if !entry.MediaType.IsIndex() {
			return fromManifest(src, entry)
		}
		raw, err := readSource(src, blobPath(entry.Digest))
		if err != nil {
			return nil, err
		}
		if index, err = parseIndex(raw); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("too many indexes in indexes")
}

// first is the first image or index for linux/arch.
func first(entries []v1.Descriptor, arch string) (v1.Descriptor, error) {
	for _, d := range entries {
		fits := d.Platform == nil || d.Platform.OS == "linux" && d.Platform.Architecture == arch
		if fits && d.Digest.Algorithm == "sha256" && (d.MediaType.IsImage() || d.MediaType.IsIndex()) {
			return d, nil
		}
	}
	return v1.Descriptor{}, fmt.Errorf("the index has no image for linux/%s", arch)
}

// choose is the only image, or the only one for linux/arch.
func choose(entries []v1.Descriptor, arch string) (v1.Descriptor, error) {
	var all, fitting []v1.Descriptor
	for _, d := range entries {
		if d.Digest.Algorithm != "sha256" || !d.MediaType.IsImage() && !d.MediaType.IsIndex() || d.Platform != nil && d.Platform.OS == "unknown" {
			continue // no image: what BuildKit attests of one
		}
		all = append(all, d)
		if d.Platform == nil || d.Platform.OS == "linux" && d.Platform.Architecture == arch {
			fitting = append(fitting, d)
		}
	}
	switch {
	case len(all) == 1:
		return all[0], nil
	case len(fitting) == 1:
		return fitting[0], nil
	case len(all) == 0:
		return v1.Descriptor{}, errors.New("it holds no image")
	}
	return v1.Descriptor{}, fmt.Errorf("it holds %d images, and one is wanted", len(all))
}

func blobPath(h v1.Hash) string { return blob{digest: h}.path() }

func readIndexFile(src source, name string) (*v1.IndexManifest, error) {
	raw, err := readSource(src, name)
	if err != nil {
		return nil, err
	}
	return parseIndex(raw)
}

// readSource reads a small file: an index, a manifest, a configuration.
func readSource(src source, name string) ([]byte, error) {
	r, err := src.open(name)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(r, maxIndex+1))
	if err == nil && len(raw) > maxIndex {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxIndex)
	}
	return raw, errors.Join(err, r.Close())
}

// readVerified reads a small blob and sees that it is the one.
func readVerified(src source, want v1.Hash) ([]byte, error) {
	raw, err := readSource(src, blobPath(want))
	if err == nil && bytesBlob(raw).digest != want {
		err = fmt.Errorf("blob %s is damaged", want)
	}
	return raw, err
}

func fromManifest(src source, entry v1.Descriptor) (v1.Image, error) {
	raw, err := readVerified(src, entry.Digest)
	if err != nil {
		return nil, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	for _, d := range append(m.Layers, m.Config) {
		if d.Digest.Algorithm != "sha256" || d.Size < 0 {
			return nil, fmt.Errorf("blob %s: only sha256 is known here", d.Digest)
		}
	}
	config, err := readVerified(src, m.Config.Digest)
	if err != nil {
		return nil, err
	}
	return partial.CompressedToImage(written{src, raw, config, m, entry.MediaType})
}

// written is an image in a layout, in the terms of go-containerregistry.
type written struct {
	src         source
	raw, config []byte
	manifest    *v1.Manifest
	mediaType   types.MediaType
}

func (w written) RawManifest() ([]byte, error)        { return w.raw, nil }
func (w written) RawConfigFile() ([]byte, error)      { return w.config, nil }
func (w written) MediaType() (types.MediaType, error) { return w.mediaType, nil }

func (w written) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, d := range append(w.manifest.Layers, w.manifest.Config) {
		if d.Digest == h {
			return writtenLayer{w.src, d}, nil
		}
	}
	return nil, fmt.Errorf("the image has no layer %s", h)
}

type writtenLayer struct {
	src  source
	desc v1.Descriptor
}

func (l writtenLayer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l writtenLayer) Size() (int64, error)                { return l.desc.Size, nil }
func (l writtenLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l writtenLayer) Compressed() (io.ReadCloser, error)  { return l.src.open(blobPath(l.desc.Digest)) }
