package check

import (
	"maps"
	"strconv"

	"dram/internal/release"
)

// Verdict is what a check comes to, worst last.
type Verdict int

// The verdicts.
const (
	OK Verdict = iota
	Warn
	Unknown
	Fail
)

func (v Verdict) String() string {
	switch v {
	case OK:
		return "OK"
	case Warn:
		return "WARN"
	case Unknown:
		return "UNKNOWN"
	case Fail:
		return "FAIL"
	}
	return "?"
}

// MarshalText makes verdicts words in JSON.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Finding is one thing that a rule has to say, as a value: its cause, what that
// is about, and what it rests on. Package report makes words of it.
type Finding struct {
	Rule     string
	Verdict  Verdict
	Allowed  bool // the rule was allowed by name
	Subject  Subject
	Cause    *Cause
	Params   Params  // with rule, subject and cause, what tells it from every other finding
	Facts    Params  // what else is said of it, and may be another in the next build: versions, counts
	Supplier *Supply // where the target has the library that it is about from; nil if it is about none
	Evidence Evidence
}

// Params are parameters by name, as a cause's texts have them.
type Params map[string]string

// Cause is one of the things that can be wrong by a rule. Its texts are what
// package report makes words of: #{name} stands for a parameter or a fact of
// the finding, a field of its evidence, or a phrase of package report.
type Cause struct {
	ID      string // tells it from the rule's other causes, and stays when texts are reworded
	Summary string // one line: what is wrong
	Item    string // the same after "it needs "; findings that have it are counted together
	Many    string // the summary of several such
	Prints  string // what the loader or the VM says of the file; where it is seen follows from the file's use
	Symptom string // what is seen at run time, where that does not depend on the file's use
	Remedy  string // what to do; each alternative or addition is a line
	Needs   string // in a few words, what would make it pass
	Detail  string // for the evidence; left out where a parameter of it is not known
	Whole   bool   // all that is wanted is listed, however much
	Once    bool   // all is well once the supplier's package is installed
}

// with is a cause with some texts in place of its own. A symptom replaces
// what is printed, and the other way round.
func (c Cause) with(other Cause) *Cause {
	if other.Prints != "" {
		c.Symptom = ""
	}
	if other.Symptom != "" {
		c.Prints = ""
	}
	for _, f := range []struct{ to, from *string }{
		{&c.ID, &other.ID},
		{&c.Summary, &other.Summary},
		{&c.Item, &other.Item},
		{&c.Many, &other.Many},
		{&c.Prints, &other.Prints},
		{&c.Symptom, &other.Symptom},
		{&c.Remedy, &other.Remedy},
		{&c.Needs, &other.Needs},
		{&c.Detail, &other.Detail},
	} {
		if *f.from != "" {
			*f.to = *f.from
		}
	}
	c.Whole, c.Once = c.Whole || other.Whole, c.Once || other.Once
	return &c
}

// Subject is what a finding is about.
type Subject struct {
	File   string `json:"file,omitempty"`   // in the release
	App    string `json:"app,omitempty"`    // "exqlite-0.27.0", which owns the file
	Origin string `json:"origin,omitempty"` // as package release has it
	Use    Use    `json:"-"`
	Helper string `json:"-"` // the file's name, if the release starts without it; see Without
}

// Use is what a native file is for: it decides where its faults are seen.
type Use string

// The uses. The zero value is that of a library that others open.
const (
	UseLibrary Use = ""
	UsePlugin  Use = "plugin"  // a NIF library or a driver, which the VM opens
	UsePort    Use = "port"    // a program that the release starts
	UseStart   Use = "start"   // a program without which the VM does not start
	UseRuntime Use = "runtime" // another program of Erlang/OTP's runtime system
)

// Evidence is what a finding rests on.
type Evidence struct {
	Wants      []string `json:"wants,omitempty"`      // "strtol@GLIBC_2.38", "libcrypto.so.1.1"
	Label      string   `json:"label,omitempty"`      // the newest symbol version wanted, "GLIBC_2.38"
	Library    string   `json:"library,omitempty"`    // the library meant, by soname
	Provider   string   `json:"provider,omitempty"`   // the target's file of it
	Newest     string   `json:"newest,omitempty"`     // what that offers at most, "GLIBC_2.36"
	Considered []string `json:"considered,omitempty"` // paths, in the order of the search
	Detail     string   `json:"detail,omitempty"`     // another's words, such as an error; else see Cause
}

func subject(f release.File) Subject {
	return Subject{File: f.Path, App: f.App, Origin: f.Origin.String()}
}

// more says that a finding stands for n more of its kind; suffix is how.
func (f *Finding) more(n int, suffix string) {
	f.Cause = f.Cause.with(Cause{Summary: f.Cause.Summary + suffix})
	facts := Params{"more": strconv.Itoa(n)}
	maps.Copy(facts, f.Facts)
	f.Facts = facts
}
