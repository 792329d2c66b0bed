package pipeline

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"dram/internal/check"
	"dram/internal/image"
	"dram/internal/output"
	"dram/internal/plan"
	"dram/internal/portable"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/report"
	"dram/internal/rootfs"
	"dram/internal/target"
)

// Refused is a release of which nothing is written, because a check fails.
type Refused struct {
	Report *check.Report
	Err    error // the verdict
}

func (e *Refused) Error() string { return e.Err.Error() }

// Unwrap gives the verdict.
func (e *Refused) Unwrap() error { return e.Err }

// Verdict is a check's result as an error: nil where nothing fails that was not
// allowed by name.
func Verdict(r *check.Report) error {
	if r.Worst() != check.Fail {
		return nil
	}
	return StrictVerdict(r)
}

// StrictVerdict is nil where nothing warns or is unknown either.
func StrictVerdict(r *check.Report) error {
	worst := r.Worst()
	if worst == check.OK {
		return nil
	}
	rules := r.Refused()
	return problem.New(problem.Check, "do what the report says, or let a rule pass by name: --allow "+rules[0],
		"%s: the check against %s gives %s (%s)", r.Release, r.Target.Name, worst, strings.Join(rules, ", "))
}

// checkBottling checks what is about to be written, and gives the rules that fail and
// were allowed. The image is checked against itself; the tarball against the target
// that was set, or, where there is no image, against the toolchain.
func (p *Pipeline) checkBottling(ctx context.Context, b *bottling) (failed []string, err error) {
	var kept []byte
	p.Store.Get(checked, b.plan.Dir, &kept) // without it, all modules are read
	b.memory = check.NewMemory(kept)
	failed, err = p.checkAll(ctx, b)
	if now, changed := b.memory.Bytes(); changed && err == nil {
		err = p.Store.Put(checked, b.plan.Dir, now)
	}
	return failed, err
}

// checked is where it is kept what checks of a project remember.
const checked = "checked"

func (p *Pipeline) checkAll(ctx context.Context, b *bottling) ([]string, error) {
	tarball, err := b.tarballView()
	if err != nil {
		return nil, err
	}
	failed, err := p.checkImage(ctx, b, tarball)
	if err != nil {
		return nil, err
	}
	ref := b.plan.Check.Target
	if ref == "" && b.draft != nil {
		return failed, nil
	}
	t, done, err := p.targetOf(ctx, b, ref)
	if err != nil {
		return nil, err
	}
	defer done()
	more, err := p.checkView(ctx, b, tarball, check.Input{Target: t})
	return append(failed, more...), err
}

// tarballView is the tarball that is written: the portable one, if one is.
func (b *bottling) tarballView() (rootfs.FS, error) {
	if b.portable != nil {
		return b.portable.View(), nil
	}
	return image.TarballView(b.rel, tarballOptions(b.plan))
}

// targetOf is the target that was set, or else the toolchain.
func (p *Pipeline) targetOf(ctx context.Context, b *bottling, ref string) (t *target.Target, done func(), err error) {
	if ref == "" {
		t, err = target.New(b.tc.Ref.String(), b.root)
		return t, func() {}, err // the root is closed by who opened it
	}
	t, err = p.OpenTarget(ctx, ref)
	return t, func() { _ = t.Close() }, err // only read
}

// checkImage checks the image, if there is one, against itself.
func (p *Pipeline) checkImage(ctx context.Context, b *bottling, tarball rootfs.FS) ([]string, error) {
	if b.draft == nil {
		return nil, nil
	}
	system, inImage := b.draft.View()
	t, err := target.New("the image", system)
	if err != nil {
		return nil, err
	}
	failed, err := p.checkView(ctx, b, inImage, check.Input{Target: t, Settings: settings(b.plan)})
	if err != nil || !b.needs.Tarball || b.plan.Check.Target != "" {
		return failed, err
	}
	more, err := p.checkLeftOut(ctx, b, tarball, t)
	return append(failed, more...), err
}

func (p *Pipeline) checkView(ctx context.Context, b *bottling, view rootfs.FS, in check.Input) ([]string, error) {
	rel, err := release.Read(ctx, view, release.Options{Survey: true, OwnApps: b.plan.OwnApps})
	if err != nil {
		return nil, err
	}
	in.Release, in.Memory = rel, b.memory
	return p.checkRelease(ctx, b.plan, in)
}

func (p *Pipeline) checkRelease(ctx context.Context, pl *plan.Plan, in check.Input) ([]string, error) {
	in.At, in.Allow = "app", pl.Check.Allow
	r, err := check.Run(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := otherwise(pl, in, Verdict(r)); err != nil {
		return nil, &Refused{r, err}
	}
	p.tellCheck(r)
	return r.Failed(), nil
}

// otherwise adds to what a check against the place where the release will run comes to
// that a release may bring its libraries.
func otherwise(pl *plan.Plan, in check.Input, err error) error {
	if err == nil || pl.Check.Target == "" || in.Target.Name != pl.Check.Target || in.Release.Has(portable.Libraries) {
		return err
	}
	return problem.New(problem.Check, problem.Hint(err)+"\nor have the release bring its libraries: dram build --portable", "%w", err)
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

// checkKept checks a result from the cache against the target that was set,
// since what that names may have changed. All else was checked before.
func (p *Pipeline) checkKept(ctx context.Context, pl *plan.Plan, r *output.Result) error {
	ref := pl.Check.Target
	if ref == "" {
		return nil
	}
	t, err := p.OpenTarget(ctx, ref)
	if err != nil {
		return err
	}
	defer func() { _ = t.Close() }() // only read
	blob := cmp.Or(r.Portable, r.Tarball)
	rel, done, err := p.openTarball(ctx, p.Store.BlobPath(blob.Digest), release.Options{Survey: true, OwnApps: pl.OwnApps})
	if err != nil {
		return err
	}
	defer done()
	_, err = p.checkRelease(ctx, pl, check.Input{Release: rel, Target: t})
	return err
}
