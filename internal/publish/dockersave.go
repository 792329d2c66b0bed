package publish

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"dram/internal/registry"
)

// maxLinks is how many links in a tar are followed to a layer: docker save wrote
// one for a layer that was there already.
const maxLinks = 8

// saved is an image in the manifest.json of docker save.
type saved struct {
	Config string
	Layers []string
}

// fromDockerSave opens what docker save wrote before Docker 25. The library that
// reads it has no bounds of its own, and takes the first of two files of one
// name: there must be one of each, of the size of an image's.
func fromDockerSave(at string, in archive) (v1.Image, error) {
	image, err := readSaved(tarSource{at, in.files}, in)
	if err != nil {
		return nil, err
	}
	config, err := in.one(image.Config)
	if err != nil {
		return nil, err
	}
	manifest := v1.Manifest{Config: v1.Descriptor{Size: config.size}}
	for _, name := range image.Layers {
		layer, err := in.one(name)
		if err != nil {
			return nil, err
		}
		manifest.Layers = append(manifest.Layers, v1.Descriptor{Size: layer.size})
	}
	if err := registry.CheckSizes(&manifest); err != nil {
		return nil, err
	}
	return tarball.ImageFromPath(at, nil)
}

// readSaved reads the one image of manifest.json.
func readSaved(src source, in archive) (saved, error) {
	if _, err := in.one("manifest.json"); err != nil {
		return saved{}, err
	}
	raw, err := readSource(src, "manifest.json")
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

// one is the only file of that name, at the end of links.
func (a archive) one(name string) (section, error) {
	asked := name
	for range maxLinks {
		name = path.Clean(name)
		if a.times[name] > 1 {
			return section{}, fmt.Errorf("the tar has %d entries named %q", a.times[name], name)
		}
		if at, ok := a.files[name]; ok {
			return at, nil
		}
		to, ok := a.links[name]
		if !ok {
			return section{}, fmt.Errorf("the tar has no %q: %w", name, fs.ErrNotExist)
		}
		name = path.Join(path.Dir(name), path.Clean(to))
	}
	return section{}, errors.New("following " + asked + ": too many links")
}
