package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"dram/internal/check"
)

// SARIF 2.1.0 (OASIS), as far as viewers of code scanning read it.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		Automation sarifID       `json:"automationDetails"` // one category of alerts a target
		Results    []sarifResult `json:"results"`
	}
	sarifID struct {
		ID string `json:"id"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string       `json:"id"`
		Short   sarifText    `json:"shortDescription"`
		Full    sarifText    `json:"fullDescription"`
		Help    sarifText    `json:"help"`
		Default sarifDefault `json:"defaultConfiguration"`
	}
	sarifDefault struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID       string             `json:"ruleId"`
		RuleIndex    int                `json:"ruleIndex"`
		Level        string             `json:"level"`
		Message      sarifText          `json:"message"`
		Locations    []sarifLocation    `json:"locations"`
		Fingerprints map[string]string  `json:"partialFingerprints"`
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
		Properties   map[string]any     `json:"properties"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Justification string `json:"justification"`
	}
)

// SARIF writes the report as a SARIF log.
func SARIF(w io.Writer, r *check.Report) error {
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "dram"}},
		Automation: sarifID{"dram check/" + r.Target.Name}, Results: []sarifResult{},
	}
	rules := r.Rules
	for _, rule := range rules {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, newRule(rule))
	}
	for _, f := range sayAll(r) {
		result := sarifFinding(f, r.Target.Name)
		result.RuleIndex = slices.IndexFunc(rules, func(x check.Rule) bool { return x.ID == f.Rule })
		run.Results = append(run.Results, result)
	}
	return encode(w, sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{run},
	})
}

// newRule describes a rule; its level is that of its worst finding.
func newRule(r check.Rule) sarifRule {
	title := strings.ToUpper(r.Title[:1]) + r.Title[1:] + "."
	return sarifRule{
		ID: r.ID, Short: sarifText{title}, Full: sarifText{"What must hold: " + r.Title + "."},
		Help:    sarifText{fmt.Sprintf("Each result says what is seen at run time and what to do. To let the rule pass: dram check --allow %s.", r.ID)},
		Default: sarifDefault{level(r.Worst)},
	}
}

// level is a verdict as SARIF has it.
func level(v check.Verdict) string {
	if v == check.Fail {
		return "error"
	}
	return "warning"
}

// identity is the same for the same problem of the same file in every run, in
// whatever words it is said: the rule, the file, the cause and its parameters.
// Versions of the release and of applications, which are in paths, do not count.
func identity(f check.Finding) string {
	app, _, _ := strings.Cut(f.Subject.App, "-")
	file := f.Subject.File
	if f.Subject.App != "" {
		file = strings.Replace(file, f.Subject.App, app, 1)
	}
	parts := []string{f.Rule, app, versionFolder.ReplaceAllString(file, "$1/"), f.Cause.ID}
	for _, name := range slices.Sorted(maps.Keys(f.Params)) {
		parts = append(parts, name+"="+f.Params[name])
	}
	return strings.Join(parts, "|")
}

// versionFolder is a folder of a release that is named by a version.
var versionFolder = regexp.MustCompile(`^(releases|erts)[/-][0-9][^/]*(?:/|$)`)

func fingerprint(f check.Finding) string {
	sum := sha256.Sum256([]byte(identity(f)))
	return hex.EncodeToString(sum[:8])
}

func sarifFinding(f said, on string) sarifResult {
	file := f.Subject.File
	if file == "" {
		file = "releases/start_erl.data" // viewers want a file; every release has this one
	}
	text := []string{f.Summary + "."}
	if f.Symptom != "" {
		text = append(text, "Then: "+f.Symptom+".")
	}
	if f.Remedy != "" {
		text = append(text, "Do: "+f.Remedy+".")
	}
	out := sarifResult{
		RuleID: f.Rule, Level: level(f.Verdict), Message: sarifText{strings.Join(text, " ")},
		Locations:    []sarifLocation{{sarifPhysical{sarifArtifact{escape(file)}, sarifRegion{1}}}},
		Fingerprints: map[string]string{"primaryLocationLineHash": fingerprint(f.Finding) + ":1", "dram/v2": identity(f.Finding)},
		Properties:   map[string]any{"verdict": f.Verdict, "target": on, "application": f.Subject.App, "evidence": f.Words.Evidence},
	}
	if f.Allowed {
		out.Suppressions = []sarifSuppression{{"external", "allowed by name"}}
	}
	return out
}

// escape makes a path a relative reference (RFC 3986).
func escape(p string) string {
	var b strings.Builder
	for _, c := range []byte(p) {
		plain := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~/@!$&'()*+,;=", c) >= 0
		if plain {
			b.WriteByte(c)
		} else {
			const hex = "0123456789ABCDEF"
			b.WriteString(string([]byte{'%', hex[c>>4], hex[c&15]}))
		}
	}
	return b.String()
}
