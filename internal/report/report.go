// Package report writes what a check found: as text that a person acts on, as
// JSON with a versioned schema (docs/check.md), as SARIF 2.1.0 for viewers of
// code scanning.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"dram/internal/check"
	"dram/internal/target"
)

// Schema is the version of the JSON document.
const Schema = "dram.check/1"

// Formats are the names that Write takes.
func Formats() []string { return []string{"text", "json", "sarif"} }

// Write writes a report in a format.
func Write(w io.Writer, format string, r *check.Report) error {
	switch format {
	case "text":
		return Text(w, r)
	case "json":
		return JSON(w, r)
	case "sarif":
		return SARIF(w, r)
	}
	return fmt.Errorf("writing report: unknown format %q", format)
}

// document is the JSON report.
type document struct {
	Schema   string          `json:"schema"`
	Release  string          `json:"release"`
	Target   place           `json:"target"`
	Verdict  check.Verdict   `json:"verdict"` // the worst that was not allowed
	Summary  string          `json:"summary"`
	Needs    []string        `json:"needs"` // what would make it pass
	Apps     int             `json:"applications"`
	Natives  int             `json:"native_files"`
	Findings []check.Finding `json:"findings"`
}

type place struct {
	Name  string       `json:"name"`
	Facts target.Facts `json:"facts"`
}

// JSON writes the report as one JSON document.
func JSON(w io.Writer, r *check.Report) error {
	return encode(w, document{
		Schema: Schema, Release: r.Release, Target: place{r.Target.Name, r.Target.Facts}, Verdict: r.Worst(), Summary: Summary(r),
		Needs: append([]string{}, check.Needs(guilty(r))...), Apps: r.Apps, Natives: r.Natives, Findings: r.Findings,
	})
}

func encode(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// guilty is the findings of the worst verdict.
func guilty(r *check.Report) []check.Finding {
	worst := r.Worst()
	if worst == check.OK {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(r.Findings), func(f check.Finding) bool { return f.Allowed || f.Verdict != worst })
}

// Summary is the one line that says it all.
func Summary(r *check.Report) string {
	found := guilty(r)
	blocks := len(merge(found))
	switch r.Worst() {
	case check.Fail:
		return fmt.Sprintf("FAIL: %s will not run on %s: %s; it would pass with %s", r.Release, r.Target.Name, count(blocks, "problem"), needs(found))
	case check.Unknown:
		return fmt.Sprintf("UNKNOWN: whether %s runs on %s: %s could not be decided; it would pass with %s", r.Release, r.Target.Name, count(blocks, "point"), needs(found))
	case check.Warn:
		return fmt.Sprintf("OK, with %s: %s runs on %s (%s, %s)", count(blocks, "warning"), r.Release, r.Target.Name,
			count(r.Apps, "application"), count(r.Natives, "native file"))
	case check.OK:
	}
	return fmt.Sprintf("OK: %s runs on %s (%s, %s)", r.Release, r.Target.Name, count(r.Apps, "application"), count(r.Natives, "native file"))
}

const maxNeeds = 5

func needs(found []check.Finding) string {
	list := check.Needs(found)
	if len(list) > maxNeeds {
		list = append(slices.Clip(list[:maxNeeds]), fmt.Sprintf("%d more", len(list)-maxNeeds))
	}
	return strings.Join(list, "; ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// merge puts findings together that say the same of several files of one
// application: a person acts once on them.
func merge(findings []check.Finding) (out [][]check.Finding) {
	type key struct{ rule, app, origin, summary string }
	at := map[key]int{}
	for _, f := range findings {
		k := key{f.Rule, f.Subject.App, f.Subject.Origin, f.Summary}
		if i, ok := at[k]; ok {
			out[i] = append(out[i], f)
			continue
		}
		at[k] = len(out)
		out = append(out, []check.Finding{f})
	}
	return out
}
