package debian

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dram/internal/distro"
)

// Distribution is Debian, as every distribution is asked.
type Distribution struct{}

// Info is what is known of Debian without asking anybody.
func (Distribution) Info() distro.Info {
	return distro.Info{
		ID: id, Name: "Debian", Suites: Suites(), Retired: []string{"buster", "stretch"},
		Brings: []distro.Need{distro.Git, distro.C},
		Curl:   `command -v curl || { apt-get update && apt-get install --yes --no-install-recommends ca-certificates curl; }`,
		Add:    "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends",
	}
}

// Archive is Debian's archive at a mirror.
func (Distribution) Archive(a distro.Access) distro.Archive {
	return archiveAt{client: New(a.Store, a.HTTP, a.Tell), mirror: MirrorOf(a.Etc, a.Mirror), allowExpired: a.AllowExpired}
}

// CI installs in Debian's own image what the toolchain has.
func (Distribution) CI(s distro.Suite, packages []string) distro.CI {
	install := []string{"elixir", "erlang-nox", "erlang-dev", "gcc", "g++", "make", "libc6-dev", "git", "ca-certificates", "curl"}
	if !slices.Contains([]string{"11", "12"}, s.Version) { // which do not have them
		install = append(install, "erlang-hex", "rebar3")
	}
	return distro.CI{
		Image: "debian:" + s.Version,
		Install: []string{
			"apt-get update",
			"DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends " + strings.Join(append(install, packages...), " "),
		},
	}
}

// archiveAt is the archive, as every distribution's is asked.
type archiveAt struct {
	client       *Client
	mirror       distro.Mirror
	allowExpired bool
}

// contents is what a root has, in this package's words.
var contents = map[distro.Content]content{
	distro.Toolchain: toolchain, distro.NoElixir: noElixir, distro.NoErlang: noErlang, distro.NoCompiler: runtimeOnly,
}

func (a archiveAt) request(r distro.Request) Request {
	return Request{
		Suite: r.Suite, Arch: r.Arch, Mirror: a.mirror, Packages: r.Packages, Refresh: r.Refresh, AllowExpired: a.allowExpired,
		content: contents[r.Holds],
	}
}

func (a archiveAt) Versions(ctx context.Context, r distro.Request) (distro.Versions, error) {
	return a.client.Versions(ctx, a.request(r))
}

func (a archiveAt) Resolve(ctx context.Context, r distro.Request) (*distro.Root, error) {
	set, err := a.client.Resolve(ctx, a.request(r))
	if err != nil {
		return nil, err
	}
	return &distro.Root{
		ID:   set.ID(),
		Name: fmt.Sprintf("Debian %s (%s), %d packages", r.Suite.Version, r.Suite.Codename, len(set.Packages)),
		Fill: func(ctx context.Context, dir string, configure distro.Configurer, tell func(format string, args ...any)) error {
			if configure == nil {
				return a.client.telling(tell).Furnish(ctx, set, dir)
			}
			return a.client.telling(tell).Unpack(ctx, set, dir, configure)
		},
	}, nil
}
