// Package oci reads images wherever they lie: in an OCI image layout (image
// specification 1.1), in a tar of one, in what docker save writes, in a registry
// (distribution specification 1.1), in dram's own cache. What comes out is an
// image in the terms of go-containerregistry, which keeps its digest.
//
// All of them are taken to be hostile. Indexes, manifests and configurations are
// bounded, and verified before they are believed; a layer's reader gives as many
// bytes as the manifest says, or fails, and whoever takes them verifies them. Of
// files, regular ones are read, and none that lies outside of its layout.
package oci

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/registry"
)

// Manifest is what names an image's parts, or an index of images.
type Manifest struct {
	Raw       []byte
	MediaType types.MediaType
}

// Blobs opens a blob, wherever it lies.
type Blobs func(v1.Descriptor) (io.ReadCloser, error)

// exact is open, with blobs that are as long as they should be, or whose readers fail.
func (open Blobs) exact() Blobs {
	return func(d v1.Descriptor) (io.ReadCloser, error) {
		r, err := open(d)
		if err != nil {
			return nil, err
		}
		return registry.Exactly(r, d.Size), nil
	}
}

// New is the image with that manifest. Its configuration is read now, by config,
// and its layers when they are asked for.
func New(m Manifest, config, layers Blobs) (v1.Image, error) {
	parsed, err := v1.ParseManifest(bytes.NewReader(m.Raw))
	if err != nil {
		return nil, fmt.Errorf("parsing the manifest: %w", err)
	}
	if parsed.Config.Digest.Hex == "" {
		return nil, fmt.Errorf("its manifest (%s) names no configuration: an image of a form that is no longer in use", m.MediaType)
	}
	if err := registry.CheckSizes(parsed); err != nil {
		return nil, err
	}
	img := &image{Manifest: m, parsed: parsed, layers: layers.exact()}
	for _, d := range img.blobs() {
		if d.Digest.Algorithm != "sha256" {
			return nil, fmt.Errorf("blob %s: only sha256 is known here", d.Digest)
		}
	}
	if img.config, err = readVerified(config.exact(), parsed.Config); err != nil {
		return nil, err
	}
	if err := checkConfig(img.config, len(parsed.Layers)); err != nil {
		return nil, err
	}
	return partial.CompressedToImage(img)
}

// checkConfig sees that a configuration is one of an image of so many layers.
func checkConfig(raw []byte, layers int) error {
	file, err := v1.ParseConfigFile(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("its configuration is none of an image: %w", err)
	}
	if got := len(file.RootFS.DiffIDs); got != layers {
		return fmt.Errorf("its configuration names %d layers, its manifest %d: engines refuse such an image", got, layers)
	}
	return nil
}

// readVerified reads a small blob and sees that it is the one.
func readVerified(open Blobs, want v1.Descriptor) ([]byte, error) {
	if want.Size > registry.MaxManifest {
		return nil, fmt.Errorf("%s is larger than %d bytes", want.Digest, registry.MaxManifest)
	}
	r, err := open(want)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(r, registry.MaxManifest+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	if int64(len(raw)) != want.Size || want.Digest != (v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}) {
		return nil, fmt.Errorf("blob %s is damaged", want.Digest)
	}
	return raw, nil
}

// image is an image in the terms of go-containerregistry.
type image struct {
	Manifest
	parsed *v1.Manifest
	config []byte
	layers Blobs
}

func (i *image) blobs() []v1.Descriptor {
	return append(slices.Clone(i.parsed.Layers), i.parsed.Config)
}

func (i *image) RawManifest() ([]byte, error)        { return i.Raw, nil }
func (i *image) RawConfigFile() ([]byte, error)      { return i.config, nil }
func (i *image) MediaType() (types.MediaType, error) { return i.Manifest.MediaType, nil }

func (i *image) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, d := range i.blobs() {
		if d.Digest == h {
			return layer{d, i.layers}, nil
		}
	}
	return nil, fmt.Errorf("the image has no layer %s", h)
}

type layer struct {
	desc v1.Descriptor
	open Blobs
}

func (l layer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l layer) Size() (int64, error)                { return l.desc.Size, nil }
func (l layer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }

func (l layer) Compressed() (io.ReadCloser, error) {
	r, err := l.open(l.desc)
	if err != nil && len(l.desc.URLs) > 0 {
		return nil, fmt.Errorf("%w: it is a layer that images do not bring, but name the address of (%s)", err, l.desc.MediaType)
	}
	return r, err
}

// LayerNames are what an image's history calls its layers, in their order: dram's name
// for one that it made, else the command.
func LayerNames(config *v1.ConfigFile) (names []string) {
	for _, h := range config.History {
		if !h.EmptyLayer {
			names = append(names, cmp.Or(h.Comment, h.CreatedBy))
		}
	}
	return names
}
