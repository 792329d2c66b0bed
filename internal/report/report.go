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
	Schema   string        `json:"schema"`
	Release  string        `json:"release"`
	Target   place         `json:"target"`
	Verdict  check.Verdict `json:"verdict"` // the worst that was not allowed
	Summary  string        `json:"summary"`
	Needs    []string      `json:"needs"` // what would make it pass
	Apps     int           `json:"applications"`
	Natives  int           `json:"native_files"`
	Findings []found       `json:"findings"`
}

// found is a finding in JSON.
type found struct {
	Rule     string         `json:"rule"`
	Verdict  check.Verdict  `json:"verdict"`
	Allowed  bool           `json:"allowed,omitempty"`
	Subject  check.Subject  `json:"subject"`
	Summary  string         `json:"summary"`
	Evidence check.Evidence `json:"evidence"`
	Symptom  string         `json:"symptom,omitempty"`
	Remedy   string         `json:"remedy,omitempty"`
	Needs    string         `json:"needs,omitempty"`
}

type place struct {
	Name  string       `json:"name"`
	Facts target.Facts `json:"facts"`
}

// JSON writes the report as one JSON document.
func JSON(w io.Writer, r *check.Report) error {
	all := sayAll(r)
	doc := document{
		Schema: Schema, Release: r.Release, Target: place{r.Target.Name, r.Target.Facts}, Verdict: r.Worst(), Summary: summary(r, all),
		Needs: append([]string{}, needs(guilty(all, r.Worst()))...), Apps: r.Apps, Natives: r.Natives, Findings: []found{},
	}
	for _, f := range all {
		doc.Findings = append(doc.Findings, found{
			f.Rule, f.Verdict, f.Allowed, f.Subject, f.Summary, f.Words.Evidence, f.Symptom, f.Remedy, f.Needs,
		})
	}
	return encode(w, doc)
}

func encode(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// guilty is the findings of the worst verdict.
func guilty(all []said, worst check.Verdict) []said {
	if worst == check.OK {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(all), func(f said) bool { return f.Allowed || f.Verdict != worst })
}

// summary is the one line that says it all, and what would make it pass: what
// to do if one thing is to be done, else what is needed.
func summary(r *check.Report, said []said) string {
	found := guilty(said, r.Worst())
	all := of(issues(said), r.Worst())
	pass := "it would pass with " + needed(found)
	if do := action(all); do != "" && len(all) > 1 {
		pass = do
	}
	looked := fmt.Sprintf("(%s, %s)", count(r.Apps, "application", "applications"), count(r.Natives, "native file", "native files"))
	switch r.Worst() {
	case check.Fail:
		return fmt.Sprintf("FAIL: %s will not run on %s: %s; %s", r.Release, r.Target.Name, count(len(all), "problem", "problems"), pass)
	case check.Unknown:
		return fmt.Sprintf("UNKNOWN: whether %s runs on %s: %s could not be decided; %s", r.Release, r.Target.Name, count(len(all), "point", "points"), pass)
	case check.Warn:
		if once := installing(found); once != "" {
			return fmt.Sprintf("OK once %s: %s runs on %s %s", once, r.Release, r.Target.Name, looked)
		}
		return fmt.Sprintf("OK, with %s: %s runs on %s %s", count(len(all), "warning", "warnings"), r.Release, r.Target.Name, looked)
	case check.OK:
	}
	return fmt.Sprintf("OK: %s runs on %s %s", r.Release, r.Target.Name, looked)
}

// installing is what has to be installed, and by which command; "" if nothing has.
func installing(found []said) string {
	var names []string
	command := ""
	for _, f := range found {
		if !f.Cause.Once || f.Supplier == nil || slices.Contains(names, f.Supplier.Package) {
			continue
		}
		names = append(names, f.Supplier.Package)
		if f.Supplier.Install != "" {
			command = strings.TrimSuffix(f.Supplier.Install, " "+f.Supplier.Package)
		}
	}
	slices.Sort(names)
	switch {
	case len(names) == 0:
		return ""
	case command == "":
		return join(names) + " " + is(len(names)) + " installed"
	}
	return join(names) + " " + is(len(names)) + " installed (" + command + " " + strings.Join(names, " ") + ")"
}

func is(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// join lists names as a sentence does.
func join(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

const maxNeeds = 5

func needed(found []said) string {
	list := needs(found)
	if len(list) > maxNeeds {
		list = append(slices.Clip(list[:maxNeeds]), fmt.Sprintf("%d more", len(list)-maxNeeds))
	}
	return strings.Join(list, "; ")
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
