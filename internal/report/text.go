package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"dram/internal/check"
	"dram/internal/ui"
)

// Limits of what a block of text lists; JSON has everything.
const (
	maxFiles = 3
	maxPaths = 3
	maxWants = 3
)

// Text writes the report for a person: the worst first, one block a problem,
// the summary in the last line.
func Text(w io.Writer, r *check.Report) error {
	b := bufio.NewWriter(w)
	said := sayAll(r)
	all := issues(said)
	for _, verdict := range []check.Verdict{check.Fail, check.Unknown, check.Warn} {
		for _, i := range of(all, verdict) {
			block(b, i)
		}
	}
	allowed(b, r.Findings)
	fmt.Fprintln(b, ui.Line(summary(r, said))) //nolint:errcheck // Flush tells
	return b.Flush()
}

func block(b *bufio.Writer, i issue) {
	f := i.first()
	put := func(name, text string) {
		if text != "" {
			fmt.Fprintf(b, "  %-7s %s\n", name, ui.Line(text)) //nolint:errcheck // Flush tells
		}
	}
	fmt.Fprintf(b, "%-8s%s: %s [%s]\n", f.Verdict, ui.Line(who(f.Finding)), ui.Line(i.title()), f.Rule) //nolint:errcheck // Flush tells
	put("file", short(i.files(), maxFiles))
	if needed := i.needed(); len(needed) > 1 {
		name := "needs"
		for _, n := range needed {
			put(name, n.item)
			name = ""
		}
	} else {
		f = needed[0]
		e := f.Words.Evidence
		put("wants", short(f.Finding.Evidence.Wants, maxWants))
		put("has", has(e))
		put("looked", short(e.Considered, maxPaths))
		put("why", e.Detail)
	}
	put("then", f.Symptom)
	put("do", f.Remedy)
	if i.lesser > 0 {
		put("also", fmt.Sprintf("%s of the same cause, about files that a start does without", count(i.lesser, "warning", "warnings")))
	}
	fmt.Fprintln(b) //nolint:errcheck // Flush tells
}

// has is what the target offers instead.
func has(e check.Evidence) string {
	switch {
	case e.Provider != "" && e.Newest != "":
		return fmt.Sprintf("%s, in /%s", e.Newest, e.Provider)
	case e.Provider != "":
		return "/" + e.Provider
	}
	return e.Newest
}

func short(list []string, most int) string {
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}

// allowed says which rules were let pass, and how often.
func allowed(b *bufio.Writer, findings []check.Finding) {
	times := map[string]int{}
	var rules []string
	for _, f := range findings {
		if f.Allowed {
			if times[f.Rule]++; times[f.Rule] == 1 {
				rules = append(rules, f.Rule)
			}
		}
	}
	for _, r := range rules {
		fmt.Fprintf(b, "allowed %s: %s\n", r, count(times[r], "finding", "findings")) //nolint:errcheck // Flush tells
	}
}
