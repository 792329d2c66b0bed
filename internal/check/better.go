package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// best is the level of x86-64 processors that looks into every folder for one.
const best = "x86-64-v4"

// onBetter is what is found where a better processor gets other libraries, of which
// it is not known whether it is one: what only one of them finds is not known.
func onBetter(ctx context.Context, in Input, plain []Finding) ([]Finding, error) {
	in.level = best
	s, err := newSurvey(ctx, in)
	if err != nil {
		return nil, err
	}
	found := s.findings(in)
	both := func(f Finding, others []Finding) bool {
		return slices.ContainsFunc(others, func(o Finding) bool { return o.same() == f.same() })
	}
	var out []Finding
	for _, f := range plain {
		if !both(f, found) {
			f.Verdict = min(f.Verdict, Unknown)
		}
		out = append(out, f)
	}
	for _, f := range found {
		if !both(f, plain) {
			f.Verdict = min(f.Verdict, Unknown)
			out = append(out, f)
		}
	}
	return out, nil
}

// same tells findings apart.
func (f *Finding) same() string {
	return strings.Join([]string{f.Rule, f.Subject.File, f.Cause.ID, fmt.Sprint(f.Params)}, "\x00")
}
