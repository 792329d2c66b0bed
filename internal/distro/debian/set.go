package debian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"dram/internal/distro"
	"dram/internal/problem"
	"dram/internal/store"
)

const maxIndex = 512 << 20 // bytes of a Packages file; sid's has 65 MB

// text is the decompressed index.
func (c *Client) text(ctx context.Context, x index) (string, error) {
	blob, err := c.store.OpenBlob(store.Digest("sha256:" + x.SHA256))
	if err != nil {
		return "", err
	}
	defer func() { _ = blob.Close() }() // only read
	r, closeR, err := decompress(x.name, store.WithContext(ctx, blob))
	if err != nil {
		return "", fmt.Errorf("reading %q: %w", x.urls[0], err)
	}
	defer closeR()
	var b strings.Builder
	b.Grow(int(min(max(x.text, 0), maxIndex)))
	n, err := io.Copy(&b, io.LimitReader(r, maxIndex+1))
	if err == nil && n > maxIndex {
		err = fmt.Errorf("it is larger than %d bytes", maxIndex)
	}
	if err != nil {
		return "", problem.New(problem.Failure, "the archive's index is damaged: try another mirror", "reading %q: %w", x.urls[0], err)
	}
	return b.String(), nil
}

func unreachable(err error) bool { return errors.Is(err, errUnreachable) }

// resolve chooses the packages of the request.
func (u *universe) resolve(r Request) (Set, error) {
	optional := map[string]bool{}
	var wanted []string
	if r.content < alone {
		wanted = u.roots()
	}
	if r.content < bare {
		for _, s := range seedsOf(r.content) {
			wanted = append(wanted, s.name)
			optional[s.name] = s.optional
		}
	}
	wanted = append(wanted, r.Packages...)
	for _, name := range r.Packages {
		optional[name] = false
	}
	chosen, err := u.choose(wanted, optional, excluded(r.Packages))
	if err != nil {
		return Set{}, err
	}
	set := Set{Suite: r.Suite, Arch: r.Arch}
	for _, e := range chosen {
		if !e.installed {
			set.Packages = append(set.Packages, e.Package)
		}
	}
	return set, nil
}

func (u *universe) versions() distro.Versions {
	of := func(name string) string {
		if e := u.byName[name]; e != nil {
			return upstream(e.Version)
		}
		return ""
	}
	return distro.Versions{Elixir: of("elixir"), Erlang: of("erlang-base"), Hex: of("erlang-hex"), Rebar3: of("rebar3")}
}

var upstreamPattern = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*(~?-?rc\.?[0-9]+)?`)

// upstream is the version of the software in a package's version:
// "1:27.3.4.1+dfsg-1" is "27.3.4.1".
func upstream(version string) string {
	_, v, _ := splitVersion(version)
	return upstreamPattern.FindString(v)
}
