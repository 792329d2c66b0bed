package toolchain

import (
	"context"
	"fmt"
	"runtime"

	"dram/internal/distro/debian"
	"dram/internal/sandbox"
	"dram/internal/store"
)

func (p *Provider) openDistro(ctx context.Context, ref Ref, opts Options) (*Toolchain, error) {
	suite, err := debian.LookupSuite(ref.Suite())
	if err != nil {
		return nil, err
	}
	client := debian.New(p.Store, p.HTTP, p.progress)
	set, err := client.Resolve(ctx, debian.Request{
		Suite: suite, Arch: p.Arch, Mirror: p.Mirror, Packages: opts.Packages, Refresh: opts.Refresh, AllowExpired: p.AllowExpired,
	})
	if err != nil {
		return nil, fmt.Errorf("resolving toolchain %s: %w", ref, err)
	}
	return &Toolchain{
		Ref: ref, ID: store.Digest("sha256:" + set.ID()), store: p.Store, warn: p.Warn, arch: p.Arch,
		Name: fmt.Sprintf("Debian %s (%s), %d packages", suite.Version, suite.Codename, len(set.Packages)),
		fill: func(ctx context.Context, dir string) error {
			if p.Configure != nil {
				return client.Unpack(ctx, set, dir, p.Configure)
			}
			if p.Arch != runtime.GOARCH { // the packages' scripts are to run here: known before anything is fetched
				if err := sandbox.Emulates(p.Arch); err != nil {
					return fmt.Errorf("running the scripts of packages for %s: %w", p.Arch, err)
				}
			}
			return client.Unpack(ctx, set, dir, configurer{p.Store})
		},
	}, nil
}

// Versions tells which Elixir and Erlang a Debian suite packages.
func (p *Provider) Versions(ctx context.Context, name string) (debian.Versions, error) {
	suite, err := debian.LookupSuite(name)
	if err != nil {
		return debian.Versions{}, err
	}
	return debian.New(p.Store, p.HTTP, p.progress).Versions(ctx, debian.Request{
		Suite: suite, Arch: p.Arch, Mirror: p.Mirror, AllowExpired: p.AllowExpired,
	})
}
