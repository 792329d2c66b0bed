package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/go-containerregistry/pkg/name"

	"dram/internal/image"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/store"
	"dram/internal/toolchain"
)

// BaseUse says which references name what an image is made on top of.
func BaseUse() ref.Use {
	return ref.Use{
		Noun:  "base",
		Kinds: []ref.Kind{ref.Image, ref.Layout, ref.Tar},
		Hint:  "name an image as image:REF, oci:DIR or tar:FILE",
	}
}

// base resolves what the image of a plan is made on top of; nil where it is made from
// scratch. Nothing is unpacked, and of the registry only what describes it is asked for.
func (p *Pipeline) base(ctx context.Context, pl *plan.Plan) (*toolchain.Toolchain, error) {
	if pl.Image.Base == "" {
		return nil, nil //nolint:nilnil // none
	}
	use := BaseUse()
	from, err := use.Parse(pl.Image.Base)
	if err != nil {
		return nil, err
	}
	p = p.at(pl.Platform)
	stage := p.UI.Start("base", from.String())
	opts := toolchain.Options{Refresh: p.Refresh, As: use, Progress: progress(stage)}
	if opts.Image, err = p.Toolchains.Image(ctx, from, opts); err != nil {
		return nil, err
	}
	if err := image.CheckBase(from.String(), opts.Image); err != nil {
		return nil, err
	}
	tc, err := p.Toolchains.Open(ctx, from, opts)
	stage.Update("")
	return tc, err
}

// based is the plan with what its base is now, which is part of what names a result.
func (p *Pipeline) based(ctx context.Context, pl *plan.Plan) (*plan.Plan, error) {
	tc, err := p.base(ctx, pl)
	if err != nil || tc == nil {
		return pl, err
	}
	out := *pl
	out.Image.BaseDigest = tc.ID
	return &out, nil
}

// openBase opens what an image is made on top of, all of it in the cache: nil where it is
// made from scratch. Whoever is given it closes it when the image is made.
func (p *Pipeline) openBase(ctx context.Context, pl *plan.Plan) (*image.Base, func(), error) {
	tc, err := p.base(ctx, pl)
	if err != nil || tc == nil {
		return nil, func() {}, err
	}
	if want := pl.Image.BaseDigest; want != "" && tc.ID != want {
		return nil, nil, problem.New(problem.Failure, "build again", "base %q changed meanwhile: it was %s and is %s", tc.Ref, want, tc.ID)
	}
	if _, err := p.root(ctx, "base", tc); err != nil {
		return nil, nil, err
	}
	root, err := tc.Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	b, err := newBase(ctx, p.Store, tc, root)
	if err != nil {
		return nil, nil, errors.Join(damaged(root, err), root.Close())
	}
	return b, func() { _ = root.Close() }, nil // only read
}

func newBase(ctx context.Context, st *store.Store, tc *toolchain.Toolchain, root toolchain.RootFS) (*image.Base, error) {
	img, err := tc.Image(ctx)
	if err != nil {
		return nil, err
	}
	opts := image.BaseOptions{Name: tc.Ref.String(), Ref: published(tc.Ref), Image: img, Root: root}
	uid, gid, err := user(root, tc.Config.User)
	if err != nil {
		return nil, fmt.Errorf("reading base %q: %w", tc.Ref, err)
	}
	if uid != 0 { // a release needs nothing that root alone may do
		opts.User = strconv.Itoa(uid) + ":" + strconv.Itoa(gid)
	}
	return image.NewBase(ctx, st, opts)
}

// published is how others find an image, "" where nobody does.
func published(r ref.Ref) string {
	if r.Kind != ref.Image {
		return ""
	}
	parsed, err := name.ParseReference(r.Value)
	if err != nil {
		return ""
	}
	return parsed.Name()
}

// suitsBase refuses a base that no release of the toolchain can be laid on: before the
// steps run, not after them.
func (p *Pipeline) suitsBase(ctx context.Context, pl *plan.Plan, tc *toolchain.Toolchain) error {
	b, done, err := p.openBase(ctx, pl)
	if err != nil || b == nil {
		return err
	}
	defer done()
	root, err := tc.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // only read
	return damaged(root, b.Suits(root))
}
