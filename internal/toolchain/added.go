package toolchain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dram/internal/distro"
	"dram/internal/distro/distros"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/sandbox"
	"dram/internal/store"
)

// snapshotVersion changes whenever a Snapshot or its reading do.
const snapshotVersion = "-2"

// added is an image's toolchain with more packages: those that were asked for, and
// those that meet what it does not meet by itself. It is the image's own where all is
// there.
func (p *call) added(ctx context.Context, base *Toolchain, opts Options) (*Toolchain, error) {
	s, err := base.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	adders := p.Adders
	if adders == nil {
		adders = distros.Adders()
	}
	with := adders.For(s)
	packages, lacks := wanted(s, with, opts)
	if len(packages)+len(lacks) == 0 {
		return base, nil
	}
	if opts.Runtime {
		return nil, problem.New(problem.Usage, "choose an image that has them for this platform, "+Use().Otherwise+", or build with --emulate",
			"toolchain %s for linux/%s lacks %s, and nothing of it is run to add them", base.Ref, p.Arch, strings.Join(append(packages, needNames(lacks)...), ", "))
	}
	if i := slices.IndexFunc(lacks, func(w distro.Want) bool { return w.Must != "" }); i >= 0 {
		return nil, problem.New(problem.Usage, lacks[i].Must, "toolchain %s (%s) has no %s",
			base.Ref, cmp.Or(s.System.Name, s.System.ID, "of an unknown distribution"), lacks[i].Need)
	}
	if with == nil {
		return p.asItIs(base, s, opts, lacks)
	}
	var root *distro.Root
	err = p.leavingOut(packages, offered(with.Family(), opts), func(packages []string) (err error) {
		root, err = with.Add(ctx, p.access(), distro.Addition{
			To: s, Base: base.ID.Hex(), Arch: p.Arch, Packages: packages, Refresh: opts.Refresh,
			Run: runner{p.Store, opts.PublicOnly}, Dir: base.Root,
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("adding %s to toolchain %s: %w", strings.Join(packages, ", "), base.Ref, err)
	}
	if root == nil {
		return base, nil
	}
	return p.onto(base, root), p.Store.Put("addition", additionKey(base.Ref, p.Arch, opts), root.Name)
}

// Added is what was found to be missing when packages were last added to a toolchain,
// for people; "" if it never was. Nobody is asked.
func (p *Provider) Added(r ref.Ref, opts Options) string {
	var name string
	p.Store.Get("addition", additionKey(r, p.Arch, opts), &name)
	return name
}

func additionKey(r ref.Ref, arch string, opts Options) string {
	return store.DigestOf(fmt.Appendf(nil, "%s %s %q %+v", r, arch, opts.Packages, opts.Needs)).Hex()
}

func needNames(wants []distro.Want) (names []string) {
	for _, w := range wants {
		names = append(names, string(w.Need))
	}
	return names
}

// wanted are the packages to be added, by name, and the needs that no package is
// known to meet.
func wanted(s *distro.Snapshot, with distro.Adder, opts Options) (packages []string, lacks []distro.Want) {
	family := distro.NoFamily
	if with != nil {
		family = with.Family()
	}
	packages = slices.Clone(opts.Packages)
	for _, w := range opts.Needs {
		if w.Package == "" && s.Meets(w.Need) {
			continue
		}
		names := w.Names(family)
		if len(names) == 0 && w.Package == "" {
			lacks = append(lacks, w)
		}
		packages = append(packages, names...)
	}
	slices.Sort(packages)
	return slices.Compact(packages), lacks
}

// offered are the packages that are added if they can be had.
func offered(f distro.Family, opts Options) (names []string) {
	for _, w := range opts.Needs {
		if w.Package == "" {
			continue
		}
		for _, name := range w.Names(f) {
			if !slices.Contains(opts.Packages, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// leavingOut has packages added, and again without those that were only offered where
// the archive has no such package.
func (p *call) leavingOut(packages, offered []string, add func(packages []string) error) error {
	for {
		err := add(packages)
		absent, is := errors.AsType[*distro.AbsentError](err)
		if !is || !slices.Contains(offered, absent.Package) || !slices.Contains(packages, absent.Package) {
			return err
		}
		packages = slices.DeleteFunc(slices.Clone(packages), func(name string) bool { return name == absent.Package })
		if p.Warn != nil {
			p.Warn("%s, which the project's own Dockerfile installs: it is left out", absent.Says)
		}
	}
}

// asItIs is a toolchain that nothing can be added to: it serves if all that it lacks
// can perhaps be done without.
func (p *call) asItIs(base *Toolchain, s *distro.Snapshot, opts Options, lacks []distro.Want) (*Toolchain, error) {
	what := append(slices.Clone(opts.Packages), needNames(lacks)...)
	certain := len(opts.Packages) > 0
	for _, w := range lacks {
		certain = certain || !w.Perhaps
	}
	says := fmt.Sprintf("toolchain %s (%s) lacks %s, and packages cannot be added: it has neither a list of packages nor a package manager that dram knows",
		base.Ref, cmp.Or(s.System.Name, s.System.ID, "of an unknown distribution"), strings.Join(what, ", "))
	if !certain {
		if p.Warn != nil {
			p.Warn("%s", says)
		}
		return base, nil
	}
	return nil, problem.New(problem.Usage, "choose an image that has it, or "+Use().Otherwise, "%s", says)
}

// snapshot is what the image has; it is kept by the image's digest, so that the root
// is not needed for it again.
func (t *Toolchain) snapshot(ctx context.Context) (*distro.Snapshot, error) {
	key := t.ID.Hex() + snapshotVersion
	var s distro.Snapshot
	if t.store.Get("snapshot", key, &s) {
		return &s, nil
	}
	facts, err := t.Facts(ctx)
	if err != nil {
		return nil, err
	}
	root, err := t.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // only read
	looked, err := distro.Look(root, facts.Path)
	if err = errors.Join(err, root.Err()); err != nil {
		return nil, fmt.Errorf("looking at the packages of toolchain %s: %w", t.Ref, err)
	}
	return looked, t.store.Put("snapshot", key, looked)
}

// onto is the toolchain that a root is added to.
func (p *call) onto(base *Toolchain, root *distro.Root) *Toolchain {
	return &Toolchain{
		Ref: base.Ref, ID: store.DigestOf([]byte(string(base.ID) + " with " + root.ID)), Name: base.Name + " with " + root.Name,
		Config: base.Config, store: p.Store, warn: p.Warn, arch: p.Arch, added: true,
		fill: func(ctx context.Context, dir string, tell Progress) error {
			configure, err := p.configurer()
			if err != nil {
				return err
			}
			if err := base.fill(ctx, dir, tell); err != nil {
				return err
			}
			return root.Fill(ctx, dir, configure, p.call(tell).progress)
		},
	}
}

// runner runs a system's own programs in the sandbox.
type runner struct {
	store      *store.Store
	publicOnly bool
}

func (r runner) Run(ctx context.Context, c distro.Command) error {
	scratch, done, err := r.store.TempDir("packages")
	if err != nil {
		return err
	}
	defer done()
	spec := sandbox.Spec{
		Root: c.Root, Scratch: scratch, Argv: c.Argv, Env: c.Env, Stdio: sandbox.Stdio{Stdout: c.Out, Stderr: c.Out}, Reap: true,
	}
	if c.Over != "" {
		spec.Lower = []string{c.Over}
	}
	switch {
	case c.Online && r.publicOnly:
		spec.Network = sandbox.Isolated
	case c.Online:
		spec.Network = sandbox.Host
	}
	return sandbox.Run(ctx, spec)
}
