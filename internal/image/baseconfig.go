package image

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"dram/internal/environ"
	"dram/internal/store"
)

// What an image takes over of its base's configuration, as FROM does: all that it does
// not set itself. Its PATH goes before dram's, and a user that is not root stays. A nil
// base has nothing.

// The annotations by which an image names its base (OCI image specification 1.1).
const (
	baseName   = "org.opencontainers.image.base.name"
	baseDigest = "org.opencontainers.image.base.digest"
)

const baseLayer = "base"

func (b *Base) user() string {
	if b == nil {
		return ""
	}
	return b.User
}

func (b *Base) labels() map[string]string {
	out := map[string]string{}
	if b != nil {
		maps.Copy(out, b.file.Config.Labels)
	}
	return out
}

func (b *Base) annotations() map[string]string {
	if b == nil {
		return nil
	}
	out := map[string]string{baseDigest: string(b.Digest)}
	if b.Ref != "" {
		out[baseName] = b.Ref
	}
	return out
}

// environment is that of an image: the base's, dram's own on top, the user's above all.
func (b *Base) environment(own, asked []string) []string {
	if b == nil {
		return environ.Merge(own, asked)
	}
	return environ.Merge(b.file.Config.Env, own, b.path(own), asked)
}

// path is the base's PATH, and of dram's what it lacks.
func (b *Base) path(own []string) []string {
	theirs, set := environ.Lookup(b.file.Config.Env, "PATH")
	if !set || theirs == "" {
		return nil
	}
	dirs := strings.Split(theirs, ":")
	for dir := range strings.SplitSeq(environ.Get(own, "PATH"), ":") {
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return []string{"PATH=" + strings.Join(dirs, ":")}
}

// inherited adds what an image does not set itself.
func (b *Base) inherited(c *v1.Config) {
	if b == nil {
		return
	}
	of := b.file.Config
	for _, both := range []struct{ own, theirs *map[string]struct{} }{{&c.ExposedPorts, &of.ExposedPorts}, {&c.Volumes, &of.Volumes}} {
		if *both.own == nil && len(*both.theirs) > 0 {
			*both.own = map[string]struct{}{}
		}
		maps.Copy(*both.own, *both.theirs)
	}
	if c.Healthcheck == nil {
		c.Healthcheck = of.Healthcheck
	}
}

// under has a configuration say what lies below.
func (b *Base) under(file *v1.ConfigFile) {
	if b == nil {
		return
	}
	own := file.History[len(b.layers):]
	file.History = append(b.history(), own...)
	file.Variant = cmp.Or(file.Variant, b.file.Variant)
	file.OSVersion, file.OSFeatures = b.file.OSVersion, b.file.OSFeatures
}

// history is the base's own, where that fits its layers.
func (b *Base) history() []v1.History {
	layers := 0
	for _, h := range b.file.History {
		if !h.EmptyLayer {
			layers++
		}
	}
	if layers == len(b.layers) {
		return slices.Clone(b.file.History)
	}
	return slices.Repeat([]v1.History{{Comment: baseLayer}}, len(b.layers))
}

// addenda are the base's layers, as an image has them below its own.
func (b *Base) addenda() (adds []mutate.Addendum) {
	if b == nil {
		return nil
	}
	for i, l := range b.layers {
		d := b.manifest.Layers[i]
		t, _ := baseMediaType(d.MediaType) // CheckBase knows all of them
		adds = append(adds, mutate.Addendum{Layer: l, MediaType: t, Annotations: d.Annotations, History: v1.History{Comment: baseLayer}})
	}
	return adds
}

// described are the base's layers, for people.
func (b *Base) described() (out []Layer) {
	if b == nil {
		return nil
	}
	for i, d := range b.manifest.Layers {
		out = append(out, Layer{
			Name: baseLayer, Digest: store.Digest(d.Digest.String()), DiffID: store.Digest(b.file.RootFS.DiffIDs[i].String()),
			Size: d.Size, Files: b.listing.Files[i], Reused: true,
		})
	}
	return out
}

// files are the base's, as places are looked up.
func (b *Base) files() map[string]systemFile {
	out := make(map[string]systemFile, len(b.nodes))
	for name, n := range b.nodes {
		f, dir := b.dir(name)
		if !dir {
			f = systemFile{Path: name, Mode: n.Mode, Link: n.Link}
		}
		out[name] = f
	}
	return out
}

// Said is what a user may not expect of an image on this base.
func (b *Base) Said() (out []string) {
	c := b.file.Config
	if len(c.Entrypoint) > 0 {
		out = append(out, "the entrypoint of base "+b.Name+" ("+strings.Join(c.Entrypoint, " ")+") does not start the image: the release's does; image.entrypoint names another")
	}
	if len(c.OnBuild) > 0 {
		out = append(out, "base "+b.Name+" asks for commands in images that are built on it (ONBUILD), which nothing runs here: "+strings.Join(c.OnBuild, "; "))
	}
	return out
}
