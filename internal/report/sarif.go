package report

import (
	"io"
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
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID    string    `json:"id"`
		Short sarifText `json:"shortDescription"`
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
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "dram"}}, Results: []sarifResult{}}
	rules := check.Rules()
	for _, rule := range rules {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{rule.ID, sarifText{rule.Title}})
	}
	for _, f := range r.Findings {
		result := sarifFinding(f, r.Target.Name)
		result.RuleIndex = slices.IndexFunc(rules, func(x check.Rule) bool { return x.ID == f.Rule })
		run.Results = append(run.Results, result)
	}
	return encode(w, sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{run},
	})
}

func sarifFinding(f check.Finding, on string) sarifResult {
	level := "warning"
	if f.Verdict == check.Fail {
		level = "error"
	}
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
		RuleID: f.Rule, Level: level, Message: sarifText{strings.Join(text, " ")},
		Locations:    []sarifLocation{{sarifPhysical{sarifArtifact{escape(file)}}}},
		Fingerprints: map[string]string{"dram/v1": strings.Join([]string{f.Rule, f.Subject.File, f.Needs}, "|")},
		Properties:   map[string]any{"verdict": f.Verdict, "target": on, "application": f.Subject.App, "evidence": f.Evidence},
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
