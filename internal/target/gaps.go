package target

import "slices"

// Kind is one kind of thing that a target has.
type Kind string

// The kinds of which a profile may not know all.
const (
	Libraries    Kind = "libraries"
	Programs     Kind = "programs"
	Erlang       Kind = "erlang"
	Certificates Kind = "certificates"
	Locales      Kind = "locales"
	Patches      Kind = "patches" // what a distribution brought into an older version of its C library
)

// Profile is what a target says of itself that was not read whole: where its
// facts are from, and what it leaves open.
type Profile struct {
	// Open is the kinds of which more may be there than is listed: what is not
	// found is then unknown, not missing.
	Open []Kind `json:"open"`
	// Absent is sonames that no package of the system has.
	Absent []string `json:"absent,omitempty"`
	Known  []Known  `json:"known"`
}

// Known is one fact of a profile and where it is from.
type Known struct {
	Fact   string `json:"fact"`             // "glibc", "libstdc++", "OpenSSL", "tinfo", "Erlang/OTP", "Elixir"
	Value  string `json:"value"`            // "2.36"; "" if nobody verified it
	Source string `json:"source,omitempty"` // one of Sources
	Date   string `json:"date,omitempty"`   // when it was looked at, "2026-11-23" or "2026-11"
}

// The sources of facts.
const (
	Verified = "packages" // read from the distribution's own packages
	Crawl    = "crawl"    // a public crawl of the symbol versions that distributions' libraries have
	Page     = "page"     // the distribution's package page
)

// Sources says what each source is.
func Sources() map[string]string {
	return map[string]string{
		Verified: "read from the distribution's packages",
		Crawl:    "a public crawl of symbol versions",
		Page:     "the distribution's package page",
	}
}

// Gaps is what is open about one library of a profile. The zero value: nothing,
// it is there and known whole.
type Gaps struct {
	// Partial: it may offer more than is listed.
	Partial bool `json:"partial,omitempty"`
	// Families of versions ("GLIBC_") of which the newest is known all the
	// same: what is newer is not there.
	Families []string `json:"families,omitempty"`
	// Later is versions that the latest point release has and the first has not.
	Later []string `json:"later,omitempty"`
	// Optional: the system has a package of it, which need not be installed.
	Optional bool   `json:"optional,omitempty"`
	Package  string `json:"package,omitempty"` // its name, "" if unknown
	// Without is symbols that it is known not to have, though others of its version do.
	Without []string `json:"without,omitempty"`
}

func (g *Gaps) none() bool {
	return !g.Partial && !g.Optional && len(g.Families) == 0 && len(g.Later) == 0 && g.Package == "" && len(g.Without) == 0
}

// Lacks says whether a symbol version that is not listed is known not to be
// there. newest is the newest one of its family that is listed.
func (g *Gaps) Lacks(version, family, newest string) bool {
	if !g.Partial {
		return true
	}
	return slices.Contains(g.Families, family) && newest != "" && CompareVersions(version, newest) > 0 && !slices.Contains(g.Later, version)
}

// Gaps is what is open about a library, by its real name.
func (t *Target) Gaps(real string) Gaps { return t.gaps[real] }

// Profile is where a profile's facts are from; nil for a target that was read
// whole.
func (t *Target) Profile() *Profile { return t.profile }

// Open says whether the target may have more of a kind than is found.
func (t *Target) Open(k Kind) bool { return t.profile != nil && slices.Contains(t.profile.Open, k) }

// Absent says whether a library that is not found is known not to be there.
func (t *Target) Absent(soname string) bool {
	return !t.Open(Libraries) || slices.Contains(t.profile.Absent, soname)
}

// Known is a fact of a profile by its name, the zero value if there is none.
func (t *Target) Known(fact string) Known {
	if t.profile != nil {
		for _, k := range t.profile.Known {
			if k.Fact == fact {
				return k
			}
		}
	}
	return Known{}
}
