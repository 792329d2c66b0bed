package report

import (
	"fmt"
	"slices"
	"strings"

	"dram/internal/check"
	"dram/internal/target"
)

// said is a finding and its words.
type said struct {
	check.Finding
	Words
}

// sayAll makes words of all findings of a report.
func sayAll(r *check.Report) (out []said) {
	for _, f := range r.Findings {
		out = append(out, said{f, Say(r, f)})
	}
	return out
}

// issue is what a person acts upon once: findings of one rule about files of
// one owner that have one remedy. The JSON document has each by itself.
type issue struct {
	findings []said
	// lesser is how many findings of the same cause alone would be milder: the
	// tools beside a VM that cannot start itself.
	lesser int
}

func (i issue) first() said { return i.findings[0] }

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
func key(f said) string {
	k := strings.Join([]string{f.Rule, who(f.Finding), f.Remedy}, "\x00")
	if f.item != "" {
		return k
	}
	return k + "\x00" + f.Summary
}

// issues groups the findings that were not allowed, worst first; a milder
// finding joins the worse ones of its cause.
func issues(findings []said) (out []issue) {
	at := map[string]int{}
	for _, f := range findings {
		if f.Allowed {
			continue
		}
		i, ok := at[key(f)]
		switch {
		case !ok:
			at[key(f)] = len(out)
			out = append(out, issue{findings: []said{f}})
		case out[i].first().Verdict != f.Verdict:
			out[i].lesser++
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
func (i issue) needed() (out []said) {
	same := func(a, b said) bool {
		if a.Finding.Evidence.Library != "" {
			return a.Finding.Evidence.Library == b.Finding.Evidence.Library && family(a) == family(b)
		}
		return a.Summary == b.Summary
	}
	for _, f := range i.findings {
		j := slices.IndexFunc(out, func(o said) bool { return same(o, f) })
		switch {
		case j < 0:
			out = append(out, f)
		case target.CompareVersions(f.Finding.Evidence.Label, out[j].Finding.Evidence.Label) > 0:
			out[j] = f
		}
	}
	return out
}

func family(f said) string { return check.Family(f.Finding.Evidence.Label) }

// title says what is wrong in a line, whatever the number of findings.
func (i issue) title() string {
	needed := i.needed()
	if len(needed) == 1 {
		return needed[0].Summary
	}
	return strings.NewReplacer(
		"#{count}", fmt.Sprint(len(needed)), "#{libraries}", count(libraries(needed), "library", "libraries"),
	).Replace(i.first().many)
}

func libraries(findings []said) int {
	var names []string
	for _, f := range findings {
		if name := f.Finding.Evidence.Library; !slices.Contains(names, name) {
			names = append(names, name)
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

// action is what all issues have in common to be done first, "" if they have
// nothing.
func action(all []issue) string {
	common := ""
	for n, i := range all {
		first := i.first().actions[0]
		if n > 0 && first != common {
			return ""
		}
		common = first
	}
	return common
}

// needs is in a few words what would make the findings pass, once each: of
// symbol versions the newest of each library.
func needs(findings []said) (out []string) {
	newest := map[string]string{}
	key := func(f said) string { return f.Finding.Evidence.Library + " " + family(f) }
	for _, f := range findings {
		if label := f.Finding.Evidence.Label; label != "" && target.CompareVersions(label, newest[key(f)]) > 0 {
			newest[key(f)] = label
		}
	}
	for _, f := range findings {
		label := f.Finding.Evidence.Label
		outdone := label != "" && newest[key(f)] != label
		if f.Needs != "" && !outdone && !slices.Contains(out, f.Needs) {
			out = append(out, f.Needs)
		}
	}
	return out
}
