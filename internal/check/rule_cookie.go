package check

import (
	"path"
	"strings"

	"dram/internal/release"
)

var cookieRule = Rule{
	ID: "cookie", Title: "no cookie is baked in", Worst: Warn, Run: cookie,
	Doc: Doc{
		Looks: "releases/COOKIE with a cookie in it, and -setcookie in vm.args. Such a cookie is the same in every copy of the release.",
		Seen:  "nothing, until somebody who has the release or its image reaches the node and runs code on it",
		Do:    "Set RELEASE_COOKIE where the release runs, and remove the file. Images that dram makes do without it.",
	},
}

var bakedIn = Cause{
	ID: "baked-in", Summary: "it holds the distribution cookie, the same in every copy of the release", Detail: "#{option}",
	Symptom: "whoever has the release or its image and reaches the node can run code on it",
	Remedy:  "set RELEASE_COOKIE where it runs and remove the file\nimages that dram makes do without it", Needs: "RELEASE_COOKIE at run time",
}

// cookie: whoever has the release has it.
func cookie(s *Survey) (out []Finding) {
	found := func(name string, facts Params) {
		out = append(out, Finding{Verdict: Warn, Subject: subject(*s.files[name]), Cause: &bakedIn, Facts: facts})
	}
	if strings.TrimSpace(s.text("releases/COOKIE")) != "" {
		found("releases/COOKIE", nil)
	}
	for _, f := range s.rel.Files {
		if path.Base(f.Path) != "vm.args" || f.Origin != release.Metadata {
			continue
		}
		for line := range strings.Lines(s.text(f.Path)) {
			words := strings.Fields(line)
			if len(words) > 1 && words[0] == "-setcookie" && !strings.Contains(words[1], "$") {
				found(f.Path, Params{"option": "-setcookie …"})
			}
		}
	}
	return out
}
