package image

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/oci"
	"dram/internal/problem"
	"dram/internal/rootfs"
	"dram/internal/store"
)

// BaseRecipe is part of what names an image on a base. Raise it whenever other files may
// be laid on one.
const BaseRecipe = 2

// Base is an image that another is made on top of. Its layers stay as they are; what
// it has is not added.
type Base struct {
	BaseOptions
	Digest store.Digest // of its manifest

	manifest *v1.Manifest
	file     *v1.ConfigFile
	layers   []v1.Layer
	listing  baseListing
	nodes    map[string]rootfs.Node // all that it has, by real names
	libs     map[string]bool        // names that its loaders find
	musl     map[bool]bool          // which kinds of C library it has
	listed   []SystemPackage        // what its system lists
}

// BaseOptions are what a base is opened from.
type BaseOptions struct {
	Name string // for people
	// Ref is how others find it, for the image's annotations; "" where nobody does.
	Ref   string
	Image v1.Image
	Root  rootfs.FS // its files
	User  string    // its user as numbers, "UID:GID"; "" for root
}

// baseListing is what only the layers tell of a base's files.
type baseListing struct {
	Dirs  map[string]baseDir `json:"dirs"`
	Files []int              `json:"files"` // how many each layer has
}

// baseDir is a directory as the base has it: a layer that has something in it has to
// say the same of it, or it would change.
type baseDir struct {
	Mode fs.FileMode `json:"mode"`
	UID  int         `json:"uid,omitempty"`
	GID  int         `json:"gid,omitempty"`
}

const baseHint = "choose a base of a Linux distribution with glibc, or without a C library (docs/images.md#on-top-of-a-base)"

// CheckBase finds what its manifest and configuration already tell against an image as
// a base.
func CheckBase(called string, img v1.Image) error {
	m, err := img.Manifest()
	if err != nil {
		return fmt.Errorf("reading base %q: %w", called, err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		return fmt.Errorf("reading base %q: %w", called, err)
	}
	if system := cmp.Or(file.OS, "linux"); system != "linux" {
		return problem.New(problem.Usage, "choose one for Linux", "base %q is for %s", called, system)
	}
	if len(m.Layers) != len(file.RootFS.DiffIDs) {
		return problem.New(problem.Usage, "fetch it anew, or choose another", "base %q is damaged: its manifest has %d layers, and its configuration %d", called, len(m.Layers), len(file.RootFS.DiffIDs))
	}
	for i, l := range m.Layers {
		if _, ok := baseMediaType(l.MediaType); !ok {
			return problem.New(problem.Usage, "choose a base that brings all its layers", "layer %d of base %q is of %q: an image cannot pass it on", i+1, called, l.MediaType)
		}
	}
	for at := range file.Config.Volumes {
		if at = strings.Trim(path.Clean(at), "/"); at == "" || at == appDir || strings.HasPrefix(at, appDir+"/") {
			return problem.New(problem.Usage, "choose a base without it", "base %q calls /%s a volume, which would hide the release in /%s", called, at, appDir)
		}
	}
	return nil
}

// baseMediaType is what an OCI manifest calls a layer of that type: the bytes are the
// same.
func baseMediaType(t types.MediaType) (types.MediaType, bool) {
	switch t { //nolint:exhaustive // others are no layers
	case types.OCILayer, types.OCILayerZStd, types.OCIUncompressedLayer:
		return t, true
	case types.DockerLayer:
		return types.OCILayer, true
	case types.DockerUncompressedLayer:
		return types.OCIUncompressedLayer, true
	}
	return t, false
}

// NewBase opens a base, and refuses one that no release can be laid on.
func NewBase(ctx context.Context, st *store.Store, opts BaseOptions) (*Base, error) {
	if err := CheckBase(opts.Name, opts.Image); err != nil {
		return nil, err
	}
	b := &Base{BaseOptions: opts}
	digest, err := opts.Image.Digest()
	if err == nil {
		b.Digest = store.Digest(digest.String())
		b.manifest, err = opts.Image.Manifest()
	}
	if err == nil {
		b.file, err = opts.Image.ConfigFile()
	}
	if err == nil {
		b.layers, err = opts.Image.Layers()
	}
	if err == nil {
		err = b.list(ctx, st)
	}
	if err == nil {
		err = b.walk()
	}
	if err == nil {
		err = b.loaders()
	}
	if err == nil {
		b.listed, err = b.packages()
	}
	if err = errors.Join(err, damage(opts.Root)); err != nil {
		return nil, fmt.Errorf("reading base %q: %w", opts.Name, err)
	}
	return b, b.room()
}

// room refuses a base that has something where the release goes.
func (b *Base) room() error {
	if at, there := b.nodes[appDir]; there && !at.Mode.IsDir() || b.below(appDir) {
		return problem.New(problem.Usage, "choose a base that leaves /"+appDir+" free", "base %q has files of its own at /%s, where the release goes", b.Name, appDir)
	}
	return nil
}

// below says whether something lies in a directory of the base.
func (b *Base) below(dir string) bool {
	for name := range b.nodes {
		if strings.HasPrefix(name, dir+"/") {
			return true
		}
	}
	return false
}

// list reads which directories the layers have and how many files, once for a base.
func (b *Base) list(ctx context.Context, st *store.Store) error {
	const recipe = "-1"
	if st.Get("base", b.Digest.Hex()+recipe, &b.listing) {
		return nil
	}
	b.listing.Dirs = map[string]baseDir{}
	for i, l := range b.layers {
		n, err := b.listLayer(ctx, l)
		if err != nil {
			return fmt.Errorf("layer %d: %w", i+1, err)
		}
		b.listing.Files = append(b.listing.Files, n)
	}
	return st.Put("base", b.Digest.Hex()+recipe, b.listing)
}

func (b *Base) listLayer(ctx context.Context, l v1.Layer) (files int, err error) {
	plain, err := oci.OpenTar(l)
	if err != nil {
		return 0, err
	}
	defer func() { _ = plain.Close() }() // only read
	t := tar.NewReader(store.WithContext(ctx, plain))
	for n := 0; ; n++ {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			return files, nil
		case err != nil:
			return 0, err
		case n >= maxEntries:
			return 0, fmt.Errorf("more than %d entries", maxEntries)
		case h.Typeflag != tar.TypeDir:
			files++
			continue
		}
		mode := fs.FileMode(h.Mode) & fs.ModePerm //nolint:gosec // its permission bits
		if h.Mode&0o1000 != 0 {
			mode |= fs.ModeSticky
		}
		b.listing.Dirs[rootfs.Clean(path.Clean("/"+h.Name))] = baseDir{mode, h.Uid, h.Gid}
	}
}

// walk takes in what the base has.
func (b *Base) walk() error {
	b.nodes = map[string]rootfs.Node{}
	return fs.WalkDir(b.Root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if len(b.nodes) >= maxEntries {
			return fmt.Errorf("more than %d files", maxEntries)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		n := rootfs.Node{Mode: info.Mode() & (fs.ModeDir | fs.ModeSticky | fs.ModePerm), Size: info.Size()}
		switch {
		case d.IsDir():
			if known, ok := b.listing.Dirs[name]; ok {
				n.Mode = fs.ModeDir | known.Mode
			}
		case info.Mode()&fs.ModeSymlink != 0:
			if n.Link, err = b.Root.ReadLink(name); err != nil {
				return err
			}
			n.Mode = fs.ModeSymlink | 0o777
		case info.Mode().IsRegular():
			n.Open = func() (fs.File, error) { return b.Root.Open(name) }
		default:
			return nil
		}
		b.nodes[name] = n
		return nil
	})
}

// loaders finds the base's loaders and the names of libraries that they find.
func (b *Base) loaders() error {
	loader, err := rootfs.NewLoader(b.Root)
	if err != nil {
		return err
	}
	b.libs, b.musl = map[string]bool{}, map[bool]bool{}
	dirs := loader.Directories()
	for _, i := range loader.Interpreters() {
		b.musl[i.Musl] = true
		dirs = append(dirs, path.Dir(i.Path))
	}
	for _, dir := range dirs {
		entries, err := b.Root.ReadDir(strings.TrimPrefix(dir, "/"))
		if err != nil {
			continue // not every folder that a loader looks in is there
		}
		for _, e := range entries {
			if strings.Contains(e.Name(), ".so") {
				b.libs[e.Name()] = true
			}
		}
	}
	return nil
}

// Suits refuses a base whose C library is not the kind that the root's releases need:
// they would load both, or neither.
func (b *Base) Suits(root rootfs.FS) error {
	if len(b.musl) == 0 {
		return nil // a base without a loader is given the root's
	}
	loader, err := rootfs.NewLoader(root)
	if err != nil {
		return fmt.Errorf("reading the loader's configuration: %w", err)
	}
	kinds := loader.Interpreters()
	if len(kinds) == 0 || slices.ContainsFunc(kinds, func(i rootfs.Interpreter) bool { return b.musl[i.Musl] }) {
		return nil
	}
	name := map[bool]string{true: "musl", false: "glibc"}
	ours, theirs := name[kinds[0].Musl], name[!kinds[0].Musl]
	return problem.New(problem.Usage, "choose a base with "+ours+" or without a C library, or a toolchain with "+theirs+": --toolchain image:REF",
		"base %q has the C library %s, and the toolchain's releases need %s: a second one would be laid beside it, which no package of the base's keeps up to date", b.Name, theirs, ours)
}
