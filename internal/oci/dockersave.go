package oci

import (
	"encoding/json"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"dram/internal/registry"
)

// saved is an image in the manifest.json of docker save.
type saved struct {
	Config string
	Layers []string
}

// fromDockerSave opens what docker save wrote before Docker 25. The library that
// reads it has no bounds of its own, and takes the first of two files of one
// name: there must be one of each, of the size of an image's.
func fromDockerSave(a *archive) (v1.Image, error) {
	image, err := readSaved(a)
	if err != nil {
		return nil, err
	}
	config, err := a.one(image.Config)
	if err != nil {
		return nil, err
	}
	manifest := v1.Manifest{Config: v1.Descriptor{Size: config.size}}
	for _, name := range image.Layers {
		layer, err := a.one(name)
		if err != nil {
			return nil, err
		}
		manifest.Layers = append(manifest.Layers, v1.Descriptor{Size: layer.size})
	}
	if err := registry.CheckSizes(&manifest); err != nil {
		return nil, err
	}
	raw, err := readSmall(a.at(config), image.Config)
	if err != nil {
		return nil, err
	}
	if err := checkConfig(raw, len(image.Layers)); err != nil {
		return nil, err
	}
	return tarball.Image(func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(a.body, 0, a.size)), nil }, nil)
}

// readSaved reads the one image of manifest.json.
func readSaved(a *archive) (saved, error) {
	list, err := a.one("manifest.json")
	if err != nil {
		return saved{}, err
	}
	raw, err := readSmall(a.at(list), "manifest.json")
	if err != nil {
		return saved{}, err
	}
	return parseSaved(raw)
}

func parseSaved(raw []byte) (saved, error) {
	var all []saved
	if err := json.Unmarshal(raw, &all); err != nil {
		return saved{}, fmt.Errorf("parsing manifest.json: %w", err)
	}
	switch {
	case len(all) != 1:
		return saved{}, fmt.Errorf("it holds %d images, and one is wanted", len(all))
	case len(all[0].Layers) > registry.MaxLayers:
		return saved{}, fmt.Errorf("the image has %d layers, more than %d", len(all[0].Layers), registry.MaxLayers)
	}
	return all[0], nil
}
