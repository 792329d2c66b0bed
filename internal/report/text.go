package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"dram/internal/check"
)

// Limits of what a block of text lists; JSON has everything.
const (
	maxFiles = 4
	maxPaths = 6
)

// Text writes the report for a person: the worst first, one block a problem,
// the summary in the last line.
func Text(w io.Writer, r *check.Report) error {
	b := bufio.NewWriter(w)
	for _, verdict := range []check.Verdict{check.Fail, check.Unknown, check.Warn} {
		of := slices.DeleteFunc(slices.Clone(r.Findings), func(f check.Finding) bool { return f.Verdict != verdict || f.Allowed })
		for _, same := range merge(of) {
			block(b, same)
		}
	}
	allowed(b, r.Findings)
	fmt.Fprintln(b, Summary(r)) //nolint:errcheck // Flush tells
	return b.Flush()
}

func block(b *bufio.Writer, same []check.Finding) {
	f := same[0]
	put := func(name, text string) {
		if text != "" {
			fmt.Fprintf(b, "  %-7s %s\n", name, text) //nolint:errcheck // Flush tells
		}
	}
	who := f.Subject.App
	if who == "" {
		who = map[string]string{"erts": "the VM", "metadata": "the release"}[f.Subject.Origin]
	}
	fmt.Fprintf(b, "%-8s%s: %s [%s]\n", f.Verdict, orTarget(who), f.Summary, f.Rule) //nolint:errcheck // Flush tells
	var files []string
	for _, s := range same {
		if s.Subject.File != "" {
			files = append(files, s.Subject.File)
		}
	}
	put("file", short(files, maxFiles))
	put("wants", strings.Join(f.Evidence.Wants, ", "))
	put("has", has(f.Evidence))
	put("looked", short(f.Evidence.Considered, maxPaths))
	put("why", f.Evidence.Detail)
	put("then", f.Symptom)
	put("do", f.Remedy)
	fmt.Fprintln(b) //nolint:errcheck // Flush tells
}

func orTarget(who string) string {
	if who == "" {
		return "the target"
	}
	return who
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
		fmt.Fprintf(b, "allowed %s: %s\n", r, count(times[r], "finding")) //nolint:errcheck // Flush tells
	}
}
