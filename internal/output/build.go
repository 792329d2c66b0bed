package output

import (
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/grammar"
	"dram/internal/image"
	"dram/internal/oci"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/source"
	"dram/internal/store"
	"dram/internal/ui"
)

// Build is a build as outputs are written from it.
type Build struct {
	*Result
	Plan  *plan.Plan
	Store *store.Store // which has the bytes
	UI    *ui.UI
	Dram  string // its version
	Arch  string // this machine's architecture, as Go names it
}

// Result is what a build came to. Its bytes are in the cache.
type Result struct {
	Release string        `json:"release"`
	Version string        `json:"version"`
	Tarball Blob          `json:"tarball"`
	Image   store.Digest  `json:"image,omitempty"` // of the manifest; "" if none was asked for
	Layers  []image.Layer `json:"layers,omitempty"`
	// Portable is the release with all that it needs, if that was asked for.
	Portable Blob `json:"portable,omitzero"`
	// Materials is what it was made of.
	Materials Materials `json:"materials,omitzero"`
	// Inventory is what the image holds, if that was asked for.
	Inventory *image.Inventory `json:"inventory,omitempty"`
	Failed    []string         `json:"failed,omitempty"` // rules that fail and were allowed by name
}

// Materials is what a result was made of, by digests.
type Materials struct {
	Toolchain string `json:"toolchain,omitempty"` // of what its root holds
	Source    string `json:"source,omitempty"`    // "" of a release that was built elsewhere
	// Revision is which commit the source is, nil where that is not asked for or not
	// known. It is no part of what is kept: another commit may have the same source.
	Revision *source.Revision `json:"-"`
}

// Blob is content in the cache.
type Blob struct {
	Digest store.Digest `json:"digest"`
	Size   int64        `json:"size"` // bytes
}

// ImageSize is the layers' size, compressed, in bytes.
func (r *Result) ImageSize() int64 {
	var n int64
	for _, l := range r.Layers {
		n += l.Size
	}
	return n
}

// OpenImage opens the image in the cache.
func (b *Build) OpenImage() (v1.Image, error) { return image.Open(b.Store, b.Image) }

// Names are what a release's image is called: NAME:VSN and NAME:latest. A
// version's build metadata ("1.0.0+abc") begins with an underscore in it, since
// tags know no plus.
func (r *Result) Names() []string { return imageNames(r.Release, r.Version) }

func imageNames(release, version string) []string {
	return []string{release + ":" + strings.ReplaceAll(version, "+", "_"), release + ":latest"}
}

// OpenPlatforms opens an image that was written for all of its platforms.
func OpenPlatforms(from ref.Ref, opts oci.Options) ([]v1.Image, error) {
	images, err := oci.Platforms(from, opts)
	if err != nil {
		return nil, problem.New(problem.Usage, "name a tar that dram image wrote, or an image layout: oci:DIR", "%w", err)
	}
	return images, nil
}

// OpenWritten opens an image that was written, a tar or a layout, and tells its
// names: those of its release, or one made of its digest.
func OpenWritten(from ref.Ref, opts oci.Options) (v1.Image, []string, error) {
	img, err := oci.Open(from, opts)
	if err != nil {
		return nil, nil, problem.New(problem.Usage, "name a tar that dram image wrote, or an image layout: oci:DIR", "%w", err)
	}
	m, err := img.Manifest()
	if err != nil {
		return nil, nil, fmt.Errorf("opening image %q: %w", from, err)
	}
	title, version := m.Annotations["org.opencontainers.image.title"], m.Annotations["org.opencontainers.image.version"]
	names := imageNames(title, version)
	if _, err := name.NewTag(names[0]); grammar.Name(title) != nil || version == "" || err != nil { // it names a release, and no place
		digest, err := img.Digest()
		return img, []string{"dram-run:" + digest.Hex[:12]}, err
	}
	return img, names, nil
}
