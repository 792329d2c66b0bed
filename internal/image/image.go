// Package image bottles a release: from scratch, the release and the files
// outside it that it needs (its closure), as an OCI image of four layers, by how
// rarely each changes: the system, the runtime (ERTS, OTP, Elixir), the
// dependencies, the project's own code with the release's metadata. It makes
// the release's tarball as well.
//
// The release lies in /app, owned by root and readable by all, so that any user
// id can run it on a read-only root; the image's own user is 65532. The image
// and the tarball hold no releases/COOKIE: lines at the end of a script that each
// command runs find or make the cookie at the start (tool.Cookie).
//
// Formats: OCI image specification 1.1. The same release, root and options give
// the same digest.
package image

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"dram/internal/distro"
	"dram/internal/layer"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/store"
	"dram/internal/tool/tools"
)

// Recipe is part of what names an image. Raise it whenever an image's bytes may
// change though release, root and options do not. 7: they start by an init; 8: they may
// have no shell; 9: what does without one is compiled anew; 10: and knows more
// versions of scripts, and asks after health; 11: native files have no DWARF.
const Recipe = 11

// Options are what an image depends on besides the release. Only Root is
// needed.
type Options struct {
	Root rootfs.FS // the toolchain's root, which the closure comes from
	// RootKey names Root's content, as its digest does. With it, the closure is
	// kept, and Root is not even read if nothing that needs it changed.
	RootKey string

	Base *Base // nil: from scratch

	OS, Architecture, Variant string // default linux, amd64
	Programs                  []string
	Contents
	Inventory    bool     // Image.Inventory is asked for
	Volumes      []string // "/data"
	Healthcheck  *Healthcheck
	Shell        Shell
	User         string // "UID:GID", default DefaultUser
	Env          []string
	Labels       map[string]string
	ExposedPorts []string // "4000/tcp"
	Entrypoint   []string // default /app/bin/NAME; a program of the release gets the init
	Cmd          []string // default start
	Epoch        int64    // SOURCE_DATE_EPOCH; 0 is layer.DefaultEpoch
	Compression  layer.Compression
}

// Shell says whether an image has a shell.
type Shell int

// An image has one unless it is to have none: programs then take the place of scripts.
const (
	WithShell Shell = iota
	NoShell
)

// Contents is what an image has besides what the release needs.
type Contents struct {
	Packages []string // of the root, whole, and what they depend on
	// Offered are more of them, as far as the root has them.
	Offered     []distro.Want
	TimeZones   bool
	Locales     []string // "de_DE.UTF-8"
	PackageList bool     // where scanners look for it
	KeepDebug   bool     // what debuggers alone read of the release's native files
	Extra       []Extra  // of the user's own
}

// Layer describes one layer.
type Layer struct {
	Name             string
	Digest, DiffID   store.Digest
	Size             int64 // bytes, compressed
	UncompressedSize int64
	Files            int
	Reused           bool // nothing of it was compressed now
}

// Image is a finished image. Its blobs are in the store.
type Image struct {
	OCI      v1.Image
	Digest   store.Digest // of the manifest
	Layers   []Layer
	Programs []Program          // of the root, and why
	Missing  []rootfs.Missing   // what the release needs and the root lacks
	Excluded []release.Excluded // of the release, and why
	// Inventory is what it holds and where that is from, with Options.Inventory.
	Inventory *Inventory
}

// Size is the layers' size, compressed, in bytes.
func (i *Image) Size() int64 {
	var n int64
	for _, l := range i.Layers {
		n += l.Size
	}
	return n
}

// Draft is an image of which it is decided what it holds, and of which nothing
// is written. It does not change once made.
type Draft struct {
	st       *store.Store
	rel      *release.Release
	opts     Options
	files    []File // of the release, as they ship
	excluded []release.Excluded
	sys      *system
	extra    extras
	// bare is what is built in its place where there is to be no shell. What is looked at
	// is the draft with one: the programs in place of scripts do as these would.
	bare *Draft
}

// NewDraft decides what the image of a release holds.
func NewDraft(st *store.Store, rel *release.Release, opts Options) (*Draft, error) {
	if err := hasErlang(rel); err != nil {
		return nil, err
	}
	d := &Draft{st: st, rel: rel, opts: opts.withDefaults(rel)}
	d.opts.Shell = WithShell
	var kept []release.File
	kept, d.excluded = rel.ForImage(tools.Boot(rel).Exclude)
	var err error
	if d.files, err = contents(rel, kept, staying{links: true, debug: d.opts.KeepDebug}); err != nil {
		return nil, err
	}
	if opts.Base != nil {
		if err := opts.Base.Suits(opts.Root); err != nil {
			return nil, err
		}
	}
	if d.sys, err = findSystem(st, rel, d.files, d.opts); err != nil {
		return nil, fmt.Errorf("finding the files that release %q needs: %w", rel.Name, err)
	}
	if err := d.place(); err != nil {
		return nil, err
	}
	if err := d.starts(opts.Entrypoint); err != nil || opts.Shell != NoShell {
		return d, err
	}
	d.bare, err = d.withoutShell()
	return d, err
}

// Build makes the image, or finds its layers in the store.
func (d *Draft) Build(ctx context.Context) (*Image, error) {
	if d.bare != nil {
		return d.bare.Build(ctx)
	}
	plans := plan(d.sys, d.files, d.extra.entries, d.opts.Root)
	archives, err := pack(ctx, d.st, plans, d.opts)
	if err != nil {
		return nil, err
	}
	img := &Image{Programs: d.sys.Programs, Missing: d.sys.Missing, Excluded: d.excluded, Inventory: d.inventory(), Layers: d.opts.Base.described()}
	for i, a := range archives {
		img.Layers = append(img.Layers, Layer{
			Name: plans[i].name, Digest: a.Digest, DiffID: a.DiffID, Size: a.Size,
			UncompressedSize: a.UncompressedSize, Files: plans[i].files(), Reused: a.Reused == a.Members,
		})
	}
	if img.OCI, err = assemble(d.rel, plans, archives, d.opts); err != nil {
		return nil, fmt.Errorf("writing the image's manifest: %w", err)
	}
	digest, err := img.OCI.Digest()
	img.Digest = store.Digest(digest.String())
	return img, err
}

// hasErlang refuses a release that counts on an Erlang of the machine: an image
// has none but the release's.
func hasErlang(rel *release.Release) error {
	if rel.ERTS != "" {
		return nil
	}
	return problem.New(problem.Usage,
		"set include_erts: true where the release is declared ("+tools.All().Declared()+"),\n"+
			"or build only the tarball: dram build",
		"release %q brings no Erlang (include_erts: false), and an image has no other", rel.Name)
}

// layerPlan is a layer before it is packed.
type layerPlan struct {
	name   string
	groups []layer.Group
}

func (p layerPlan) files() int {
	n := 0
	for _, g := range p.groups {
		for _, e := range g.Entries {
			if !e.Mode.IsDir() {
				n++
			}
		}
	}
	return n
}

// plan lays everything out. What changes rarely is compressed as one, for size;
// dependencies and own applications each by itself, for speed.
func plan(sys *system, files []File, extra []layer.Entry, root rootfs.FS) []layerPlan {
	base := layer.Group{Name: systemLayer, Dense: true}
	for _, f := range sys.Files {
		base.Entries = append(base.Entries, f.entry(root))
	}
	var runtime, deps, own []File
	for _, f := range files {
		f.Path = appDir + "/" + f.Path
		switch f.Origin {
		case release.ERTS, release.OTP, release.Elixir:
			runtime = append(runtime, f)
		case release.Dependency:
			deps = append(deps, f)
		case release.Own, release.Metadata:
			own = append(own, f)
		}
	}
	var added []layer.Group
	if len(extra) > 0 {
		added = []layer.Group{{Name: extraLayer, Entries: extra}}
	}
	plans := []layerPlan{
		{systemLayer, []layer.Group{base}},
		{"runtime", whole(runtime)},
		{"dependencies", densely(byApp(deps, func(f File) string { return f.App }))},
		{"application", byApp(own, func(f File) string { return f.App })},
		{extraLayer, added},
	}
	var out []layerPlan
	for _, p := range plans {
		if len(p.groups) > 0 { // no layer for nothing: not every release has dependencies
			out = append(out, p)
		}
	}
	return out
}

func whole(files []File) []layer.Group {
	if len(files) == 0 {
		return nil
	}
	g := layer.Group{Name: "runtime", Dense: true}
	for _, f := range files {
		g.Entries = append(g.Entries, f.Entry)
	}
	return []layer.Group{g}
}

func densely(groups []layer.Group) []layer.Group {
	for i := range groups {
		groups[i].Dense = true
	}
	return groups
}

func pack(ctx context.Context, st *store.Store, plans []layerPlan, opts Options) ([]*layer.Archive, error) {
	archives := make([]*layer.Archive, len(plans))
	g, ctx := errgroup.WithContext(ctx)
	for i, p := range plans {
		g.Go(func() error {
			a, err := layer.Build(ctx, st, p.groups, layer.Options{Epoch: opts.Epoch, Compression: opts.Compression})
			if err != nil {
				return fmt.Errorf("packing layer %q: %w", p.name, err)
			}
			archives[i] = a
			return nil
		})
	}
	return archives, g.Wait()
}
