package pipeline

import (
	"context"
	"slices"
	"strings"

	"dram/internal/check"
	"dram/internal/image"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/report"
	"dram/internal/rootfs"
	"dram/internal/target"
	"dram/internal/toolchain"
)

// Refused is a release that does not ship, because a check fails.
type Refused struct {
	Report *check.Report
	Err    error // the verdict
}

func (e *Refused) Error() string { return e.Err.Error() }

// Unwrap gives the verdict.
func (e *Refused) Unwrap() error { return e.Err }

// Verdict is a check's result as an error: nil where nothing fails that was
// not allowed by name, and with strict nothing warns or is unknown either.
func Verdict(r *check.Report, strict bool) error {
	worst := r.Worst()
	if worst == check.OK || worst != check.Fail && !strict {
		return nil
	}
	rules := r.Refused()
	return problem.New(problem.Check, "do what the report says, or let a rule pass by name: --allow "+rules[0],
		"%s: the check against %s gives %s (%s)", r.Release, r.Target.Name, worst, strings.Join(rules, ", "))
}

// shipment is what a build is about to write.
type shipment struct {
	plan  *plan.Plan
	rel   *release.Release
	tc    *toolchain.Toolchain
	root  toolchain.RootFS // open
	draft *image.Draft     // nil where there is no image
	alone bool             // the image is written without a tarball
}

// shipment puts together what is to be written. The caller calls done.
func (p *Pipeline) shipment(ctx context.Context, pl *plan.Plan, rel *release.Release, tc *toolchain.Toolchain, withImage bool) (s *shipment, done func(), err error) {
	root, err := tc.Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	done = func() { _ = root.Close() } // only read
	s = &shipment{plan: pl, rel: rel, tc: tc, root: root}
	if withImage {
		if s.draft, err = image.NewDraft(p.Store, rel, imageOptions(pl, root, tc)); err != nil {
			err = damaged(root, err)
			done()
			return nil, nil, err
		}
	}
	return s, done, nil
}

// ship checks a shipment, and gives the rules that fail and were allowed. The
// image is checked against itself; the tarball against the target that was set,
// or, where there is no image, against the toolchain.
func (p *Pipeline) ship(ctx context.Context, s *shipment) ([]string, error) {
	shipped, err := image.TarballView(s.rel, tarballOptions(s.plan))
	if err != nil {
		return nil, err
	}
	ref := s.plan.Config().CheckTarget
	var failed []string
	if s.draft != nil {
		system, inImage := s.draft.View()
		t, err := target.New("the image", system)
		if err != nil {
			return nil, err
		}
		if failed, err = p.shipView(ctx, s.plan, inImage, check.Input{Target: t, Settings: settings(s.plan)}); err != nil {
			return nil, err
		}
		if ref == "" && s.alone {
			return failed, nil
		}
		if ref == "" {
			more, err := p.shipRest(ctx, s, shipped, t)
			return append(failed, more...), err
		}
	}
	if ref == "" {
		return p.shipTo(ctx, s.plan, shipped, s.tc.Ref.String(), s.root)
	}
	t, err := p.OpenTarget(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer func() { _ = t.Close() }() // only read
	more, err := p.shipView(ctx, s.plan, shipped, check.Input{Target: t})
	return append(failed, more...), err
}

func (p *Pipeline) shipTo(ctx context.Context, pl *plan.Plan, shipped rootfs.FS, name string, root rootfs.FS) ([]string, error) {
	t, err := target.New(name, root)
	if err != nil {
		return nil, err
	}
	return p.shipView(ctx, pl, shipped, check.Input{Target: t})
}

func (p *Pipeline) shipView(ctx context.Context, pl *plan.Plan, shipped rootfs.FS, in check.Input) ([]string, error) {
	rel, err := release.Read(ctx, shipped, release.Options{Survey: true, OwnApps: pl.OwnApps})
	if err != nil {
		return nil, err
	}
	in.Release = rel
	return p.shipRelease(ctx, pl, in)
}

func (p *Pipeline) shipRelease(ctx context.Context, pl *plan.Plan, in check.Input) ([]string, error) {
	in.At, in.Allow = "app", pl.Config().Allow
	r, err := check.Run(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := Verdict(r, false); err != nil {
		return nil, &Refused{r, err}
	}
	p.tellCheck(r)
	return r.Failed(), nil
}

func tarballOptions(pl *plan.Plan) image.TarballOptions {
	return image.TarballOptions{KeepCookie: pl.Cookie, Epoch: plan.Epoch}
}

// tellCheck says, a line each, what a check found that lets the release pass.
func (p *Pipeline) tellCheck(r *check.Report) {
	for _, f := range r.Findings {
		switch {
		case f.Allowed && f.Verdict == check.Fail:
			p.UI.Warn("check: %s (allowed: %s)", report.Say(r, f).Summary, f.Rule)
		case f.Verdict == check.Warn, f.Verdict == check.Unknown:
			p.UI.Note("check: %s %s: %s [%s]", strings.ToLower(f.Verdict.String()), subject(f), report.Say(r, f).Summary, f.Rule)
		}
	}
}

func subject(f check.Finding) string {
	if f.Subject.File != "" {
		return f.Subject.File
	}
	return "the target"
}

// allowed says whether every rule that failed may.
func allowed(failed, allow []string) bool {
	return !slices.ContainsFunc(failed, func(rule string) bool { return !slices.Contains(allow, rule) })
}

// shipAgain checks a result from the cache against the target that was set,
// since what that names may have changed. All else was checked before.
func (p *Pipeline) shipAgain(ctx context.Context, pl *plan.Plan, r *Result) error {
	ref := pl.Config().CheckTarget
	if ref == "" {
		return nil
	}
	t, err := p.OpenTarget(ctx, ref)
	if err != nil {
		return err
	}
	defer func() { _ = t.Close() }() // only read
	rel, done, err := p.openTarball(ctx, p.Store.BlobPath(r.Tarball.Digest), release.Options{Survey: true, OwnApps: pl.OwnApps})
	if err != nil {
		return err
	}
	defer done()
	_, err = p.shipRelease(ctx, pl, check.Input{Release: rel, Target: t})
	return err
}
