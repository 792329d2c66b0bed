package report

import (
	"fmt"
	"slices"
	"strings"

	"dram/internal/check"
	"dram/internal/target"
)

// issue is what a person acts upon once: findings of one rule about files of
// one owner that have one remedy. The JSON document has each by itself.
type issue struct {
	findings []check.Finding
	// aside is findings of the same cause that alone would be milder: the tools
	// beside a VM that cannot start itself.
	aside int
}

func (i issue) first() check.Finding { return i.findings[0] }

// who owns the files: an application, the VM, the release, the target.
func who(f check.Finding) string {
	switch {
	case f.Subject.App != "":
		return f.Subject.App
	case f.Subject.Origin == "erts" && f.Subject.File != "":
		return "the VM"
	case f.Subject.Origin == "metadata":
		return "the release"
	}
	return "the target"
}

// key is what findings have in common that are one issue.
func key(f check.Finding) string {
	k := strings.Join([]string{f.Rule, who(f), f.Remedy}, "\x00")
	if slices.Contains([]string{"symbol-version", "soname"}, f.Rule) {
		return k
	}
	return k + "\x00" + f.Summary
}

// issues groups the findings that were not allowed, worst first; a milder
// finding joins the worse ones of its cause.
func issues(findings []check.Finding) (out []issue) {
	at := map[string]int{}
	for _, f := range findings {
		if f.Allowed {
			continue
		}
		i, ok := at[key(f)]
		switch {
		case !ok:
			at[key(f)] = len(out)
			out = append(out, issue{findings: []check.Finding{f}})
		case out[i].first().Verdict != f.Verdict:
			out[i].aside++
		default:
			out[i].findings = append(out[i].findings, f)
		}
	}
	return out
}

// of is the issues of one verdict.
func of(all []issue, v check.Verdict) []issue {
	return slices.DeleteFunc(slices.Clone(all), func(i issue) bool { return i.first().Verdict != v })
}

// needed is what the findings of an issue ask of one library or say otherwise,
// once each: of a library's versions the newest alone.
func (i issue) needed() (out []check.Finding) {
	same := func(a, b check.Finding) bool {
		if a.Evidence.Library != "" {
			return a.Evidence.Library == b.Evidence.Library && family(a) == family(b)
		}
		return a.Summary == b.Summary
	}
	for _, f := range i.findings {
		j := slices.IndexFunc(out, func(o check.Finding) bool { return same(o, f) })
		switch {
		case j < 0:
			out = append(out, f)
		case target.CompareVersions(f.Evidence.Label, out[j].Evidence.Label) > 0:
			out[j] = f
		}
	}
	return out
}

// family is a label up to its first digit: "GLIBC_".
func family(f check.Finding) string {
	return strings.TrimRight(f.Evidence.Label, "0123456789._")
}

// title says what is wrong in a line, whatever the number of findings.
func (i issue) title() string {
	needed := i.needed()
	switch {
	case len(needed) == 1:
		return needed[0].Summary
	case i.first().Rule == "symbol-version":
		return fmt.Sprintf("it needs newer versions of %s than the target has", count(libraries(needed), "library", "libraries"))
	}
	return fmt.Sprintf("it needs %d libraries that are not on the target", len(needed))
}

func libraries(findings []check.Finding) int {
	var names []string
	for _, f := range findings {
		if !slices.Contains(names, f.Evidence.Library) {
			names = append(names, f.Evidence.Library)
		}
	}
	return len(names)
}

// files are those that the findings are about, once each.
func (i issue) files() (out []string) {
	for _, f := range i.findings {
		if f.Subject.File != "" && !slices.Contains(out, f.Subject.File) {
			out = append(out, f.Subject.File)
		}
	}
	return out
}

// action is the remedy that all issues have in common, "" if they have none:
// what comes before the first semicolon.
func action(all []issue) string {
	common := ""
	for n, i := range all {
		first, _, _ := strings.Cut(i.first().Remedy, "; ")
		if n > 0 && first != common {
			return ""
		}
		common = first
	}
	return common
}
