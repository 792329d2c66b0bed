package toolchain

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"dram/internal/distro"
	"dram/internal/ref"
	"dram/internal/sandbox"
	"dram/internal/store"
)

func (p *call) openDistro(ctx context.Context, r ref.Ref, opts Options) (*Toolchain, error) {
	d, suite, err := p.Distros.Find(r.Value)
	if err != nil {
		return nil, err
	}
	holds := opts.Upstream.holds()
	if opts.Runtime {
		holds = distro.NoCompiler
	}
	var root *distro.Root
	more := offered(distro.System{ID: d.Info().ID}.Family(), opts)
	err = p.leavingOut(slices.Concat(opts.Packages, more), more, func(packages []string) (err error) {
		root, err = d.Archive(p.access()).Resolve(ctx, distro.Request{
			Suite: suite, Arch: p.Arch, Packages: packages, Refresh: opts.Refresh, Holds: holds,
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("resolving toolchain %s for linux/%s: %w", r, p.Arch, err)
	}
	t := &Toolchain{
		Ref: r, ID: store.Digest("sha256:" + root.ID), Name: root.Name, store: p.Store, warn: p.Warn, arch: p.Arch,
	}
	configurer := p.configurer
	if opts.Runtime {
		t.ID = store.DigestOf(fmt.Appendf(nil, "not run %d\n%s", unrunRecipe, root.ID))
		configurer = func() (distro.Configurer, error) { return nil, nil } //nolint:nilnil // nothing is run
	}
	t.fill = func(ctx context.Context, dir string, tell Progress) error {
		configure, err := configurer()
		if err != nil {
			return err
		}
		return root.Fill(ctx, dir, configure, p.call(tell).progress)
	}
	return t, nil
}

// configurer runs the scripts of packages. That they cannot be run is known
// before anything is fetched.
func (p *Provider) configurer() (distro.Configurer, error) {
	if p.Configure != nil {
		return p.Configure, nil
	}
	if p.Arch != runtime.GOARCH {
		if err := sandbox.Emulates(p.Arch); err != nil {
			return nil, fmt.Errorf("running the scripts of packages for %s: %w", p.Arch, err)
		}
	}
	return configurer{p.Store}, nil
}

func (p *call) access() distro.Access {
	return distro.Access{Store: p.Store, HTTP: p.HTTP, Etc: p.Etc, Mirror: p.Mirror, AllowExpired: p.AllowExpired, Tell: p.progress}
}

// Known finds a reference to a distribution or suite that there is not, before
// anything is done with it.
func (p *Provider) Known(r ref.Ref) error {
	if r.Kind != ref.Distro {
		return nil
	}
	_, _, err := p.Distros.Find(r.Value)
	return err
}

// Versions tells which Elixir and Erlang a suite packages: "debian/13".
func (p *Provider) Versions(ctx context.Context, suite string, tell Progress) (distro.Versions, error) {
	d, s, err := p.Distros.Find(suite)
	if err != nil {
		return distro.Versions{}, err
	}
	return d.Archive(p.call(tell).access()).Versions(ctx, distro.Request{Suite: s, Arch: p.Arch})
}
