package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/check"
	"dram/internal/distro"
	"dram/internal/image"
	"dram/internal/inspect"
	"dram/internal/layer"
	"dram/internal/output"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/store"
	"dram/internal/target"
	"dram/internal/tool/tools"
	"dram/internal/toolchain"
)

// rebasing is an image on its way onto another system.
type rebasing struct {
	plan   *plan.Plan
	from   ref.Ref
	img    v1.Image
	config *v1.ConfigFile
	found  found
	was    rootfs.FS // the image's root
	old    *inspect.Report
	tc     *toolchain.Toolchain
	root   toolchain.RootFS // the toolchain's
	system []string         // paths of the system layer that the image has
}

// Rebase puts a system layer of the plan's toolchain under an image that dram made, in
// place of the one that it has. The release and all else stay as they are, and are
// checked against the new system.
// Without a toolchain that was set it is the newest of the image's own distribution.
func (p *Pipeline) Rebase(ctx context.Context, pl *plan.Plan, from ref.Ref, set string) (*output.Result, error) {
	if err := possible(pl.Check); err != nil {
		return nil, err
	}
	r := &rebasing{plan: pl, from: from}
	if err := p.openOld(ctx, r); err != nil {
		return nil, err
	}
	defer r.found.done()
	was, err := rootfs.Dir(r.found.root)
	if err != nil {
		return nil, err
	}
	defer func() { _ = was.Close() }() // only read
	r.was = was
	if tools.Boot(r.found.rel).Launched != nil {
		return nil, problem.New(problem.Usage, "make the image anew on the new system: dram image", "image %q has no shell (image.shell = false), and is not rebased", from)
	}
	if err := p.openNew(ctx, r, set); err != nil {
		return nil, err
	}
	defer func() { _ = r.root.Close() }() // only read
	out, err := p.rebase(ctx, r)
	return out, p.diskFull(damaged(r.root, err))
}

// openOld reads the image that is there.
func (p *Pipeline) openOld(ctx context.Context, r *rebasing) (err error) {
	if r.img, err = p.Toolchains.Image(ctx, r.from, toolchain.Options{Refresh: p.Refresh, As: ReleaseUse()}); err != nil {
		return err
	}
	if r.config, err = r.img.ConfigFile(); err != nil {
		return fmt.Errorf("reading image %q: %w", r.from, err)
	}
	if image.Below(r.config) > 0 {
		return problem.New(problem.Usage, "make it anew on the new base: dram image RELEASE --base REF; nothing is compiled", "image %q was made on top of a base, and is not rebased", r.from)
	}
	if !image.Layered(r.config) {
		return problem.New(problem.Usage, "make one of the release: dram image RELEASE", "image %q was not made by dram: which of its layers is the system is not known", r.from)
	}
	if now := r.config.OS + "/" + r.config.Architecture; now != r.plan.Platform {
		return problem.New(problem.Usage, "name a toolchain of that platform: --platform "+now, "image %q is of %s, and the toolchain of %s", r.from, now, r.plan.Platform)
	}
	if r.old, err = inspect.Image(ctx, r.from.String(), r.img); err != nil {
		return err
	}
	for _, f := range r.old.Files {
		if f.Layer == 0 {
			r.system = append(r.system, f.Path)
		}
	}
	r.found, err = p.openAny(ctx, r.from, r.img)
	return err
}

// openNew opens the toolchain: the one that was set, or else the newest of the system
// that the image has.
func (p *Pipeline) openNew(ctx context.Context, r *rebasing, name string) (err error) {
	if name == "" {
		is := distro.Identify(r.was)
		system := is.ID + "/" + cmp.Or(is.Version, is.Codename)
		if !toolchain.HasDistro(system) {
			return problem.New(problem.Usage, "name the toolchain with the new system: --toolchain", "image %q is of %q, which dram makes no toolchain of", r.from, system)
		}
		name = "distro:" + system
	}
	newest := *p
	newest.Refresh = true // what was patched since is what is wanted
	if r.tc, err = newest.OpenToolchain(ctx, name, r.plan.Additions); err != nil {
		return err
	}
	if _, err := p.root(ctx, "toolchain", r.tc); err != nil {
		return err
	}
	r.root, err = r.tc.Open(ctx)
	return err
}

func (p *Pipeline) rebase(ctx context.Context, r *rebasing) (*output.Result, error) {
	stage := p.UI.Start("rebase", r.found.rel.Name+" "+r.found.rel.Version)
	draft, err := r.draft(p.Store)
	if err != nil {
		return nil, err
	}
	failed, err := p.checkRebased(ctx, r, draft)
	if err != nil {
		return nil, err
	}
	img, err := draft.Under(ctx, r.img)
	if err != nil {
		return nil, err
	}
	if len(img.Missing) > 0 && !slices.Contains(r.plan.Check.Allow, "soname") {
		return nil, missing(img.Missing, r.tc)
	}
	for _, f := range r.old.Files {
		if f.Layer > 0 {
			img.Layers[f.Layer].Files++
		}
	}
	out := &output.Result{
		Release: r.found.rel.Name, Version: r.found.rel.Version, Image: img.Digest, Layers: img.Layers, Failed: failed,
		Materials: output.Materials{Toolchain: string(r.tc.Content())},
	}
	stage.Done("%s", summary(output.Needs{Image: true}, out))
	p.tellChanges(r, draft)
	return out, image.Keep(ctx, p.Store, img.OCI)
}

// draft decides what the new system holds: what the release needs, and what the old
// one had besides.
func (r *rebasing) draft(st *store.Store) (*image.Draft, error) {
	c := r.config.Config
	programs, contents := image.Asked(r.system)
	contents.Packages = r.plan.Image.Packages
	contents.Extra = r.extras()
	opts := image.Options{
		Root: r.root, RootKey: string(r.tc.Content()), OS: r.config.OS, Architecture: r.config.Architecture, Inventory: true,
		Programs: programs, Contents: contents, User: c.User, Entrypoint: c.Entrypoint, Cmd: c.Cmd, Epoch: plan.Epoch,
	}
	draft, err := image.NewDraft(st, r.found.rel, opts)
	if err != nil {
		return nil, err
	}
	// Data that nothing names was put in with its package.
	more, err := draft.Owners(draft.Lost(r.system))
	if err != nil || len(more) == 0 {
		return draft, err
	}
	opts.Packages = slices.Concat(opts.Packages, more)
	return image.NewDraft(st, r.found.rel, opts)
}

// extras are the files that the user had added outside the release: what they need is
// needed again.
func (r *rebasing) extras() (out []image.Extra) {
	at := image.ExtraLayer(r.config)
	for _, f := range r.old.Files {
		if f.Layer != at || f.Link != "" || strings.HasPrefix(f.Path, r.found.at+"/") {
			continue
		}
		info, err := r.was.Lstat(f.Path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		e := layer.Entry{Path: f.Path, Mode: info.Mode().Perm(), Size: f.Size, Digest: store.Digest(f.Digest)}
		out = append(out, image.Extra{Entry: e, What: "the image's own files: " + f.Path, File: func() (fs.File, error) { return r.was.Open(f.Path) }})
	}
	return out
}

// checkRebased checks the release against the system that it is to lie on.
func (p *Pipeline) checkRebased(ctx context.Context, r *rebasing, draft *image.Draft) ([]string, error) {
	system, shipped := draft.View()
	t, err := target.New("the image on "+r.tc.Ref.String(), system)
	if err != nil {
		return nil, err
	}
	rel, err := release.Read(ctx, shipped, release.Options{Survey: true})
	if err != nil {
		return nil, err
	}
	env := r.config.Config.Env
	in := check.Input{Release: rel, Target: t, Settings: env, Image: &check.Image{Env: env, User: r.config.Config.User}}
	return p.checkRelease(ctx, r.plan, in)
}

// tellChanges says which packages changed, and what the image had and has no more.
func (p *Pipeline) tellChanges(r *rebasing, draft *image.Draft) {
	was := map[string]string{}
	for _, f := range r.old.Files {
		if f.Layer == 0 {
			was[f.Path] = f.Digest
		}
	}
	now := draft.Digests()
	for _, pkg := range draft.Packages() {
		changed := 0
		for _, name := range pkg.Files {
			if d, file := now[name]; file && string(d) != was[name] {
				changed++
			}
		}
		before, listed := r.old.Packages[pkg.Name]
		switch {
		case listed && before != pkg.Version:
			p.UI.Note("  %-24s %s → %s", pkg.Name, before, pkg.Version)
		case changed > 0:
			p.UI.Note("  %-24s %s, other files than before: %d", pkg.Name, pkg.Version, changed)
		}
	}
	for _, name := range draft.Lost(r.system) {
		p.UI.Warn("/%s was in the image, and the toolchain has it no more", name)
	}
}
