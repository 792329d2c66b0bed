package toolchain

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path"
	"runtime"
	"strings"
	"time"

	"dram/internal/distro"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/rootfs"
	"dram/internal/store"
	"dram/internal/upstream"
)

// Upstream is the versions that a toolchain has of the projects' own releases, in
// place of its system's; "" is the system's.
type Upstream struct {
	OTP    string `json:"otp,omitempty"`
	Elixir string `json:"elixir,omitempty"`
}

// String is what they are, for people: "OTP 27.2 and Elixir 1.18.1".
func (u Upstream) String() string {
	var parts []string
	if u.OTP != "" {
		parts = append(parts, "OTP "+u.OTP)
	}
	if u.Elixir != "" {
		parts = append(parts, "Elixir "+u.Elixir)
	}
	return strings.Join(parts, " and ")
}

// holds is what a distribution's root has to have beside that.
func (u Upstream) holds() distro.Content {
	switch {
	case u.OTP != "":
		return distro.NoErlang
	case u.Elixir != "":
		return distro.NoElixir
	}
	return distro.Toolchain
}

// FindUpstream finds a release of Erlang/OTP or of Elixir, without fetching it.
func (p *Provider) FindUpstream(ctx context.Context, w upstream.Wanted, tell Progress) (upstream.File, error) {
	return p.call(tell).releases().Find(ctx, w)
}

// Took is how long compiling a release took here the last time, 0 if it never did.
func (p *Provider) Took(s upstream.Software) (took time.Duration) {
	_ = p.Store.Get("took", string(s), &took) // or nothing
	return took
}

// releases is where releases are, for a call.
func (p *call) releases() *upstream.Client {
	return &upstream.Client{Store: p.Store, HTTP: p.HTTP, Place: p.Sources, Checksums: p.Checksums, Tell: p.progress}
}

// withUpstream is a toolchain's system with Erlang/OTP and Elixir of the projects'
// own releases.
func (p *call) withUpstream(ctx context.Context, base *Toolchain, r ref.Ref, opts Options) (*Toolchain, error) {
	up := opts.Upstream
	if up.OTP != "" && up.Elixir == "" {
		return nil, problem.New(problem.Usage, "say which Elixir, too: --elixir VERSION, or elixir in [toolchain] of dram.toml", "Erlang/OTP %s is asked for without an Elixir: that of %s needs its own", up.OTP, r)
	}
	compiler, err := p.compiler(ctx, base, r, opts)
	if err != nil {
		return nil, err
	}
	parts, err := p.parts(ctx, base, r, up)
	if err != nil {
		return nil, err
	}
	m := &mixture{store: p.Store, provider: p.Provider, compiler: compiler, parts: parts}
	return &Toolchain{
		Ref: r, ID: m.id(base.ID), Name: base.Name + ", with " + up.String(), Config: base.Config,
		store: p.Store, warn: p.Warn, arch: p.Arch, added: true,
		fill: func(ctx context.Context, dir string, tell Progress) error {
			if err := base.fill(ctx, dir, tell); err != nil {
				return err
			}
			return m.lay(ctx, dir, len(parts), tell)
		},
	}, nil
}

// compiler is where releases are compiled: a distribution's root without the
// packages that the user adds, so that these compile nothing anew.
func (p *call) compiler(ctx context.Context, base *Toolchain, r ref.Ref, opts Options) (*Toolchain, error) {
	if r.Kind != ref.Distro || len(opts.Packages) == 0 {
		return base, nil
	}
	opts.Packages = nil
	return p.openDistro(ctx, r, opts)
}

// parts are what is laid over the system, in this order.
func (p *call) parts(ctx context.Context, base *Toolchain, r ref.Ref, up Upstream) ([]component, error) {
	runtime, err := p.runtimeOf(ctx, base, r, up)
	if err != nil {
		return nil, err
	}
	if err := upstream.Compatible(up.Elixir, runtime); err != nil {
		return nil, err
	}
	var parts []component
	for _, w := range []upstream.Wanted{
		{Software: upstream.OTP, Version: up.OTP},
		{Software: upstream.Elixir, Version: up.Elixir, Runtime: runtime},
	} {
		if w.Version == "" {
			continue
		}
		f, err := p.releases().Find(ctx, w)
		if err != nil {
			return nil, err
		}
		if err := p.compiles(w, f); err != nil {
			return nil, err
		}
		parts = append(parts, component{w, f})
	}
	return parts, nil
}

// compiles refuses to compile for another architecture: it would take hours in
// emulation.
func (p *call) compiles(w upstream.Wanted, f upstream.File) error {
	if p.Arch == runtime.GOARCH || f.Form == upstream.Beams {
		return nil
	}
	return problem.New(problem.Usage, "build on such a machine, or choose an image with these versions",
		"%s is compiled of its source, and not for %s on a machine of %s", w, p.Arch, runtime.GOARCH)
}

// runtimeOf is the Erlang/OTP that Elixir is to run on.
func (p *call) runtimeOf(ctx context.Context, base *Toolchain, r ref.Ref, up Upstream) (string, error) {
	if up.OTP != "" {
		return up.OTP, nil
	}
	if r.Kind == ref.Distro {
		v, err := p.Versions(ctx, r.Value, p.tell)
		return v.Erlang, err
	}
	if _, err := base.Unpack(ctx, p.tell); err != nil {
		return "", err
	}
	f, err := base.Facts(ctx)
	if err == nil && f.OTP == "" {
		err = problem.New(problem.Usage, "say which, too: otp", "toolchain %s has no Erlang that Elixir %s could run on", r, up.Elixir)
	}
	return f.OTP, err
}

// component is one release that a toolchain has.
type component struct {
	upstream.Wanted
	file upstream.File
}

// Where parts are installed, and where the programs of theirs are that PATH names.
const (
	prefix     = "usr/local"
	erlangHome = prefix + "/lib/erlang"
	elixirHome = prefix + "/lib/elixir"
)

// supersede removes what a system has of the parts elsewhere, so that nothing takes
// the one for the other.
func supersede(dir string, parts []component) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // only a handle
	for _, one := range parts {
		homes, programs := erlangRoots, []string{"erl", "erlc", "escript", "epmd", "run_erl", "to_erl", "dialyzer", "typer", "ct_run"}
		if one.Software == upstream.Elixir {
			homes, programs = elixirRoots[:len(elixirRoots)-1], elixirPrograms
		}
		for _, home := range homes {
			if err := root.RemoveAll(home); err != nil {
				return fmt.Errorf("removing %q: %w", home, err)
			}
		}
		for _, bin := range []string{"usr/local/bin", "usr/bin", "bin"} {
			for _, name := range programs {
				if err := root.RemoveAll(path.Join(bin, name)); err != nil && !os.IsNotExist(err) {
					return fmt.Errorf("removing %q: %w", path.Join(bin, name), err)
				}
			}
		}
	}
	return nil
}

// id names a toolchain by its system and what is laid over it.
func (m *mixture) id(base store.Digest) store.Digest {
	return store.DigestOf(fmt.Appendf(nil, "upstream %d\n%s\n%s\n", upstreamRecipe, base, m.key(len(m.parts))))
}

// key names what the first n parts were made of.
func (m *mixture) key(n int) string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "upstream %d\n", upstreamRecipe)
	compiled := false
	for _, one := range m.parts[:n] {
		compiled = compiled || one.file.Form == upstream.Source
		_, _ = fmt.Fprintf(&b, "%s %s %s\n", one.Wanted, one.file.Form, one.file.Digest)
	}
	if compiled {
		_, _ = fmt.Fprintf(&b, "in %s\n", m.compiler.ID)
	}
	return store.DigestOf([]byte(b.String())).Hex()
}

// hasPart says whether a root has a part, whole: by what every build needs of it.
func hasPart(w upstream.Wanted, root rootfs.FS) error {
	if w.Software == upstream.Elixir {
		if got := elixirVersion(root, elixirHome); got != w.Version {
			return fmt.Errorf("it left Elixir %s", cmp.Or(got, "nowhere"))
		}
		return nil
	}
	if got := otpVersion(root, erlangHome); got != w.Version {
		return fmt.Errorf("it left Erlang/OTP %s", cmp.Or(got, "nowhere"))
	}
	return nil
}
