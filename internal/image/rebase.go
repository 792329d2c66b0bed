package image

import (
	"context"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/distro"
	"dram/internal/layer"
	"dram/internal/rootfs"
	"dram/internal/store"
)

// Names of layers, as an image's history has them.
const (
	systemLayer = "system"
	extraLayer  = "files"
	author      = "dram"
)

// Layered says whether dram made an image of this configuration: its first layer is
// then the system that the release needs, and nothing else has that.
func Layered(file *v1.ConfigFile) bool {
	return len(file.History) > 0 && file.History[0].Comment == systemLayer && file.History[0].CreatedBy == author &&
		len(file.RootFS.DiffIDs) == len(file.History)
}

// Below is how many layers of an image lie below those that dram made: its base's. It is
// 0 for an image that dram made from scratch, and for one that it did not make.
func Below(file *v1.ConfigFile) int {
	n := 0
	for _, h := range file.History {
		switch {
		case h.EmptyLayer:
		case h.Comment == systemLayer && h.CreatedBy == author:
			return n
		default:
			n++
		}
	}
	return 0
}

// ExtraLayer is which layer of an image holds what the user added, -1 if none does.
func ExtraLayer(file *v1.ConfigFile) int {
	return slices.IndexFunc(file.History, func(h v1.History) bool { return h.Comment == extraLayer })
}

// Asked is what the user had put into a system layer, as far as its paths tell: what
// the release needs by itself is found again without it.
func Asked(paths []string) (programs []string, c Contents) {
	locales := map[string]bool{}
	for _, name := range paths {
		dir, base := path.Split(name)
		switch {
		case slices.Contains([]string{"bin/", "sbin/", "usr/bin/", "usr/sbin/", "usr/local/bin/"}, dir):
			programs = append(programs, base)
		case strings.HasPrefix(name, zones+"/"):
			c.TimeZones = true
		case strings.HasPrefix(name, "usr/lib/locale/"):
			locale, _, _ := strings.Cut(strings.TrimPrefix(name, "usr/lib/locale/"), "/")
			locales[locale] = true
		case distro.Lists(name):
			c.PackageList = true
		}
	}
	for locale := range locales {
		if language, modifier, _ := strings.Cut(locale, ".utf8"); language != locale && language != "C" {
			c.Locales = append(c.Locales, language+".UTF-8"+modifier)
		}
	}
	slices.Sort(c.Locales)
	slices.Sort(programs)
	return slices.Compact(programs), c
}

// versioned is the file of a library, which is found again where something needs it.
var versioned = regexp.MustCompile(`\.so(\.[0-9]+)+$`)

// Lost are the paths of a system layer that the draft's has no file for, but for
// libraries that nothing needs any more.
func (d *Draft) Lost(paths []string) (lost []string) {
	has := map[string]bool{}
	for _, f := range d.sys.Files {
		has[f.Path] = true
	}
	for _, name := range paths {
		if !has[name] && !versioned.MatchString(name) && !distro.Lists(name) {
			lost = append(lost, name)
		}
	}
	return lost
}

// Owners are the packages of the toolchain that have the paths.
func (d *Draft) Owners(paths []string) ([]string, error) {
	inv, err := distro.ReadInventory(d.opts.Root)
	if err != nil || inv == nil {
		return nil, err
	}
	owners := map[string]bool{}
	for _, name := range paths {
		if real, _, err := rootfs.Trace(d.opts.Root, name); err == nil {
			if p, ok := inv.Owner(real); ok {
				owners[p.Name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(owners)), nil
}

// Packages are those whose files the system layer has, where Options ask for them.
func (d *Draft) Packages() []SystemPackage { return d.sys.Packages }

// Digests are those of the system layer's files, by path.
func (d *Draft) Digests() map[string]store.Digest {
	out := map[string]store.Digest{}
	for _, f := range d.sys.Files {
		if f.Digest != "" {
			out[f.Path] = f.Digest
		}
	}
	return out
}

// Under is an image with the draft's system layer in place of its own. The other
// layers and the configuration stay as they are, byte by byte.
func (d *Draft) Under(ctx context.Context, old v1.Image) (*Image, error) {
	format, err := formatOf(old)
	if err != nil {
		return nil, err
	}
	plans, opts := plan(d.sys, nil, nil, d.opts.Root)[:1], d.opts
	opts.Compression.Format = format
	archives, err := pack(ctx, d.st, plans, opts)
	if err != nil {
		return nil, err
	}
	a := archives[0]
	out := &Image{Programs: d.sys.Programs, Missing: d.sys.Missing}
	out.Layers = []Layer{{
		Name: systemLayer, Digest: a.Digest, DiffID: a.DiffID, Size: a.Size,
		UncompressedSize: a.UncompressedSize, Files: plans[0].files(), Reused: a.Reused == a.Members,
	}}
	if out.OCI, err = d.onto(ctx, old, a, out); err != nil {
		return nil, fmt.Errorf("writing the image's manifest: %w", err)
	}
	digest, err := out.OCI.Digest()
	out.Digest = store.Digest(digest.String())
	return out, err
}

// formatOf is how an image's layers are compressed: by the first, which is replaced.
func formatOf(img v1.Image) (layer.Format, error) {
	m, err := img.Manifest()
	if err != nil || len(m.Layers) == 0 || m.Layers[0].MediaType != types.OCILayerZStd {
		return layer.Gzip, err
	}
	return layer.Zstd, nil
}

// onto puts the layers of an image, but for the first, onto another.
func (d *Draft) onto(ctx context.Context, old v1.Image, a *layer.Archive, out *Image) (v1.Image, error) {
	file, err := old.ConfigFile()
	if err != nil {
		return nil, err
	}
	m, err := old.Manifest()
	if err != nil {
		return nil, err
	}
	layers, err := old.Layers()
	if err != nil {
		return nil, err
	}
	if len(layers) != len(file.History) || len(layers) != len(m.Layers) {
		return nil, fmt.Errorf("the image has %d layers, and its history %d", len(layers), len(file.History))
	}
	adds := []mutate.Addendum{{Layer: blob{a}, MediaType: mediaType(a), History: file.History[0]}}
	for i, l := range layers[1:] {
		desc, h := m.Layers[i+1], file.History[i+1]
		if err := d.take(ctx, l, desc); err != nil {
			return nil, fmt.Errorf("reading layer %d: %w", i+2, err)
		}
		adds = append(adds, mutate.Addendum{Layer: l, MediaType: desc.MediaType, History: h, Annotations: desc.Annotations})
		out.Layers = append(out.Layers, Layer{
			Name: h.Comment, Digest: store.Digest(desc.Digest.String()), DiffID: store.Digest(file.RootFS.DiffIDs[i+1].String()),
			Size: desc.Size, Reused: true,
		})
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, m.MediaType), m.Config.MediaType)
	img, err := mutate.Append(base, adds...)
	if err != nil {
		return nil, err
	}
	return configured(img, file, m.Annotations)
}

// configured gives an image the configuration of another, but for what names layers.
func configured(img v1.Image, of *v1.ConfigFile, annotations map[string]string) (v1.Image, error) {
	now, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file := of.DeepCopy()
	file.RootFS, file.History = now.RootFS, now.History
	if img, err = mutate.ConfigFile(img, file); err != nil {
		return nil, err
	}
	out, ok := mutate.Annotations(img, annotations).(v1.Image)
	if !ok {
		return nil, fmt.Errorf("annotating %T gave no image", img)
	}
	return out, nil
}

// take puts a layer of another image into the store, where images are written from.
func (d *Draft) take(ctx context.Context, l v1.Layer, desc v1.Descriptor) error {
	want := store.Digest(desc.Digest.String())
	if d.st.HasBlob(want, desc.Size) {
		return nil
	}
	r, err := l.Compressed()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // only read
	_, _, err = d.st.PutBlob(ctx, r, want)
	return err
}
