package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/check"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/target"
	"dram/internal/toolchain"
)

// CheckOptions say against what a release is checked.
type CheckOptions struct {
	// Target is a reference as package target has it; "" means the image that
	// the release is in, or else Default.
	Target  string
	Default string
	Allow   []string // rules by name
	// Image is the one that the release is in, where somebody opened it already.
	Image v1.Image
	// Platform is what an image is for, where there are several; "" for the one that was
	// asked for.
	Platform string
}

// ReleaseUse says which references name a release that was built.
func ReleaseUse() ref.Use {
	return ref.Use{
		Noun:  "release",
		Kinds: []ref.Kind{ref.Path, ref.Layout, ref.Tar, ref.Image},
		Hint:  "name a release's directory or tarball, or an image as oci:DIR, tar:FILE or image:REF",
	}
}

// Check checks a release: a directory, a tarball, or an image that holds one.
// Nothing is built and nothing is run.
func (p *Pipeline) Check(ctx context.Context, from ref.Ref, opts CheckOptions) (*check.Report, error) {
	p = p.at(opts.Platform)
	found, err := p.openAny(ctx, from, opts.Image)
	if err != nil {
		return nil, err
	}
	defer found.done()
	name := cmp.Or(opts.Target, opts.Default)
	if opts.Target == "" && found.image != nil {
		name = from.String()
	}
	t, err := target.Open(ctx, name, unpacker{p, target.Use(toolchain.HasDistro), map[string]string{from.String(): found.root}})
	if err != nil {
		return nil, err
	}
	in := check.Input{Release: found.rel, Target: t, At: found.at, Allow: opts.Allow, Image: found.image}
	if found.image != nil {
		in.Settings = found.image.Env
	}
	r, err := check.Run(ctx, in)
	return r, errors.Join(err, t.Close())
}

// OpenTarget opens what package target names; the caller closes it.
func (p *Pipeline) OpenTarget(ctx context.Context, s string) (*target.Target, error) {
	return target.Open(ctx, s, unpacker{Pipeline: p, use: target.Use(toolchain.HasDistro)})
}

// unpacker takes images and distributions from where toolchains come from. A
// distribution is its toolchain: what it runs programs with and more, in the
// versions of its packages.
type unpacker struct {
	*Pipeline
	use   ref.Use
	known map[string]string // roots of references that were unpacked already; "" is none
}

func (unpacker) HasDistro(name string) bool { return toolchain.HasDistro(name) }

func (u unpacker) Unpack(ctx context.Context, r ref.Ref) (string, error) {
	if dir := u.known[r.String()]; dir != "" {
		return dir, nil
	}
	tc, err := u.Toolchains.Open(ctx, r, toolchain.Options{Refresh: u.Refresh, As: u.use})
	if err != nil {
		return "", err
	}
	return u.root(ctx, "target", tc)
}

// root is where a root filesystem lies unpacked; what says for whom.
func (p *Pipeline) root(ctx context.Context, what string, tc *toolchain.Toolchain) (string, error) {
	stage := p.UI.Start(what, tc.Name)
	dir, err := tc.Unpack(ctx, progress(stage))
	if err != nil {
		return "", err
	}
	stage.Done("%s", tc.Name)
	return dir, nil
}

// found is a release, wherever it was.
type found struct {
	rel   *release.Release
	at    string       // where it lies in the root that it runs in
	image *check.Image // that it is in; nil if it is in none
	root  string       // the image's
	done  func()
}

// openAny opens a release wherever it is. An image is opened once, unless somebody
// did so already.
func (p *Pipeline) openAny(ctx context.Context, from ref.Ref, img v1.Image) (found, error) {
	if from.Kind != ref.Path {
		f, err := p.openInImage(ctx, from, img)
		if err != nil {
			return f, fmt.Errorf("opening release %q: %w", from, err)
		}
		return f, nil
	}
	info, err := os.Stat(from.Value)
	if err != nil {
		return found{}, problem.New(problem.Usage, ReleaseUse().Hint, "opening release: %w", err)
	}
	open := openDirectory
	if !info.IsDir() {
		open = p.openTarball
	}
	rel, done, err := open(ctx, from.Value, release.Options{Survey: true})
	return found{rel: rel, at: "app", done: done}, err
}

func (p *Pipeline) openInImage(ctx context.Context, from ref.Ref, img v1.Image) (found, error) {
	tc, err := p.Toolchains.Open(ctx, from, toolchain.Options{Refresh: p.Refresh, As: ReleaseUse(), Image: img})
	if err != nil {
		return found{}, err
	}
	dir, err := p.root(ctx, "target", tc)
	if err != nil {
		return found{}, err
	}
	root, err := rootfs.Dir(dir)
	if err != nil {
		return found{}, err
	}
	at, err := release.Find(root)
	if err = errors.Join(err, root.Close()); err != nil {
		return found{}, err
	}
	// at holds no links: it was resolved in the root.
	rel, done, err := openDirectory(ctx, filepath.Join(dir, filepath.FromSlash(at)), release.Options{Survey: true})
	return found{rel, at, &check.Image{Env: tc.Config.Env, User: tc.Config.User}, dir, done}, err
}

func openDirectory(ctx context.Context, dir string, opts release.Options) (*release.Release, func(), error) {
	fsys, err := rootfs.Dir(dir)
	if err != nil {
		return nil, nil, err
	}
	rel, err := release.Read(ctx, fsys, opts)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("opening release %q: %w", dir, err), fsys.Close())
	}
	return rel, func() { closeFS(rel) }, nil
}

func closeFS(rel *release.Release) {
	if c, ok := rel.FS.(io.Closer); ok {
		_ = c.Close() // only read
	}
}
