// Package toolchain turns a reference (distro:debian/13, image:REF, oci:DIR,
// tar:FILE, host:) into a root filesystem that compiles Erlang and Elixir. Resolving
// is cheap and names the content; unpacking happens once per content and is
// kept in the cache.
//
// Whatever the kind, the result is what an OCI image holds: a root filesystem
// and an environment. Images come in as the OCI image specification 1.1 and
// Docker's schema 2 say; every layer is verified before it is unpacked.
package toolchain

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/distro"
	"dram/internal/manifest"
	"dram/internal/ref"
	"dram/internal/registry"
	"dram/internal/sandbox"
	"dram/internal/store"
)

// Provider opens toolchains. It is safe for concurrent use.
type Provider struct {
	Store   *store.Store
	HTTP    *http.Client
	Distros distro.Table
	Mirror  distro.Mirror // of a distribution's packages, as far as it was set
	Etc     fs.FS         // this machine's /etc, whose package sources name a mirror else; nil for none
	Arch    string        // "amd64", as Go names it
	// Configure runs the scripts of a distribution's packages; dram's own sandbox
	// does if it is nil.
	Configure distro.Configurer
	// Adders add packages to the systems of images.
	Adders distro.Adders
	// AllowExpired takes a distribution's package indexes past their date.
	AllowExpired bool
	// Sources is where releases of Erlang/OTP and Elixir are taken from, a directory
	// or a URL; "" for the projects' own places. Checksums are the user's own.
	Sources   string
	Checksums map[string]string
	// Warn, if not nil, is told of what was found damaged and is made anew.
	Warn func(format string, args ...any)

	limits registry.Limits // zero: the usual ones
	small  time.Duration   // zero: the usual one
}

// Progress, if not nil, is told what goes on, one line at a time. It may be
// called concurrently.
type Progress func(format string, args ...any)

// call is a provider while it does what it was asked for once, and who is told
// of it.
type call struct {
	*Provider
	tell Progress
}

func (p *Provider) call(tell Progress) *call { return &call{p, tell} }

func (p *call) progress(format string, args ...any) {
	if p.tell != nil {
		p.tell(format, args...)
	}
}

// Options choose what else the toolchain has.
type Options struct {
	Packages []string      // added, by the names of its distribution
	Needs    []distro.Want // met, where it does not meet them, by packages of an image's distribution
	Refresh  bool          // ask the archive or registry again, whatever is cached
	Upstream Upstream      // in place of what the reference has
	Progress Progress      // of resolving
	Prefix   string        // of the tags that are asked for; "" for all
	Crossing
	// PublicOnly keeps an image's package manager from this machine and private networks.
	PublicOnly bool
	// As says what the reference was given for, where that is not a toolchain, so
	// that errors speak of it.
	As ref.Use
	// Image is what the reference leads to, where somebody opened it already; nil:
	// it is opened.
	Image v1.Image
}

// Crossing is what a release for another processor than the compiler's takes.
type Crossing struct {
	// Cross are the architectures that the toolchain is to compile for besides its own.
	Cross []string `json:"cross,omitempty"`
	// Runtime says that nothing of the root is run, whose processor is another one: it is
	// what a release takes of Erlang and of the system, and compiles nothing.
	Runtime bool `json:"runtime,omitempty"`
}

// Toolchain is a reference that was resolved: its content is known.
type Toolchain struct {
	Ref  ref.Ref
	ID   store.Digest // of the content, whatever path or mirror it came by
	Name string       // for people: "Debian 13 (trixie), 187 packages"
	// Config is the image's own configuration; empty for a distribution.
	Config v1.Config

	store *store.Store
	warn  func(format string, args ...any)
	arch  string
	added bool                // packages or releases were added to it here
	dir   string              // the root, where it is no tree of the cache
	look  func() store.Digest // what names its content then
	fill  func(ctx context.Context, dir string, tell Progress) error
	find  func(ctx context.Context) (v1.Image, error) // an image, all its layers in the cache; nil for a distribution

	mu    sync.Mutex
	m     *manifest.Manifest // of the root, once it was looked at
	fresh bool               // it was unpacked just now
}

// Open resolves a reference. Nothing is unpacked yet.
func (p *Provider) Open(ctx context.Context, r ref.Ref, opts Options) (*Toolchain, error) {
	if opts.As.Noun == "" {
		opts.As = Use()
	}
	t, err := p.open(ctx, r, opts)
	if err == nil && opts.Upstream != (Upstream{}) {
		t, err = p.call(opts.Progress).withUpstream(ctx, t, r, opts)
	}
	if err != nil || len(opts.Cross) == 0 {
		return t, err
	}
	return p.call(opts.Progress).crossing(t, opts.Cross), nil
}

func (p *Provider) open(ctx context.Context, r ref.Ref, opts Options) (*Toolchain, error) {
	switch r.Kind {
	case ref.Distro:
		return p.call(opts.Progress).openDistro(ctx, r, opts)
	case ref.Image, ref.Layout, ref.Tar:
		base, err := p.call(opts.Progress).openImage(ctx, r, opts)
		if err != nil || len(opts.Packages)+len(opts.Needs) == 0 {
			return base, err
		}
		return p.call(opts.Progress).added(ctx, base, opts)
	case ref.Host:
		return p.openHost(ctx, r)
	default:
		return nil, fmt.Errorf("opening toolchain %s: unknown kind", r)
	}
}

// factsVersion changes whenever Facts or their reading do.
const factsVersion = "-2"

// configurer runs package scripts in the sandbox, on the root itself.
type configurer struct{ store *store.Store }

func (c configurer) Run(ctx context.Context, root string, argv, env []string, out io.Writer) error {
	scratch, done, err := c.store.TempDir("configure")
	if err != nil {
		return err
	}
	defer done()
	return sandbox.Run(ctx, sandbox.Spec{
		Root: root, Scratch: scratch, Argv: argv, Env: env, Stdio: sandbox.Stdio{Stdout: out, Stderr: out}, Reap: true,
	})
}

// For is a provider of the same toolchains for another architecture.
func (p *Provider) For(arch string) *Provider {
	other := *p
	other.Arch = arch
	return &other
}
