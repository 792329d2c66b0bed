package publish

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/problem"
	"dram/internal/registry"
)

const maxNesting = 3 // of indexes in indexes

// Open opens an image that Layout or Tar wrote, or that others wrote in these
// forms: from is "oci:DIR", "tar:FILE", or a path, which is a layout if it is a
// directory. The image keeps its digest. A tar that only docker load takes (from
// docker save before Docker 25) is opened as well; its digest is one of Docker's
// schema 2.
//
// Files are regular ones, and those of a layout lie in it: a link may lead within
// it. Index, manifest and configuration are verified; the bytes of layers are as
// many as the manifest says, and whoever takes them verifies them.
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
	f, size, err := openRegular(at)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read from
	entries, err := readArchive(f, size)
	if err != nil {
		return nil, err
	}
	if _, ok := entries.files["index.json"]; ok {
		return fromIndex(tarSource{at, entries.files}, arch, choose)
	}
	return fromDockerSave(at, entries)
}

// OpenFirst opens the first image for linux/arch of the layout in dir, which may
// hold several.
func OpenFirst(dir, arch string) (v1.Image, error) {
	img, err := fromIndex(dirSource(dir), arch, first)
	if err != nil {
		return nil, problem.New(problem.Usage, "name an image layout: oci:DIR", "opening image %q: %w", "oci:"+dir, err)
	}
	return img, nil
}

// fromIndex opens the image of a layout that pick takes of its entries.
func fromIndex(src source, arch string, pick func([]v1.Descriptor, string) (v1.Descriptor, error)) (v1.Image, error) {
	index, err := readIndexFile(src, "index.json")
	for range maxNesting {
		if err != nil {
			return nil, err
		}
		entry, err := pick(index.Manifests, arch)
		if err != nil {
			return nil, err
		}
		if !entry.MediaType.IsIndex() {
			return fromManifest(src, entry)
		}
		raw, err := readVerified(src, entry)
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
	seen := map[v1.Hash]bool{} // one image may have several names
	for _, d := range entries {
		if seen[d.Digest] || d.Digest.Algorithm != "sha256" || !d.MediaType.IsImage() && !d.MediaType.IsIndex() || d.Platform != nil && d.Platform.OS == "unknown" {
			continue // no image: what BuildKit attests of one
		}
		seen[d.Digest] = true
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
	f, err := src.open(name)
	if err != nil {
		return nil, err
	}
	raw, err := readSmall(f, name)
	return raw, errors.Join(err, f.Close())
}

func readSmall(f opened, name string) ([]byte, error) {
	if f.size > maxIndex {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxIndex)
	}
	return io.ReadAll(io.LimitReader(f, f.size))
}

// readVerified reads a small blob and sees that it is the one.
func readVerified(src source, want v1.Descriptor) ([]byte, error) {
	raw, err := readSource(src, blobPath(want.Digest))
	if err == nil && (bytesBlob(raw).digest != want.Digest || int64(len(raw)) != want.Size) {
		err = fmt.Errorf("blob %s is damaged", want.Digest)
	}
	return raw, err
}

func fromManifest(src source, entry v1.Descriptor) (v1.Image, error) {
	raw, err := readVerified(src, entry)
	if err != nil {
		return nil, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	if err := registry.CheckSizes(m); err != nil {
		return nil, err
	}
	for _, d := range append(slices.Clone(m.Layers), m.Config) {
		if d.Digest.Algorithm != "sha256" {
			return nil, fmt.Errorf("blob %s: only sha256 is known here", d.Digest)
		}
	}
	config, err := readVerified(src, m.Config)
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
	for _, d := range append(slices.Clone(w.manifest.Layers), w.manifest.Config) {
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

// Compressed gives as many bytes as the manifest says, or fails.
func (l writtenLayer) Compressed() (io.ReadCloser, error) {
	f, err := l.src.open(blobPath(l.desc.Digest))
	if err != nil {
		return nil, err
	}
	return registry.Exactly(f, l.desc.Size), nil
}
