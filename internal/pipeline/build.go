package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"dram/internal/check"
	"dram/internal/credential"
	"dram/internal/distro"
	"dram/internal/engine"
	"dram/internal/entrypoint"
	"dram/internal/image"
	"dram/internal/layer"
	"dram/internal/output"
	"dram/internal/plan"
	"dram/internal/portable"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/source"
	"dram/internal/store"
	"dram/internal/toolchain"
)

// Build builds what the plan says: the release's tarball, and what else the outputs
// need. A build whose inputs did not change is found in the cache. Nothing is
// written yet: see Write.
func (p *Pipeline) Build(ctx context.Context, pl *plan.Plan, outs output.Outputs) (*output.Result, error) {
	if err := outs.Check(pl); err != nil {
		return nil, err
	}
	needs := outs.Needs()
	needs.Tarball = true // it is what a target is compared with
	if pl.Portable && needs.Portable == output.NotPortable {
		needs.Portable = output.TarForm
	}
	r, err := p.doubting(ctx, pl.Toolchain, func() (*output.Result, error) { return p.build(ctx, pl, needs) })
	if errors.Is(err, distro.ErrGone) && !p.Refresh {
		// The mirror moved on since it was last asked, as sid does daily.
		r, err = p.asking().build(ctx, pl, needs)
	}
	return r, p.diskFull(err)
}

// Write writes the outputs of a build, and says in their order what became of each.
func (p *Pipeline) Write(ctx context.Context, pl *plan.Plan, r *output.Result, outs output.Outputs) ([]output.Written, error) {
	return outs.Write(ctx, p.finished(pl, r))
}

// finished is a build as outputs are written from it.
func (p *Pipeline) finished(pl *plan.Plan, r *output.Result) *output.Build {
	return &output.Build{Result: r, Plan: pl, Store: p.Store, UI: p.UI, Dram: p.Version, Arch: p.host()}
}

func (p *Pipeline) build(ctx context.Context, pl *plan.Plan, needs output.Needs) (_ *output.Result, err error) {
	src, err := p.readSource(ctx, pl)
	if err != nil {
		return nil, err
	}
	for _, note := range src.Notes {
		p.UI.Warn("%s", note)
	}
	rev, err := p.revision(pl, src, needs)
	if err != nil {
		return nil, err
	}
	if pl, err = p.based(ctx, p.labelled(pl, rev)); err != nil {
		return nil, err
	}
	if pl.Across != nil {
		r, err := p.buildAcross(ctx, pl, src, needs)
		if err == nil {
			r.Materials.Revision = rev
		}
		return r, err
	}
	tc, err := p.OpenToolchain(ctx, pl.Toolchain, pl.Additions)
	if err != nil {
		return nil, err
	}
	key := resultKey(pl, src, tc, needs)
	if r := p.keptResult(key, pl.Dir, needs); tc.Content() != "" && r != nil && allowed(r.Failed, pl.Check.Allow) {
		if err := p.checkKept(ctx, pl, r); err != nil {
			return nil, err
		}
		p.UI.Start("build", "").Done("nothing changed: the result is in the cache")
		r.Materials.Revision = rev
		return r, nil
	}
	built, err := p.compile(ctx, pl, src, tc, needs)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closed := built.Close(); err == nil { // what failed first says why
			err = closed
		}
	}()
	rel, done, err := readBuilt(ctx, pl, built)
	if err != nil {
		return nil, err
	}
	defer done()
	r, err := p.bottle(ctx, &bottling{plan: pl, rel: rel, tc: tc, needs: needs, own: true})
	if err != nil {
		return nil, err
	}
	r.Materials.Source, r.Materials.Revision = string(src.Digest()), rev
	key = resultKey(pl, src, tc, needs) // by what the root is seen to hold now
	if !built.Fresh {
		key = ownKey(key, pl.Dir)
	}
	return r, p.Store.Put("result", key, r)
}

// readBuilt reads the release that a job left. The caller lets go of it.
func readBuilt(ctx context.Context, pl *plan.Plan, built *engine.Result) (*release.Release, func(), error) {
	dir, err := rootfs.Dir(built.Dir)
	if err != nil {
		return nil, nil, err
	}
	rel, err := release.Read(ctx, dir, release.Options{OwnApps: pl.OwnApps})
	if err != nil {
		_ = dir.Close()
		return nil, nil, fmt.Errorf("reading the release: %w", err)
	}
	return rel, func() { _ = dir.Close() }, nil // only read
}

// compile runs the build's steps in the toolchain.
func (p *Pipeline) compile(ctx context.Context, pl *plan.Plan, src *source.Tree, tc *toolchain.Toolchain, needs output.Needs) (*engine.Result, error) {
	root, facts, err := p.unpack(ctx, tc)
	if err != nil {
		return nil, err
	}
	if needs.Image {
		if err := errors.Join(hasPrograms(ctx, pl, tc), p.suitsBase(ctx, pl, tc)); err != nil {
			return nil, err
		}
	}
	return p.compileIn(ctx, pl, tc, pl.Job(tc, root, facts, src, p.Environ))
}

// compileIn runs a job of the plan in its toolchain.
func (p *Pipeline) compileIn(ctx context.Context, pl *plan.Plan, tc *toolchain.Toolchain, job engine.Job) (_ *engine.Result, err error) {
	src := job.Source
	if job.Lineage, err = pl.Lineage(ctx, src, p.Store); err != nil {
		return nil, err
	}
	if job.Credentials, err = credential.Gather(pl.Credentials, p.Environ, job.Remotes()); err != nil {
		return nil, err
	}
	built, err := p.runJob(ctx, pl.Engine, job)
	if err != nil {
		return nil, p.blame(ctx, tc, err)
	}
	return built, nil
}

// hasPrograms finds a program that the image is to have and the toolchain lacks:
// before the steps run, not after them.
func hasPrograms(ctx context.Context, pl *plan.Plan, tc *toolchain.Toolchain) error {
	programs := pl.Image.Asked()
	if len(programs) == 0 {
		return nil
	}
	root, err := tc.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // only read
	return damaged(root, image.HasPrograms(root, programs))
}

// ownKey names a result that was built over an earlier one: it is believed where
// that was, and nowhere else.
func ownKey(key, dir string) string { return key + "-" + store.DigestOf([]byte(dir)).Hex() }

// keptResult is the result of an earlier build with the same inputs: from an
// empty place, wherever it was, or in this one.
func (p *Pipeline) keptResult(key, dir string, needs output.Needs) *output.Result {
	for _, k := range []string{key, ownKey(key, dir)} {
		if r := p.kept(k, needs); r != nil {
			return r
		}
	}
	return nil
}

// resultKey names what a build comes to: what the plan depends on, what was seen
// in the toolchain, and every recipe that makes bytes of it.
func resultKey(pl *plan.Plan, src *source.Tree, tc *toolchain.Toolchain, needs output.Needs) string {
	recipes := fmt.Sprintf("%d-%d-%s", image.Recipe, layer.Recipe, short(check.Recipe())+short(entrypoint.ID(pl.Arch())))
	if needs.Portable != output.NotPortable { // which is checked, and not the tarball
		recipes += fmt.Sprintf("-%s%d", needs.Portable, portable.Recipe)
	}
	if pl.Image.Base != "" {
		recipes += fmt.Sprintf("-base%d", image.BaseRecipe)
	}
	return pl.Key(src.Digest(), tc.ID+tc.Content()) + "-" + recipes
}

func short(text string) string { return store.DigestOf([]byte(text)).Hex()[:12] }

// kept is the result of an earlier build with the same key, if all its bytes
// are in the cache, sound.
func (p *Pipeline) kept(key string, needs output.Needs) *output.Result {
	var r output.Result
	if !p.Store.Get("result", key, &r) || needs.Inventory && r.Inventory == nil {
		return nil
	}
	var group errgroup.Group
	group.Go(func() error { return p.Store.VerifyBlob(r.Tarball.Digest) })
	if needs.Portable != output.NotPortable {
		group.Go(func() error { return p.Store.VerifyBlob(r.Portable.Digest) })
	}
	if needs.Image {
		for _, l := range r.Layers {
			group.Go(func() error { return p.Store.VerifyBlob(l.Digest) })
		}
		group.Go(func() error {
			_, err := image.Open(p.Store, r.Image)
			return err
		})
	}
	if group.Wait() != nil {
		return nil // something was pruned or damaged: it is made again
	}
	for i := range r.Layers {
		r.Layers[i].Reused = true
	}
	return &r
}

// runJob runs the build's steps, each a stage; the output goes to a log and is
// shown when a step fails.
func (p *Pipeline) runJob(ctx context.Context, name string, job engine.Job) (*engine.Result, error) {
	eng, err := p.engine(name)
	if err != nil {
		return nil, err
	}
	log, err := p.openLog(store.DigestOf([]byte(job.Key + "\n" + job.Name)).Hex()) // releases of one project build at once
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	stage := p.UI.Start("build", "staging the source")
	lines := stage.Writer()
	defer lines.Flush()
	out := newRedactor(io.MultiWriter(log, lines), secretValues(job))
	built, err := eng.Run(ctx, job, engine.Events{
		Output: out,
		Wait:   func() { p.UI.Note("waiting for another build of this project") },
		At: func(builder string) {
			stage.At(job.Name, builder)
			stage.Update("")
		},
		Step: func(s engine.Step, skipped bool) {
			if !skipped {
				stage.Update(s.Name)
				out.Flush()
				log.begin(s)
			}
		},
		Networked: func(who string) {
			p.UI.WarnOnce("%s cannot switch the network off for the steps that compile: nothing tells what they download (Docker 23 and newer can)", who)
		},
		Doubtful: func(why error) { p.UI.Note("%v: it is made anew", why) },
		Failed: func(s engine.Step, _ error) {
			p.UI.Note("%s failed by itself: the dependencies are compiled with the project", s.Command())
		},
		Unlocked: func(s engine.Step) {
			p.UI.Warn("%s is not up to date: run `%s` and commit it, or builds may differ", s.Lock, s.Relock)
		},
	})
	out.Flush()
	var failed *engine.StepError
	switch {
	case errors.As(err, &failed):
		lines.Flush()
		return nil, p.stepProblem(failed, log, job.Source.Withheld)
	case err != nil:
		return nil, err
	}
	stage.Done("%s", stepNames(job))
	return built, nil
}

func stepNames(job engine.Job) string {
	shown := job.Steps[len(job.Steps)-1]
	for _, s := range job.Steps {
		if s.Name == "release" {
			shown = s
		}
	}
	return shown.Command()
}
