package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"dram/internal/check"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/target"
)

// CheckOptions say against what a release is checked.
type CheckOptions struct {
	// Target is a reference as package target has it; "" means the image that
	// the release is in, or else Default.
	Target  string
	Default string
	Allow   []string // rules by name
}

// Check checks a release: a directory, a tarball, or an image that holds one
// ("oci:DIR", "tar:FILE", "image:REF"). Nothing is built and nothing is run.
func (p *Pipeline) Check(ctx context.Context, ref string, opts CheckOptions) (*check.Report, error) {
	rel, at, done, err := p.openAny(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer done()
	name := cmp.Or(opts.Target, opts.Default)
	if opts.Target == "" && at != "" {
		name = ref
	}
	t, err := p.OpenTarget(ctx, name)
	if err != nil {
		return nil, err
	}
	in := check.Input{Release: rel, Target: t, At: cmp.Or(at, "app"), Allow: opts.Allow}
	if at != "" {
		tc, err := p.OpenToolchain(ctx, ref, nil)
		if err != nil {
			return nil, errors.Join(err, t.Close())
		}
		in.Image, in.Settings = &check.Image{Env: tc.Config.Env, User: tc.Config.User}, tc.Config.Env
	}
	r, err := check.Run(ctx, in)
	return r, errors.Join(err, t.Close())
}

// OpenTarget opens what package target names; the caller closes it.
func (p *Pipeline) OpenTarget(ctx context.Context, ref string) (*target.Target, error) {
	return target.Open(ctx, ref, unpacker{p})
}

// unpacker takes images and distributions from where toolchains come from. A
// distribution is its toolchain: what it runs programs with and more, in the
// versions of its packages.
type unpacker struct{ *Pipeline }

func (u unpacker) Unpack(ctx context.Context, kind, value string) (string, error) {
	tc, err := u.OpenToolchain(ctx, kind+":"+value, nil)
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
func (p *Pipeline) openAny(ctx context.Context, ref string) (rel *release.Release, at string, done func(), err error) {
	kind, value, _ := strings.Cut(ref, ":")
	switch kind {
	case "oci", "tar", "image":
		dir, err := unpacker{p}.Unpack(ctx, kind, value)
		if err != nil {
			return nil, "", nil, fmt.Errorf("opening release %q: %w", ref, err)
		}
		return openInImage(ctx, ref, dir)
	}
	info, err := os.Stat(ref)
	if err != nil {
		return nil, "", nil, problem.New(problem.Usage, "name a release's directory or tarball, or an image as oci:DIR, tar:FILE or image:REF",
			"opening release: %w", err)
	}
	if !info.IsDir() {
		rel, done, err = p.openTarball(ctx, ref, release.Options{Survey: true})
		return rel, "", done, err
	}
	rel, done, err = openDirectory(ctx, ref, release.Options{Survey: true})
	return rel, "", done, err
}

func openInImage(ctx context.Context, ref, dir string) (*release.Release, string, func(), error) {
	root, err := rootfs.Dir(dir)
	if err != nil {
		return nil, "", nil, err
	}
	at, err := release.Find(root)
	if err = errors.Join(err, root.Close()); err != nil {
		return nil, "", nil, fmt.Errorf("opening release %q: %w", ref, err)
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
