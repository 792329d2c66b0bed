package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

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
	rel, at, done, err := p.openAny(ctx, from)
	if err != nil {
		return nil, err
	}
	defer done()
	name := cmp.Or(opts.Target, opts.Default)
	if opts.Target == "" && at != "" {
		name = from.String()
	}
	t, err := p.OpenTarget(ctx, name)
	if err != nil {
		return nil, err
	}
	in := check.Input{Release: rel, Target: t, At: cmp.Or(at, "app"), Allow: opts.Allow}
	if at != "" {
		tc, err := p.openAs(ctx, from, ReleaseUse())
		if err != nil {
			return nil, errors.Join(err, t.Close())
		}
		in.Image, in.Settings = &check.Image{Env: tc.Config.Env, User: tc.Config.User}, tc.Config.Env
	}
	r, err := check.Run(ctx, in)
	return r, errors.Join(err, t.Close())
}

// OpenTarget opens what package target names; the caller closes it.
func (p *Pipeline) OpenTarget(ctx context.Context, s string) (*target.Target, error) {
	return target.Open(ctx, s, unpacker{p, target.Use(toolchain.HasDistro)})
}

// openAs resolves an image or a distribution that was named for something else
// than a toolchain.
func (p *Pipeline) openAs(ctx context.Context, r ref.Ref, use ref.Use) (*toolchain.Toolchain, error) {
	return p.Toolchains.Open(ctx, r, toolchain.Options{Refresh: p.Refresh, As: use})
}

// unpacker takes images and distributions from where toolchains come from. A
// distribution is its toolchain: what it runs programs with and more, in the
// versions of its packages.
type unpacker struct {
	*Pipeline
	use ref.Use
}

func (unpacker) HasDistro(name string) bool { return toolchain.HasDistro(name) }

func (u unpacker) Unpack(ctx context.Context, r ref.Ref) (string, error) {
	tc, err := u.openAs(ctx, r, u.use)
	if err != nil {
		return "", err
	}
	stage := u.UI.Start("target", tc.Name)
	dir, err := tc.Unpack(ctx, progress(stage))
	if err != nil {
		return "", err
	}
	stage.Done("%s", tc.Name)
	return dir, nil
}

// openAny opens a release wherever it is; at is where it lies in an image, ""
// if it is in none.
func (p *Pipeline) openAny(ctx context.Context, from ref.Ref) (rel *release.Release, at string, done func(), err error) {
	if from.Kind != ref.Path {
		dir, err := unpacker{p, ReleaseUse()}.Unpack(ctx, from)
		if err != nil {
			return nil, "", nil, fmt.Errorf("opening release %q: %w", from, err)
		}
		return openInImage(ctx, from.String(), dir)
	}
	info, err := os.Stat(from.Value)
	if err != nil {
		return nil, "", nil, problem.New(problem.Usage, ReleaseUse().Hint, "opening release: %w", err)
	}
	if !info.IsDir() {
		rel, done, err = p.openTarball(ctx, from.Value, release.Options{Survey: true})
		return rel, "", done, err
	}
	rel, done, err = openDirectory(ctx, from.Value, release.Options{Survey: true})
	return rel, "", done, err
}

func openInImage(ctx context.Context, from, dir string) (*release.Release, string, func(), error) {
	root, err := rootfs.Dir(dir)
	if err != nil {
		return nil, "", nil, err
	}
	at, err := release.Find(root)
	if err = errors.Join(err, root.Close()); err != nil {
		return nil, "", nil, fmt.Errorf("opening release %q: %w", from, err)
	}
	// at holds no links: it was resolved in the root.
	rel, done, err := openDirectory(ctx, filepath.Join(dir, filepath.FromSlash(at)), release.Options{Survey: true})
	return rel, at, done, err
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
