// Package publish writes an image where people and tools take it from.
//
// Tar writes one file that is two things at once: an OCI image layout (image
// spec 1.1, "Image Layout") and, by a manifest.json that points into the
// layout's blobs, what docker load reads; recent docker save writes the same.
// Layout writes an OCI image layout directory. Both are deterministic, verify
// every blob while they copy it, and never show a half-written result under its
// name. Push sends an image to a registry (OCI distribution specification 1.1);
// no tag ever names an image there that is not whole.
package publish

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/fsutil"
	"dram/internal/problem"
	"dram/internal/store"
)

const (
	layoutFile    = `{"imageLayoutVersion":"1.0.0"}`
	refAnnotation = "org.opencontainers.image.ref.name"
	ctrAnnotation = "io.containerd.image.name" // what containerd's import names the image
	tarBlock      = 512
)

// Tar writes img to a file, named by names ("hello:0.1.0"), and says
// whether it had to: a file that is there already with the same image and names
// stays untouched, which its size, its first kilobytes (layout, index,
// manifests, configuration) and the digests of its layers tell. Any other file
// is replaced at once when the new one is whole.
//
// index.json has one entry, by the first name: oci-archive: would ask which one
// is meant if there were more. All names stand in manifest.json.
func Tar(ctx context.Context, at Place, img v1.Image, names []string) (written bool, err error) {
	parts, err := collect(img, names)
	if err != nil {
		return false, fmt.Errorf("writing %q: %w", at.Path, err)
	}
	return parts.write(ctx, at)
}

// write writes the archive to a file, unless that is it already.
func (c *contents) write(ctx context.Context, at Place) (written bool, err error) {
	head, size, err := c.head()
	if err != nil {
		return false, fmt.Errorf("writing %q: %w", at.Path, err)
	}
	s, err := at.open()
	if err != nil {
		return false, err
	}
	defer s.close()
	if s.same(head, size, c.layers) {
		return false, nil
	}
	err = s.replace(func(w io.Writer) error {
		if _, err := w.Write(head); err != nil {
			return err
		}
		return writeLayers(ctx, w, c.layers)
	})
	return err == nil, err
}

func writeLayers(ctx context.Context, w io.Writer, layers []blob) error {
	t := tar.NewWriter(w)
	for _, b := range layers {
		if err := t.WriteHeader(header(b.path(), b.size)); err != nil {
			return err
		}
		if err := b.copyTo(ctx, t); err != nil {
			return err
		}
	}
	return t.Close()
}

// Archive writes to w what Tar writes to a file, for a daemon to load. The
// lowest layers are left out as far as there, DiffIDs lowest first, has the same
// ones: Docker's own store does not open those that it has.
func Archive(ctx context.Context, w io.Writer, img v1.Image, names, there []string) error {
	parts, err := collect(img, names)
	if err != nil {
		return err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return err
	}
	layers, err := layerBlobs(img)
	if err != nil {
		return err
	}
	same := 0
	for same < len(there) && same < len(layers) && same < len(config.RootFS.DiffIDs) && config.RootFS.DiffIDs[same].String() == there[same] {
		same++
	}
	head, _, err := parts.head()
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	return writeLayers(ctx, w, distinct(layers[same:]))
}

// contents is an image taken apart.
type contents struct {
	small  []file // in front, in order
	layers []blob
}

type file struct {
	name string
	data []byte
}

// named is one of the small files.
func (c *contents) named(name string) file {
	return c.small[slices.IndexFunc(c.small, func(f file) bool { return f.name == name })]
}

func isBlob(name string) bool { return strings.HasPrefix(name, "blobs/") }

func collect(img v1.Image, names []string) (*contents, error) {
	manifest, err := img.RawManifest()
	if err != nil {
		return nil, err
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return nil, err
	}
	layers, err := layerBlobs(img)
	if err != nil {
		return nil, err
	}
	ref := ""
	if len(names) > 0 {
		ref = names[0]
	}
	desc, err := descriptor(img, ref)
	if err != nil {
		return nil, err
	}
	index, err := json.Marshal(v1.IndexManifest{
		SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{*desc},
	})
	if err != nil {
		return nil, err
	}
	manifestBlob, configBlob := bytesBlob(manifest), bytesBlob(config)
	docker, err := dockerManifest(names, configBlob, layers)
	if err != nil {
		return nil, err
	}
	return &contents{
		small: []file{
			{"oci-layout", []byte(layoutFile)},
			{"index.json", index},
			{"manifest.json", docker},
			{manifestBlob.path(), manifest},
			{configBlob.path(), config},
		},
		layers: distinct(layers),
	}, nil
}

// dockerManifest is what docker load reads (moby, image/tarexport).
func dockerManifest(names []string, config blob, layers []blob) ([]byte, error) {
	item := struct {
		Config   string
		RepoTags []string
		Layers   []string
	}{Config: config.path(), RepoTags: []string{}, Layers: []string{}}
	for _, n := range names {
		if _, err := name.NewTag(n); err != nil {
			return nil, problem.New(problem.Usage, "use NAME:TAG, as in hello:0.1.0", "image name %q: %w", n, err)
		}
		item.RepoTags = append(item.RepoTags, n)
	}
	for _, l := range layers {
		item.Layers = append(item.Layers, l.path())
	}
	return json.Marshal([]any{item})
}

// descriptor is an index's entry for img, named ref unless that is empty.
func descriptor(img v1.Image, ref string) (*v1.Descriptor, error) {
	digest, err := img.Digest()
	if err != nil {
		return nil, err
	}
	size, err := img.Size()
	if err != nil {
		return nil, err
	}
	mediaType, err := img.MediaType()
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	d := &v1.Descriptor{MediaType: mediaType, Digest: digest, Size: size, Platform: config.Platform()}
	if ref == "" {
		return d, nil
	}
	tag, err := name.NewTag(ref)
	if err != nil {
		return nil, problem.New(problem.Usage, "use NAME:TAG, as in hello:0.1.0", "image name %q: %w", ref, err)
	}
	d.Annotations = map[string]string{ctrAnnotation: canonical(tag), refAnnotation: tag.TagStr()}
	return d, nil
}

// canonical writes Docker's default registry the way containerd does.
func canonical(tag name.Tag) string { return repositoryName(tag.Repository) + ":" + tag.TagStr() }

func repositoryName(repo name.Repository) string {
	registry := repo.RegistryStr()
	if registry == name.DefaultRegistry {
		registry = "docker.io"
	}
	return registry + "/" + repo.RepositoryStr()
}

// head is the archive up to the layers, and the whole archive's size in bytes.
func (c *contents) head() ([]byte, int64, error) {
	var buf bytes.Buffer
	t := tar.NewWriter(&buf)
	for _, f := range c.small {
		if err := t.WriteHeader(header(f.name, int64(len(f.data)))); err != nil {
			return nil, 0, err
		}
		if _, err := t.Write(f.data); err != nil {
			return nil, 0, err
		}
	}
	if err := t.Flush(); err != nil {
		return nil, 0, err
	}
	size := int64(buf.Len()) + 2*tarBlock
	for _, l := range c.layers {
		size += tarBlock + (l.size+tarBlock-1)/tarBlock*tarBlock
	}
	return buf.Bytes(), size, nil
}

func header(name string, size int64) *tar.Header {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: size, ModTime: time.Unix(1, 0)}
	if size < 1<<33 { // ustar's octal field; its size is what head counts on
		h.Format = tar.FormatUSTAR
	}
	return h
}

// same says whether the file is this archive already: its size, its
// head, and each layer's digest, for a result that was damaged is made again.
func (s *spot) same(head []byte, size int64, layers []blob) bool {
	f, err := fsutil.OpenIn(s.dir, s.base)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // only read from
	info, err := f.Stat()
	if err != nil || info.Size() != size {
		return false
	}
	got := make([]byte, len(head))
	if _, err := io.ReadFull(f, got); err != nil || !bytes.Equal(got, head) {
		return false
	}
	t := tar.NewReader(f) // the archive goes on where the head ends
	for _, l := range layers {
		h, err := t.Next()
		if err != nil || h.Name != l.path() || h.Size != l.size {
			return false
		}
		if d, err := store.DigestReader(t); err != nil || d.Hex() != l.digest.Hex {
			return false
		}
	}
	return true
}
