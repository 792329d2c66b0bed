// Package check says whether a release will run on a target, and if not, which
// file, symbol and dependency is at fault and what to do. It runs nothing and
// asks no network.
//
// It is a table of rules: each is a small function that looks at one survey of
// release and target and returns findings. What a rule cannot know gives the
// verdict Unknown, never OK. The same release and target give the same
// findings in the same order.
package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/target"
	"dram/internal/tool"
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

// Finding is one thing that a rule has to say.
type Finding struct {
	Rule     string   `json:"rule"`
	Verdict  Verdict  `json:"verdict"`
	Allowed  bool     `json:"allowed,omitempty"` // the rule was allowed by name
	Subject  Subject  `json:"subject"`
	Summary  string   `json:"summary"` // one line: what is wrong
	Evidence Evidence `json:"evidence"`
	Symptom  string   `json:"symptom,omitempty"` // what the user would see at run time
	Remedy   string   `json:"remedy,omitempty"`
	Needs    string   `json:"needs,omitempty"` // in a few words, what would make it pass
}

// Subject is what a finding is about.
type Subject struct {
	File   string `json:"file,omitempty"`   // in the release
	App    string `json:"app,omitempty"`    // "exqlite-0.27.0", which owns the file
	Origin string `json:"origin,omitempty"` // as package release has it
}

// Evidence is what a finding rests on.
type Evidence struct {
	Wants      []string `json:"wants,omitempty"`      // "strtol@GLIBC_2.38", "libcrypto.so.1.1"
	Label      string   `json:"label,omitempty"`      // the newest symbol version wanted, "GLIBC_2.38"
	Library    string   `json:"library,omitempty"`    // the library meant, by soname
	Provider   string   `json:"provider,omitempty"`   // the target's file of it
	Newest     string   `json:"newest,omitempty"`     // what that offers at most, "GLIBC_2.36"
	Considered []string `json:"considered,omitempty"` // paths, in the order of the search
	Detail     string   `json:"detail,omitempty"`
}

// Input is what is checked.
type Input struct {
	Release *release.Release
	Target  *target.Target
	At      string   // where the release lies on the target; default "app"
	Allow   []string // rules by name
	Only    []string // rules by name that run, if not all
	// Settings is what the image's configuration says besides, "K=V": variables
	// and labels, which whoever has the image has.
	Settings []string
	// Tools are those that may have made the release; nil for all that dram knows.
	Tools tool.Table
	Image *Image // the image that the release is started in; nil if none is known
}

// Report is what a check found.
type Report struct {
	Release  string // "hello 0.1.0"
	Target   *target.Target
	Findings []Finding // worst first
	Apps     int       // applications that were looked at
	Natives  int       // native files that were looked at
}

// Worst is the worst verdict that is not allowed.
func (r *Report) Worst() Verdict {
	worst := OK
	for _, f := range r.Findings {
		if !f.Allowed {
			worst = max(worst, f.Verdict)
		}
	}
	return worst
}

// Rule is one row of the table.
type Rule struct {
	ID    string
	Title string // what it is about, in a sentence
	run   func(*survey) []Finding
}

// Rules is all rules, in the order in which they run.
func Rules() []Rule {
	return []Rule{
		{"platform", "the target's platform and C library are known", platform},
		{"format", "native files are ELF files, whole ones", format},
		{"arch", "native files are for the target's processor", arch},
		{"loader", "what the loader does with a native file can be told", loader},
		{"interpreter", "the loader that a program names is on the target", interpreter},
		{"soname", "every library that a native file needs is found", soname},
		{"symbol-version", "every library offers the symbol versions that are wanted of it", symbolVersion},
		{"symbol", "every symbol that a native file needs is there", symbol},
		{"libc-mix", "native files are made for the target's C library", libcMix},
		{"relr", "the loader knows packed relative relocations", relr},
		{"exec-stack", "no library asks for an executable stack", execStack},
		{"static-tls", "thread-local storage at a fixed place fits into what is left of it", staticTLS},
		{"isa", "the processor has the instructions that a file asks for", isa},
		{"nif-api", "the VM knows the NIF API that a library was compiled for", nifAPI},
		{"nif-functions", "a NIF library has the functions that its module defines", nifFunctions},
		{"nif-entry", "what calls the VM as NIF libraries do exports nif_init", nifEntry},
		{"opened", "libraries that are opened only at run time are on the target", opened},
		{"beam", "the VM that runs the release loads each of its modules", beams},
		{"otp", "there is an Erlang/OTP, the one that the release was made for", otp},
		{"boot", "each module that the boot scripts load is where they look", boot},
		{"config", "the files that a start reads are there and sound", config},
		{"consistency", "the release has the applications that its .rel file names", consistency},
		{"exec-bit", "what has to be started may be", execBit},
		{"shebang", "the interpreters of scripts are on the target", shebang},
		{"program", "the programs that the start scripts call are on the target", program},
		{"link", "no link leads out of the release", link},
		{"cookie", "no cookie is baked in", cookie},
		{"secret", "no private key is in the release, and no credential", secrets},
		{"artefact", "nothing of the building machine is left behind", artefact},
		{"access", "any user may read what the release has", access},
		{"writable", "a user of an image may write where a start writes", writable},
		{"hosts", "the target has /etc/hosts", hosts},
		{"time-zone", "there are time zones for what reads the system's", zones},
		{"ca-bundle", "there are certificates of authorities for TLS", caBundle},
		{"locale", "there is a UTF-8 locale", locale},
	}
}

// Run checks a release against a target.
func Run(ctx context.Context, in Input) (*Report, error) {
	if err := known(in.Allow); err != nil {
		return nil, err
	}
	s, err := newSurvey(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("checking release %q: %w", in.Release.Name, err)
	}
	r := &Report{
		Release: in.Release.Name + " " + in.Release.Version, Target: in.Target,
		Apps: len(in.Release.Apps), Natives: len(s.natives), Findings: []Finding{},
	}
	for _, rule := range Rules() {
		if len(in.Only) > 0 && !slices.Contains(in.Only, rule.ID) {
			continue
		}
		for _, f := range rule.run(s) {
			f.Rule, f.Allowed = rule.ID, slices.Contains(in.Allow, rule.ID)
			r.Findings = append(r.Findings, f)
		}
	}
	slices.SortStableFunc(r.Findings, byGuilt)
	return r, nil
}

// byGuilt puts the worst first and, among equals, dependencies before the
// project's own applications before the rest: what came from elsewhere is the
// likelier cause.
func byGuilt(a, b Finding) int {
	rank := func(f Finding) int {
		i := slices.Index([]string{"dependency", "own"}, f.Subject.Origin)
		if i < 0 {
			return 2
		}
		return i
	}
	return cmp.Or(-cmp.Compare(a.Verdict, b.Verdict), cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Subject.App, b.Subject.App))
}

func known(allow []string) error {
	var ids []string
	for _, r := range Rules() {
		ids = append(ids, r.ID)
	}
	for _, id := range allow {
		if !slices.Contains(ids, id) {
			return problem.New(problem.Usage, fmt.Sprintf("the rules are %v", ids), "there is no rule %q to allow", id)
		}
	}
	return nil
}

func subject(f release.File) Subject {
	return Subject{File: f.Path, App: f.App, Origin: f.Origin.String()}
}

// Needs is in a few words what would make the findings pass, once each: of
// symbol versions the newest of each library.
func Needs(findings []Finding) (out []string) {
	newest := map[string]string{}
	key := func(f Finding) string { return f.Evidence.Library + " " + family(f.Evidence.Label) }
	for _, f := range findings {
		if f.Evidence.Label != "" && target.CompareVersions(f.Evidence.Label, newest[key(f)]) > 0 {
			newest[key(f)] = f.Evidence.Label
		}
	}
	for _, f := range findings {
		outdone := f.Evidence.Label != "" && newest[key(f)] != f.Evidence.Label
		if f.Needs != "" && !outdone && !slices.Contains(out, f.Needs) {
			out = append(out, f.Needs)
		}
	}
	return out
}
