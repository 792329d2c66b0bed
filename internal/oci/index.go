package oci

import (
	"encoding/json"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/registry"
)

const maxNesting = 3 // of indexes in indexes

// ParseIndex reads an index of images, as index.json is one.
func ParseIndex(raw []byte) (*v1.IndexManifest, error) {
	if len(raw) > registry.MaxManifest {
		return nil, fmt.Errorf("index.json is larger than %d bytes", registry.MaxManifest)
	}
	var index v1.IndexManifest
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, fmt.Errorf("parsing index.json: %w", err)
	}
	if index.SchemaVersion != 2 {
		return nil, fmt.Errorf("index.json has schema version %d, expected 2", index.SchemaVersion)
	}
	for i, m := range index.Manifests {
		if m.Digest.Hex == "" {
			return nil, fmt.Errorf("entry %d of index.json has no digest", i)
		}
	}
	return &index, nil
}

// follow goes from an index to the manifest of the image that choose takes of it.
func follow(m Manifest, arch string, choose Choice, get func(v1.Descriptor) (Manifest, error)) (Manifest, error) {
	for range maxNesting {
		if !m.MediaType.IsIndex() {
			return m, nil
		}
		index, err := ParseIndex(m.Raw)
		if err != nil {
			return m, err
		}
		entry, err := choose(index.Manifests, arch)
		if err != nil {
			return m, err
		}
		if m, err = get(entry); err != nil {
			return m, err
		}
	}
	if m.MediaType.IsIndex() {
		return m, errors.New("too many indexes in indexes")
	}
	return m, nil
}

// Choice takes an image, or an index of images, of an index's entries.
type Choice func(entries []v1.Descriptor, arch string) (v1.Descriptor, error)

// First takes the first for linux/arch.
func First(entries []v1.Descriptor, arch string) (v1.Descriptor, error) {
	for _, d := range entries {
		if isImage(d) && fits(d, arch) {
			return d, nil
		}
	}
	return v1.Descriptor{}, fmt.Errorf("the index has no image for linux/%s", arch)
}

// Only takes the only one, or the only one for linux/arch.
func Only(entries []v1.Descriptor, arch string) (v1.Descriptor, error) {
	var all, fitting []v1.Descriptor
	seen := map[v1.Hash]bool{} // one image may have several names
	for _, d := range entries {
		if seen[d.Digest] || !isImage(d) || d.Platform != nil && d.Platform.OS == "unknown" {
			continue // no image: what BuildKit attests of one
		}
		seen[d.Digest] = true
		all = append(all, d)
		if fits(d, arch) {
			fitting = append(fitting, d)
		}
	}
	switch {
	case len(all) == 1:
		return all[0], nil
	case len(fitting) == 1:
		return fitting[0], nil
	case len(all) == 0:
		return v1.Descriptor{}, noImage(entries)
	}
	return v1.Descriptor{}, fmt.Errorf("it holds %d images, and one is wanted", len(all))
}

// noImage says of what is none why.
func noImage(entries []v1.Descriptor) error {
	for _, d := range entries {
		switch {
		case d.Digest.Algorithm != "" && d.Digest.Algorithm != "sha256":
			return fmt.Errorf("it holds no image that is named by its sha256: one is named by %s", d.Digest.Algorithm)
		case d.MediaType.IsSchema1():
			return fmt.Errorf("it holds no image but one of a form that is no longer in use (%s)", d.MediaType)
		}
	}
	return errors.New("it holds no image")
}

func isImage(d v1.Descriptor) bool {
	return d.Digest.Algorithm == "sha256" && (d.MediaType.IsImage() || d.MediaType.IsIndex())
}

func fits(d v1.Descriptor, arch string) bool {
	return d.Platform == nil || d.Platform.OS == "linux" && d.Platform.Architecture == arch
}
