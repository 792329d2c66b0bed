package check

import (
	"fmt"
	"strings"

	"dram/internal/secret"
)

// recipe is part of what names a result that was checked. Raise it whenever a
// rule comes to another verdict on the same release and target; rules that come
// or go show by themselves.
const recipe = 12

// Recipe names the rules of this program: what was checked by the same recipe
// need not be checked again.
func Recipe() string {
	var ids []string
	for _, r := range Rules() {
		ids = append(ids, r.ID)
	}
	return fmt.Sprintf("%d-%d %s", recipe, secret.Rules, strings.Join(ids, " "))
}

// Failed is the rules that fail, in order, allowed or not, each once.
func (r *Report) Failed() []string { return r.of(func(f Finding) bool { return f.Verdict == Fail }) }

// Refused is the rules that give the worst verdict of those that were not
// allowed, in order, each once.
func (r *Report) Refused() []string {
	worst := r.Worst()
	return r.of(func(f Finding) bool { return f.Verdict == worst && !f.Allowed })
}

func (r *Report) of(is func(Finding) bool) []string {
	var rules []string
	seen := map[string]bool{}
	for _, f := range r.Findings {
		if is(f) && !seen[f.Rule] {
			seen[f.Rule] = true
			rules = append(rules, f.Rule)
		}
	}
	return rules
}
