package check

import (
	"fmt"
	"slices"
	"strings"

	"dram/internal/grammar"
	"dram/internal/problem"
)

// Rule is one row of the table.
type Rule struct {
	ID    string
	Title string  // what must hold, in a sentence
	Doc   Doc     // for people who meet it
	Worst Verdict // the worst that it gives
	Run   func(*Survey) []Finding
}

// Doc says of a rule what nobody who meets it has to look up elsewhere.
type Doc struct {
	Looks string // what it looks for, and why
	Seen  string // an example of what is seen at run time where it does not hold
	Do    string // what to do
}

// Rules is all rules, in the order in which they run. A rule is a file of its
// own and a row here; docs/check.md and dram explain follow.
func Rules() []Rule {
	return []Rule{
		platformRule, formatRule, archRule, loaderRule, interpreterRule, sonameRule, symbolVersionRule, symbolRule, libcMixRule, relrRule,
		dlopenRule, execStackRule, staticTLSRule, isaRule, nifAPIRule, nifFunctionsRule, nifEntryRule, openedRule, beamRule, otpRule, bootRule,
		onLoadRule, configRule, environmentRule, startRule, vmArgsRule, consistencyRule, relupRule, execBitRule, shebangRule, programRule, linkRule, cookieRule, secretRule, artefactRule, accessRule,
		writableRule, portableRule, hostsRule, timeZoneRule, caBundleRule, localeRule,
	}
}

// Known is an error where one of the names is no rule's.
func Known(names []string) error { return known(Rules(), names) }

func known(rules []Rule, names []string) error {
	var ids []string
	for _, r := range rules {
		ids = append(ids, r.ID)
	}
	for _, id := range names {
		if !slices.Contains(ids, id) {
			return problem.New(problem.Usage, fmt.Sprintf("the rules are %v", ids), "there is no rule %q to allow", id)
		}
	}
	return nil
}

// Lookup is the rule of a name. If there is none, near has the names that are
// most like it, the likest first.
func Lookup(name string) (rule Rule, near []string, ok bool) {
	type candidate struct {
		id       string
		distance int
	}
	var all []candidate
	for _, r := range Rules() {
		if r.ID == name {
			return r, nil, true
		}
		d := grammar.Distance(name, r.ID)
		if strings.Contains(r.ID, name) || strings.Contains(name, r.ID) {
			d = min(d, 1)
		}
		all = append(all, candidate{r.ID, d})
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return a.distance - b.distance })
	const most = 3
	for _, c := range all[:most] {
		if len(near) == 0 || c.distance <= max(all[0].distance, len(name)/2) {
			near = append(near, c.id)
		}
	}
	return Rule{}, near, false
}
