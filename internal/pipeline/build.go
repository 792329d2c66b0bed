package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"dram/internal/check"
	"dram/internal/distro"
	"dram/internal/engine"
	"dram/internal/image"
	"dram/internal/layer"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/source"
	"dram/internal/store"
	"dram/internal/toolchain"
	"dram/internal/ui"
)

// Result is what a build came to. Its bytes are in the cache.
type Result struct {
	Release string        `json:"release"`
	Version string        `json:"version"`
	Tarball Blob          `json:"tarball"`
	Image   store.Digest  `json:"image,omitempty"` // of the manifest; "" if none was asked for
	Layers  []image.Layer `json:"layers,omitempty"`
	Failed  []string      `json:"failed,omitempty"` // rules that fail and were allowed by name
}

// Blob is content in the cache.
type Blob struct {
	Digest store.Digest `json:"digest"`
	Size   int64        `json:"size"` // bytes
}

// Build builds what the plan says: the release's tarball, and the image if
// withImage. A build whose inputs did not change is found in the cache.
func (p *Pipeline) Build(ctx context.Context, pl *plan.Plan, withImage bool) (*Result, error) {
	r, err := p.doubting(ctx, pl.Toolchain, func() (*Result, error) { return p.build(ctx, pl, withImage) })
	if errors.Is(err, distro.ErrGone) && !p.Refresh {
		// The mirror moved on since it was last asked, as sid does daily.
		fresh := *p
		fresh.Refresh = true
		r, err = fresh.build(ctx, pl, withImage)
	}
	return r, p.diskFull(err)
}

func (p *Pipeline) build(ctx context.Context, pl *plan.Plan, withImage bool) (*Result, error) {
	src, err := p.readSource(ctx, pl)
	if err != nil {
		return nil, err
	}
	for _, note := range src.Notes {
		p.UI.Warn("%s", note)
	}
	tc, err := p.OpenToolchain(ctx, pl.Toolchain, pl.Packages)
	if err != nil {
		return nil, err
	}
	key := resultKey(pl, src, tc)
	if r := p.keptResult(key, pl.Dir, withImage); tc.Content() != "" && r != nil && allowed(r.Failed, pl.Config().Allow) {
		if err := p.shipAgain(ctx, pl, r); err != nil {
			return nil, err
		}
		p.UI.Start("build", "").Done("nothing changed: the result is in the cache")
		return r, nil
	}
	root, facts, err := p.unpack(ctx, tc)
	if err != nil {
		return nil, err
	}
	job := pl.Job(tc, root, facts, src, p.Environ)
	if job.Lineage, err = pl.Lineage(ctx, src, p.Store); err != nil {
		return nil, err
	}
	built, err := p.runJob(ctx, pl.Engine, job)
	if err != nil {
		return nil, p.blame(ctx, tc, err)
	}
	defer built.Close()
	dir, err := rootfs.Dir(built.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	rel, err := release.Read(ctx, dir, release.Options{OwnApps: pl.OwnApps})
	if err != nil {
		return nil, fmt.Errorf("reading the release: %w", err)
	}
	r, err := p.bottle(ctx, pl, rel, tc, withImage)
	if err != nil {
		return nil, err
	}
	key = resultKey(pl, src, tc) // by what the root is seen to hold now
	if !built.Fresh {
		key = ownKey(key, pl.Dir)
	}
	return r, p.Store.Put("result", key, r)
}

// ownKey names a result that was built over an earlier one: it is believed where
// that was, and nowhere else.
func ownKey(key, dir string) string { return key + "-" + store.DigestOf([]byte(dir)).Hex() }

// keptResult is the result of an earlier build with the same inputs: from an
// empty place, wherever it was, or in this one.
func (p *Pipeline) keptResult(key, dir string, withImage bool) *Result {
	for _, k := range []string{key, ownKey(key, dir)} {
		if r := p.kept(k, withImage); r != nil {
			return r
		}
	}
	return nil
}

// resultKey names what a build comes to: what the plan depends on, what was seen
// in the toolchain, and every recipe that makes bytes of it.
func resultKey(pl *plan.Plan, src *source.Tree, tc *toolchain.Toolchain) string {
	recipes := fmt.Sprintf("%d-%d-%s", image.Recipe, layer.Recipe, store.DigestOf([]byte(check.Recipe())).Hex()[:12])
	return pl.Key(src.Digest(), tc.ID+tc.Content()) + "-" + recipes
}

// kept is the result of an earlier build with the same key, if all its bytes
// are in the cache, sound.
func (p *Pipeline) kept(key string, withImage bool) *Result {
	var r Result
	if !p.Store.Get("result", key, &r) || (withImage && r.Image == "") {
		return nil
	}
	var group errgroup.Group
	group.Go(func() error { return p.Store.VerifyBlob(r.Tarball.Digest) })
	if withImage {
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

// bottle makes the tarball and the image of a release, and checks them, all at
// the same time: what fails leaves nothing but blobs in the cache.
func (p *Pipeline) bottle(ctx context.Context, pl *plan.Plan, rel *release.Release, tc *toolchain.Toolchain, withImage bool) (*Result, error) {
	stage := p.UI.Start("bottle", rel.Name+" "+rel.Version)
	r := &Result{Release: rel.Name, Version: rel.Version}
	s, done, err := p.shipment(ctx, pl, rel, tc, withImage)
	if err != nil {
		return nil, err
	}
	defer done()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		a, err := image.Tarball(ctx, p.Store, rel, tarballOptions(pl))
		if err == nil {
			r.Tarball = Blob{a.Digest, a.Size}
		}
		return err
	})
	group.Go(func() (err error) {
		r.Failed, err = p.ship(ctx, s)
		return err
	})
	if withImage {
		group.Go(func() error {
			img, err := p.image(ctx, s)
			if err == nil {
				r.Image, r.Layers = img.Digest, img.Layers
			}
			return err
		})
	}
	group.Go(func() error { return tc.SawRuntime(ctx, s.root, rel.Files) })
	if err := damaged(s.root, group.Wait()); err != nil {
		return nil, err
	}
	stage.Done("tarball %s%s", ui.Bytes(r.Tarball.Size), imageSummary(r))
	return r, nil
}

func imageSummary(r *Result) string {
	if r.Image == "" {
		return ""
	}
	reused := 0
	for _, l := range r.Layers {
		if l.Reused {
			reused++
		}
	}
	return fmt.Sprintf(", image %s in %d layers, %d of them as before", ui.Bytes(r.ImageSize()), len(r.Layers), reused)
}

// ImageSize is the layers' size, compressed, in bytes.
func (r *Result) ImageSize() int64 {
	var n int64
	for _, l := range r.Layers {
		n += l.Size
	}
	return n
}

func (p *Pipeline) image(ctx context.Context, s *shipment) (*image.Image, error) {
	img, err := s.draft.Build(ctx)
	if err != nil {
		return nil, err
	}
	if len(img.Missing) > 0 && !slices.Contains(s.plan.Config().Allow, "soname") {
		return nil, missing(img.Missing, s.tc)
	}
	return img, image.Keep(ctx, p.Store, img.OCI)
}

func imageOptions(pl *plan.Plan, root rootfs.FS, tc *toolchain.Toolchain) image.Options {
	c := pl.Config()
	system, arch, _ := strings.Cut(pl.Platform, "/")
	o := image.Options{
		Root: root, RootKey: string(tc.Content()), OS: system, Architecture: arch,
		Programs: c.Programs, User: c.User, Env: c.ImageEnv, Labels: map[string]string{}, Epoch: plan.Epoch,
	}
	for _, kv := range c.Labels {
		k, v, _ := strings.Cut(kv, "=")
		o.Labels[k] = v
	}
	for _, port := range c.Expose {
		o.ExposedPorts = append(o.ExposedPorts, strconv.Itoa(port)+"/tcp")
	}
	return o
}

// missing says which libraries a release needs and its toolchain lacks: it
// would not start.
func missing(list []rootfs.Missing, tc *toolchain.Toolchain) error {
	lines := make([]string, 0, len(list))
	for _, m := range list {
		lines = append(lines, fmt.Sprintf("%s needs %s", m.File, m.Soname))
	}
	return problem.New(problem.Check,
		"build it in this toolchain instead of bringing it along, or add the package that has the library: --package NAME",
		"libraries are missing in toolchain %s:\n  %s", tc.Ref, strings.Join(lines, "\n  "))
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
			p.UI.Note("%s failed by itself: the dependencies are compiled with the project", strings.Join(s.Argv, " "))
		},
		Unlocked: func(s engine.Step) {
			p.UI.Warn("%s is not up to date: run `mix deps.get` and commit it, or builds may differ", s.Lock)
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
	return strings.Join(shown.Argv, " ")
}
