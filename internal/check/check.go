// Package check says whether a release will run on a target, and if not, which
// file, symbol and dependency is at fault and what to do. It runs nothing and
// asks no network.
//
// It is a table of rules: each is a small function that looks at one survey of
// release and target and returns findings, which are values. Package report
// makes words of them. What a rule cannot know gives the verdict Unknown, never
// OK. The same release and target give the same findings in the same order.
package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"dram/internal/release"
	"dram/internal/target"
	"dram/internal/tool"
)

// Input is what is checked.
type Input struct {
	Release *release.Release
	Target  *target.Target
	At      string   // where the release lies on the target; default "app"
	Rules   []Rule   // what is looked for, in order; nil is Rules()
	Allow   []string // rules by name
	Only    []string // rules by name that run, if not all
	// Settings is what the image's configuration says besides, "K=V": variables
	// and labels, which whoever has the image has.
	Settings []string
	// Tools are those that may have made the release; nil for all that dram knows.
	Tools tool.Table
	// Memory is what checks of the same project remember; nil for nothing.
	Memory *Memory
	Image  *Image // the image that the release is started in; nil if none is known
	level  string // of the processor, in place of the target's
}

// processor is the level of processors that the release runs on, "" if unknown.
func (in *Input) processor() string { return cmp.Or(in.level, in.Target.Facts.CPU) }

// Report is what a check found.
type Report struct {
	Release   string // "hello 0.1.0"
	Target    *target.Target
	At        string    // where the release lies on the target
	Toolchain string    // by which a release is built for the target, "distro:debian/12"; "" if none is known
	Rules     []Rule    // what was looked for
	Findings  []Finding // worst first
	Apps      int       // applications that were looked at
	Natives   int       // native files that were looked at
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

// Run checks a release against a target.
func Run(ctx context.Context, in Input) (*Report, error) {
	if in.Rules == nil {
		in.Rules = Rules()
	}
	if err := known(in.Rules, in.Allow); err != nil {
		return nil, err
	}
	s, err := newSurvey(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("checking release %q: %w", in.Release.Name, err)
	}
	r := &Report{
		Release: in.Release.Name + " " + in.Release.Version, Target: in.Target, At: s.at, Toolchain: toolchainFor(in.Target.Facts.OS),
		Rules: in.Rules, Apps: len(in.Release.Apps), Natives: len(s.natives), Findings: []Finding{},
	}
	r.Findings = append(r.Findings, s.findings(in)...)
	if s.session.Better() && in.processor() == "" {
		if r.Findings, err = onBetter(ctx, in, r.Findings); err != nil {
			return nil, fmt.Errorf("checking release %q: %w", in.Release.Name, err)
		}
	}
	slices.SortStableFunc(r.Findings, compare)
	return r, nil
}

// findings has each rule look.
func (s *Survey) findings(in Input) (out []Finding) {
	for _, rule := range in.Rules {
		if len(in.Only) > 0 && !slices.Contains(in.Only, rule.ID) {
			continue
		}
		for _, f := range rule.Run(s) {
			if s.obscured(rule.ID) {
				f.Verdict = min(f.Verdict, Unknown)
			}
			f.Rule, f.Allowed = rule.ID, slices.Contains(in.Allow, rule.ID)
			out = append(out, f)
		}
	}
	return out
}

// compare puts the worst first and, among equals, dependencies before the
// project's own applications before the rest: what came from elsewhere is the
// likelier cause.
func compare(a, b Finding) int {
	rank := func(f Finding) int {
		i := slices.Index([]string{"dependency", "own"}, f.Subject.Origin)
		if i < 0 {
			return 2
		}
		return i
	}
	return cmp.Or(-cmp.Compare(a.Verdict, b.Verdict), cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Subject.App, b.Subject.App))
}
