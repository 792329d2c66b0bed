package pipeline

import (
	"cmp"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"dram/internal/binary"
	"dram/internal/cross"
	"dram/internal/engine"
	"dram/internal/output"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/source"
	"dram/internal/store"
	"dram/internal/toolchain"
)

// crossing is a build for another platform than that which compiles.
type crossing struct {
	*Pipeline // whose toolchains are the platform's
	plan      *plan.Plan
	src       *source.Tree
	on        *Pipeline            // whose toolchains compile
	compiler  *toolchain.Toolchain // of the platform that compiles
	runtime   *toolchain.Toolchain // of the plan's platform; nothing of it is run
	native    bool                 // there is native code of the project's
}

// buildAcross builds for another platform without running anything of it. BEAM code is
// compiled by this machine's toolchain, native code by that one's cross compiler, and
// Erlang's own native files are the platform's.
func (p *Pipeline) buildAcross(ctx context.Context, pl *plan.Plan, src *source.Tree, needs output.Needs) (*output.Result, error) {
	c := &crossing{Pipeline: p, plan: pl, src: src, on: p.at(pl.Across.On)}
	var err error
	if c.runtime, err = p.OpenToolchain(ctx, pl.Toolchain, pl.Across.Runtime); err != nil {
		return nil, err
	}
	additions := pl.Additions
	if c.native = len(pl.Across.Native) > 0 || c.sawNative(); c.native {
		additions = pl.CrossAdditions()
	}
	if c.compiler, err = c.on.OpenToolchain(ctx, pl.Toolchain, additions); err != nil {
		return nil, err
	}
	key := c.key(needs)
	if r := p.keptResult(key, pl.Dir, needs); c.compiler.Content() != "" && c.runtime.Content() != "" && r != nil && allowed(r.Failed, pl.Check.Allow) {
		if err := p.checkKept(ctx, pl, r); err != nil {
			return nil, err
		}
		p.UI.Start("build", "").Done("nothing changed: the result is in the cache")
		return r, nil
	}
	return c.build(ctx, needs)
}

// key names the result by both toolchains.
func (c *crossing) key(needs output.Needs) string {
	both := store.DigestOf([]byte(resultKey(c.plan, c.src, c.compiler, needs) + string(c.runtime.ID+c.runtime.Content())))
	return both.Hex()
}

func (c *crossing) build(ctx context.Context, needs output.Needs) (r *output.Result, err error) {
	unpacked := c.unpacking(ctx)
	built, err := c.compileAll(ctx, needs)
	if err == nil {
		defer func() {
			if closed := built.Close(); err == nil { // what failed first says why
				err = closed
			}
		}()
	}
	err = cmp.Or(err, unpacked(err))
	if err != nil {
		return nil, err
	}
	rel, done, err := c.transplanted(ctx, built)
	if err != nil {
		return nil, err
	}
	defer done()
	r, err = c.bottle(ctx, &bottling{plan: c.plan, rel: rel, tc: c.runtime, needs: needs})
	if err != nil {
		return nil, err
	}
	if err := c.describe(ctx, r); err != nil {
		return nil, err
	}
	key := c.key(needs) // by what the roots are seen to hold now
	if !built.Fresh {
		key = ownKey(key, c.plan.Dir)
	}
	return r, c.Store.Put("result", key, r)
}

// describe says what the result was made of.
func (c *crossing) describe(ctx context.Context, r *output.Result) error {
	r.Materials.Source = string(c.src.Digest())
	if r.Inventory == nil {
		return nil
	}
	facts, err := c.runtime.Facts(ctx)
	r.Inventory.OTP = facts.OTP
	return err
}

// unpacking begins to unpack the platform's own toolchain. What it gives waits for that,
// or ends it where the build failed.
func (c *crossing) unpacking(ctx context.Context) (wait func(failed error) error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- c.unpackRuntime(ctx) }()
	return func(failed error) error {
		if failed != nil {
			cancel()
		}
		err := <-ended
		cancel()
		return err
	}
}

// unpackRuntime unpacks the platform's own toolchain.
func (c *crossing) unpackRuntime(ctx context.Context) error {
	stage := c.UI.Start("runtime", c.runtime.Name)
	if _, err := c.runtime.Unpack(ctx, progress(stage)); err != nil {
		return err
	}
	how := "from the cache"
	if c.runtime.Fresh() {
		how = "unpacked"
	}
	stage.Done("%s for %s; %s", c.runtime.Name, c.plan.Platform, how)
	return nil
}

// compileAll compiles the project: once where nothing native comes of it, and for the
// platform alone where it is known to have native code.
func (c *crossing) compileAll(ctx context.Context, needs output.Needs) (*engine.Result, error) {
	if c.native {
		return c.compileNative(ctx)
	}
	built, err := c.on.compile(ctx, c.plan, c.src, c.compiler, needs)
	if err != nil {
		return nil, err
	}
	rel, done, err := readBuilt(ctx, c.plan, built)
	if err != nil {
		return nil, errors.Join(err, built.Close())
	}
	natives, err := nativeFiles(rel, byProject)
	done()
	if err != nil || len(natives) == 0 {
		return built, err
	}
	c.UI.Note("%s of %s is native code: the project is compiled once more, for %s", natives[0].Path, owner(natives[0].File), c.plan.Platform)
	if err := errors.Join(built.Close(), c.Store.Put(nativeRecord, c.nativeKey(), true)); err != nil {
		return nil, err
	}
	if c.compiler, err = c.on.OpenToolchain(ctx, c.plan.Toolchain, c.plan.CrossAdditions()); err != nil {
		return nil, err
	}
	return c.compileNative(ctx)
}

// nativeRecord is where it is kept that native code came of a project in which none was
// seen before: the next build begins with it.
const nativeRecord = "native"

func (c *crossing) nativeKey() string {
	return store.DigestOf([]byte(c.plan.Dir + "\n" + c.plan.Release + "\n" + c.plan.MixEnv)).Hex()
}

func (c *crossing) sawNative() (saw bool) {
	return c.Store.Get(nativeRecord, c.nativeKey(), &saw) && saw
}

// compileNative runs the build's steps with the cross compiler.
func (c *crossing) compileNative(ctx context.Context) (*engine.Result, error) {
	root, facts, err := c.on.unpack(ctx, c.compiler)
	if err != nil {
		return nil, err
	}
	return c.on.compileIn(ctx, c.plan, c.compiler, c.plan.CrossJob(c.plan.Job(c.compiler, root, facts, c.src, c.Environ)))
}

// transplanted is the release that was built with Erlang's native files of the platform.
// What of the rest is for another processor is refused.
func (c *crossing) transplanted(ctx context.Context, built *engine.Result) (*release.Release, func(), error) {
	compiled, closing, err := readBuilt(ctx, c.plan, built)
	if err != nil {
		return nil, nil, err
	}
	root, err := c.runtime.Open(ctx)
	if err != nil {
		closing()
		return nil, nil, err
	}
	done := func() {
		closing()
		_ = root.Close() // only read
	}
	rel, err := c.transplant(ctx, compiled, root)
	if err = damaged(root, err); err != nil {
		done()
		return nil, nil, err
	}
	return rel, done, nil
}

func (c *crossing) transplant(ctx context.Context, compiled *release.Release, root toolchain.RootFS) (*release.Release, error) {
	if err := errors.Join(c.sameErlang(ctx), c.sawRuntime(ctx, compiled)); err != nil {
		return nil, err
	}
	natives, err := nativeFiles(compiled, byToolchain)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, n := range natives {
		names = append(names, n.Path)
	}
	grafted, lacking, err := c.runtime.Graft(ctx, compiled.FS, root, names)
	if err != nil {
		return nil, err
	}
	if len(lacking) > 0 {
		return nil, problem.New(problem.Build, "leave the application out, or build with --emulate",
			"toolchain %s has no %s for %s, which the release takes of Erlang/OTP", c.plan.Toolchain, strings.Join(lacking, ", "), c.plan.Platform)
	}
	rel, err := release.Read(ctx, grafted, release.Options{OwnApps: c.plan.OwnApps})
	if err != nil {
		return nil, fmt.Errorf("reading the release: %w", err)
	}
	return rel, c.refuseForeign(rel)
}

// sameErlang refuses toolchains whose Erlang differs: modules of the one may not go with
// the VM of the other.
func (c *crossing) sameErlang(ctx context.Context) error {
	ours, err := c.compiler.Facts(ctx)
	if err != nil {
		return err
	}
	theirs, err := c.runtime.Facts(ctx)
	if err != nil {
		return err
	}
	if ours.OTP == theirs.OTP {
		return nil
	}
	return problem.New(problem.Usage, "choose a toolchain that has the same for both, try again later if the archive is in the middle of a change, or build with --emulate",
		"toolchain %s has Erlang/OTP %s for %s and %s for %s", c.plan.Toolchain, cmp.Or(ours.OTP, "none"), c.plan.Across.On, cmp.Or(theirs.OTP, "none"), c.plan.Platform)
}

// sawRuntime compares what the release took from the toolchain that compiled with what
// was unpacked.
func (c *crossing) sawRuntime(ctx context.Context, compiled *release.Release) error {
	root, err := c.compiler.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // only read
	return damaged(root, c.compiler.SawRuntime(ctx, root, compiled.Files))
}

// refuseForeign refuses native code of the project and its dependencies that is not for
// the plan's platform. What the project brings compiled is for the check to judge.
func (c *crossing) refuseForeign(rel *release.Release) error {
	if slices.Contains(c.plan.Check.Allow, "arch") {
		return nil
	}
	arch := c.plan.Arch()
	want, brought := binary.Machine(arch), map[store.Digest]bool{}
	for _, f := range c.src.Files {
		brought[f.Digest] = true
	}
	natives, err := nativeFiles(rel, func(release.File) bool { return true })
	if err != nil {
		return err
	}
	var lines []string
	for _, n := range natives {
		if n.machine != want && !brought[n.Digest] {
			lines = append(lines, fmt.Sprintf("%s of %s is for %s", n.Path, owner(n.File), binary.MachineName(n.machine)))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	t := cross.Triple(arch)
	return problem.New(problem.Build,
		"have its Makefile compile with $(CC) or $(CXX) ("+t+"-gcc, "+t+"-g++), or what fetches it go by TARGET_ARCH;\n"+
			"where neither can be, build with --emulate",
		"native code was not compiled for %s: %s", c.plan.Platform, strings.Join(lines, "; "))
}

// owner is whose a file of a release is.
func owner(f release.File) string {
	if f.App == "" {
		return "the release"
	}
	app, _, _ := strings.Cut(f.App, "-")
	return "application " + app
}

// nativeFile is a file of a release that the loader or the kernel maps.
type nativeFile struct {
	release.File
	machine elf.Machine
}

// byToolchain says whether the toolchain brings a file of a release.
func byToolchain(f release.File) bool {
	return f.Origin == release.ERTS || f.Origin == release.OTP || f.Origin == release.Elixir
}

// byProject says whether the project or a dependency brings it.
func byProject(f release.File) bool { return !byToolchain(f) }

// nativeFiles are the programs and shared libraries among the files of a release.
func nativeFiles(rel *release.Release, of func(release.File) bool) (out []nativeFile, err error) {
	for _, f := range rel.Files {
		if !f.Mode.IsRegular() || f.Size < binary.HeaderLen || !of(f) {
			continue
		}
		machine, native, err := headerOf(rel, f.Path)
		if err != nil {
			return nil, fmt.Errorf("reading %q of the release: %w", f.Path, err)
		}
		if native {
			out = append(out, nativeFile{f, machine})
		}
	}
	return out, nil
}

func headerOf(rel *release.Release, name string) (elf.Machine, bool, error) {
	f, err := rel.FS.Open(name)
	if err != nil {
		return 0, false, err
	}
	defer func() { _ = f.Close() }() // only read
	var head [binary.HeaderLen]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return 0, false, err
	}
	machine, native := binary.Header(head[:])
	return machine, native, nil
}
