package source

import (
	"fmt"
	"strings"

	"github.com/moby/patternmatcher"
)

// Bounds of what holding paths against patterns may cost: each wildcard of a pattern may
// stand for any part of a path, and costs some 30 ns for each byte of one.
const (
	maxWildcards  = 20_000      // of all patterns: they take memory as well
	freeWildcards = 100         // as many are matched however many files there are
	maxMatching   = 300_000_000 // wildcards beyond that, times bytes of paths: ten seconds
)

var errCostly = fmt.Errorf("its patterns have too many wildcards for that many files; %d are right for any number", freeWildcards)

// matcher holds paths against the patterns of a .dockerignore, by Docker's own library,
// and no longer than patterns that somebody wrote to be of use take: a few thousand of
// them, each with a few wildcards, would take hours.
type matcher struct {
	patterns *patternmatcher.PatternMatcher
	weight   int        // wildcards of all patterns that are not free
	spent    int        // of maxMatching
	back     [][]string // the exceptions ("!…"), by their elements
}

func newMatcher(patterns []string) (*matcher, error) {
	m, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, err
	}
	out, wildcards := &matcher{patterns: m}, 0
	for _, p := range m.Patterns() {
		wildcards += weight(p.String())
		if p.Exclusion() {
			out.back = append(out.back, strings.Split(p.String(), "/"))
		}
	}
	if wildcards > maxWildcards {
		return nil, fmt.Errorf("%d wildcards, at most %d are read", wildcards, maxWildcards)
	}
	out.weight = max(0, wildcards-freeWildcards)
	return out, nil
}

// weight is how many wildcards a pattern has. What the library compares without a
// regular expression has none.
func weight(pattern string) int {
	rest := strings.TrimSuffix(strings.TrimPrefix(pattern, "**/"), "/**")
	return strings.Count(rest, "*") + strings.Count(rest, "?") + strings.Count(rest, "[") + strings.Count(rest, `\`)
}

// pay takes from what may be spent what matching a path costs.
func (m *matcher) pay(bytes int) error {
	if m.spent += m.weight * bytes; m.spent > maxMatching {
		return errCostly
	}
	return nil
}

// below says whether the patterns match a path in a directory that they matched as parent
// says, and what they say of it for what lies in there.
func (m *matcher) below(name string, parent patternmatcher.MatchInfo) (bool, patternmatcher.MatchInfo, error) {
	if err := m.pay(len(name)); err != nil {
		return false, patternmatcher.MatchInfo{}, err
	}
	return m.patterns.MatchesUsingParentResults(name, parent)
}

// matches says whether the patterns match a path, or a directory above it.
func (m *matcher) matches(name string) (bool, error) {
	if err := m.pay(len(name) * (strings.Count(name, "/") + 1)); err != nil {
		return false, err
	}
	return m.patterns.MatchesOrParentMatches(name)
}

// mayReturn says whether an exception ("!…") may bring back something in the
// directory dir that is itself excluded.
func (m *matcher) mayReturn(dir string) bool {
	parts := strings.Split(dir, "/")
	for _, wanted := range m.back {
		for i, want := range wanted {
			if i == len(parts) || strings.ContainsAny(want, "*?[\\") {
				return true
			}
			if want != parts[i] {
				break
			}
			if len(wanted) == i+1 {
				return true // dir lies in what comes back
			}
		}
	}
	return false
}

// names says whether an exception is a path: one that matches more names nothing.
func (m *matcher) names() map[string]bool {
	named := map[string]bool{}
	for _, p := range m.patterns.Patterns() {
		if p.Exclusion() {
			named[p.String()] = true
		}
	}
	return named
}
