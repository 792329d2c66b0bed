// Package distro is the door to distributions: sources of signed packages, and
// of the systems that are made of them. A Distribution says what it is and does
// what depends on it; everything else speaks of suites, versions and roots, and
// of no distribution by its name. Package distros is the table of those that
// there are.
//
// To add one is to add a package beside debian and a row to the table.
package distro

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"

	"dram/internal/store"
)

// Distribution is one source of packages. Its methods may be called
// concurrently.
type Distribution interface {
	// Info is what is known of it without asking anybody.
	Info() Info
	// Archive is its package archive, reached as access says.
	Archive(access Access) Archive
	// Package names the package of a suite that has a shared library, "" if the
	// suite has none; known is false where nobody looked.
	Package(s Suite, soname string) (name string, known bool)
	// Runtime is what the Erlang/OTP of a suite needs of where it runs, on an
	// architecture as Go names it; known is false where nobody looked.
	Runtime(s Suite, arch string) (r Runtime, known bool)
	// CI is how a job of a CI service gets what the toolchain of a suite has, and
	// more packages.
	CI(s Suite, packages []string) CI
}

// Archive is a distribution's packages. Answers may be a day old, unless the
// request says otherwise.
type Archive interface {
	// Versions tells what a suite has. Packages of the request do not matter.
	Versions(ctx context.Context, r Request) (Versions, error)
	// Resolve chooses the packages of a toolchain; none is fetched yet.
	Resolve(ctx context.Context, r Request) (*Root, error)
}

// Access is how an archive is reached.
type Access struct {
	Store *store.Store // keeps what was fetched
	HTTP  *http.Client // nil: one of its own
	// Etc is this machine's /etc, whose package sources may name a mirror nearby;
	// nil for none.
	Etc fs.FS
	// Mirror is what was set; it comes before what Etc says.
	Mirror Mirror
	// AllowExpired accepts an index past its date, as of a mirror that is no
	// longer updated.
	AllowExpired bool
	// Tell is told what goes on, one line at a time, and may be called
	// concurrently. It is never nil.
	Tell func(format string, args ...any)
}

// Mirror is where packages come from: base URLs without a slash at the end. An
// empty half was not set.
type Mirror struct {
	Archive  string
	Security string // "" also where a distribution has no archive of its own for it
}

// Request says what a root is to hold.
type Request struct {
	Suite    Suite
	Arch     string   // as Go names it
	Packages []string // beside those of a toolchain
	Refresh  bool     // ask the mirror whatever is cached
	Holds    Content
}

// Content is what a root has beside the packages that are asked for.
type Content int

// A root has a system and a compiler, and more or less of what dram is for.
const (
	Toolchain  Content = iota // Erlang and Elixir
	NoElixir                  // Erlang
	NoErlang                  // neither, but what Erlang/OTP is compiled with
	NoCompiler                // Erlang, and no compiler: what a release takes of a root of which nothing is run
)

// Versions are the upstream versions that a suite has: "1.18.3". Empty: not
// packaged.
type Versions struct {
	Elixir, Erlang, Hex, Rebar3 string
}

// Root is an exact choice of packages, of which a root filesystem can be made.
type Root struct {
	ID   string // in hex: equal IDs give equal trees, whatever the mirror
	Name string // for people: "Debian 13 (trixie), 187 packages"
	Size int64  // bytes that are fetched for it, as far as the cache has none; 0 if it is not known
	// Fill makes the root in dir, an empty directory, and has configure run the
	// packages' scripts there. Where it is nil, nothing of the root is run, since it is
	// for another processor: what of the scripts' work matters to a release is done
	// here. tell is as in Access. The error wraps ErrGone if a
	// package is no longer to be had.
	Fill func(ctx context.Context, dir string, configure Configurer, tell func(format string, args ...any)) error
}

// ErrGone is what making a root ends in when the mirror does not have a package
// that was chosen: the archive has moved on since. Resolving with Refresh
// chooses anew.
var ErrGone = errors.New("the mirror does not have this file")

// Configurer runs a program inside a root, as its user 0, without a network.
type Configurer interface {
	Run(ctx context.Context, root string, argv, env []string, out io.Writer) error
}

// CI is how a job of a CI service gets a toolchain.
type CI struct {
	Image   string   // of a registry
	Install []string // shell commands that the job begins with
}
