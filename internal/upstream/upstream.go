// Package upstream finds Erlang/OTP and Elixir as their own projects publish them:
// which versions go together, where the files are, and that they are what they
// should be. It compiles nothing.
//
// Files come from the projects' releases, or from one place that was set: a
// directory or a URL, in which files lie beside one another under their usual
// names with a SHA256SUMS, as sha256sum(1) writes it. No file counts without a
// checksum that its publisher, or the user, gave: of what is published without one,
// the user says it; and in a directory of the user's own without that list, a file
// is what it is. What was found is kept, for a version that was released does
// not change; one that does is refused.
package upstream

import (
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/store"
)

// Software is what is published.
type Software string

// What there is.
const (
	OTP    Software = "otp"
	Elixir Software = "elixir"
)

// Title is its name for people.
func (s Software) Title() string {
	if s == OTP {
		return "Erlang/OTP"
	}
	return "Elixir"
}

// Form is what a file holds.
type Form string

// The forms.
const (
	Source Form = "source" // to be compiled
	Beams  Form = "beams"  // compiled already, for any system
)

// Wanted is an exact version. Of Elixir, Runtime is the Erlang/OTP that it is to
// run on.
type Wanted struct {
	Software Software
	Version  string // "27.2", "1.18.1"
	Runtime  string
}

func (w Wanted) String() string { return w.Software.Title() + " " + w.Version }

// File is a file that was found, and not fetched yet.
type File struct {
	Name    string       `json:"name"` // "otp_src_27.2.tar.gz"
	Version string       `json:"version"`
	Form    Form         `json:"form"`
	Digest  store.Digest `json:"digest"`
	At      string       `json:"at"` // a URL, or a path
}

// Client finds and fetches. It is safe for concurrent use.
type Client struct {
	Store *store.Store
	HTTP  *http.Client // nil: one of its own
	// Place is where files are, a directory or a URL; "" for the projects' own.
	Place string
	// Checksums are those that the user gave: SHA-256 in hex, by the file's name.
	Checksums map[string]string
	// Tell, if not nil, is told what goes on.
	Tell func(format string, args ...any)

	releases releases // zero: those of the projects
}

func (c *Client) tell(format string, args ...any) {
	if c.Tell != nil {
		c.Tell(format, args...)
	}
}

// releases is where the projects publish.
type releases struct{ otp, elixir string }

func (r releases) orReal() releases {
	if r.otp == "" {
		r.otp = "https://github.com/erlang/otp/releases/download"
	}
	if r.elixir == "" {
		r.elixir = "https://github.com/elixir-lang/elixir/releases/download"
	}
	return r
}

// whole is a version that names one release, and not a series.
var whole = map[Software]*regexp.Regexp{
	OTP:    regexp.MustCompile(`\A[1-9][0-9]{1,3}(\.[0-9]{1,6}){1,5}(-rc[0-9]{1,3})?\z`),
	Elixir: regexp.MustCompile(`\A[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}(-rc\.[0-9]{1,3})?\z`),
}

// Whole says whether a version names one release: it becomes a part of names and of
// URLs.
func (s Software) Whole(version string) bool { return whole[s].MatchString(version) }

// Check refuses what no release of a software is called.
func (w Wanted) Check() error {
	if w.Software.Whole(w.Version) {
		return nil
	}
	example := map[Software]string{OTP: "27.3.4", Elixir: "1.18.3"}[w.Software]
	return problem.New(problem.Usage, "write the whole version, such as "+example, "%s is no release of %s", grammar.Quote(w.Version), w.Software.Title())
}

// Names are what a file of the software may be called in a place, the one that
// costs least first: compiled, and for the newest Erlang/OTP that does not pass the
// one it is to run on.
func (w Wanted) Names() []Name {
	if w.Software == OTP {
		return sources("otp_src_"+w.Version, "OTP-"+w.Version)
	}
	var names []Name
	for _, otp := range w.runtimes() {
		names = append(names,
			Name{fmt.Sprintf("elixir-%s-otp-%d.zip", w.Version, otp), Beams},
			Name{fmt.Sprintf("v%s-otp-%d.zip", w.Version, otp), Beams})
	}
	names = append(names, Name{"elixir-" + w.Version + "-precompiled.zip", Beams})
	return append(names, sources("v"+w.Version, "elixir-"+w.Version)...)
}

// Name is what a file may be called, and what it is then.
type Name struct {
	Name string
	Form Form
}

func sources(stems ...string) []Name {
	var names []Name
	for _, stem := range stems {
		for _, ending := range []string{".tar.gz", ".tar.xz", ".tgz"} {
			names = append(names, Name{stem + ending, Source})
		}
	}
	return names
}

// runtimes are the releases of Erlang/OTP whose beams of Elixir run on the one
// that is wanted.
func (w Wanted) runtimes() []int {
	low, high := Runtimes(w.Version)
	wanted := major(w.Runtime)
	if wanted == 0 || low == 0 {
		return nil
	}
	var out []int
	for v := min(wanted, high); v >= low; v-- {
		out = append(out, v)
	}
	return out
}

// pick is the first of the names that a list of checksums has.
func pick(names []Name, sums map[string]string) (Name, bool) {
	i := slices.IndexFunc(names, func(n Name) bool { return sums[n.Name] != "" })
	if i < 0 {
		return Name{}, false
	}
	return names[i], true
}

// others are the versions of a software that a list has.
func others(s Software, sums map[string]string) []string {
	var out []string
	for name := range maps.Keys(sums) {
		for _, prefix := range map[Software][]string{OTP: {"otp_src_", "OTP-"}, Elixir: {"elixir-", "v"}}[s] {
			rest, ok := strings.CutPrefix(name, prefix)
			if !ok {
				continue
			}
			for _, ending := range []string{".tar.gz", ".tar.xz", ".tgz", ".zip"} {
				rest = strings.TrimSuffix(rest, ending)
			}
			rest, _, _ = strings.Cut(strings.TrimSuffix(rest, "-precompiled"), "-otp-")
			if s.Whole(rest) {
				out = append(out, rest)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// missing says that a place has no file of what is wanted.
func (c *Client) missing(w Wanted, where string, sums map[string]string) error {
	hint := "put it there, with a line in " + sumsFile
	if have := others(w.Software, sums); len(have) > 0 {
		hint = fmt.Sprintf("it has %s %s: ask for one of these, or %s", w.Software.Title(), strings.Join(have, ", "), hint)
	}
	return problem.New(problem.Usage, hint, "%s has no %s, neither %s nor the like: %w", where, w, w.Names()[0].Name, fs.ErrNotExist)
}
