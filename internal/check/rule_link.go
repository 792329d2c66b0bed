package check

import (
	"io/fs"
	"path"
	"strings"

	"dram/internal/fsutil"
	"dram/internal/tool/tools"
)

var linkRule = Rule{
	ID: "link", Title: "each link leads to something in the release or on the target", Worst: Fail, Run: link,
	Doc: Doc{
		Looks: "Symbolic links in the release: that they lead to something, inside the release or on the target. What else is outside does not come along.",
		Seen:  `{error,enoent} for a file that is there on the machine that built the release`,
		Do:    "Build the release without links to the outside, and remove links to nothing.",
	},
}

var (
	linkOutside = Cause{
		ID: "outside", Summary: "it is a link to #{to}, outside the release", Detail: "#{to}", Symptom: "on the target it leads nowhere, or to something else",
		Remedy: "build the release without links to the outside (#{settings})", Needs: "a release without links to the outside",
	}
	linkDangling = linkOutside.with(Cause{
		ID: "dangling", Summary: "it is a link to #{to}, which is not there", Remedy: "remove it", Needs: "a release without dangling links",
	})
)

// link: what a link leads to must come along.
func link(s *Survey) (out []Finding) {
	for _, f := range s.rel.Files {
		if f.Mode&fs.ModeSymlink == 0 {
			continue
		}
		inside := fsutil.LinkStays(f.Path, f.Link)
		_, err := s.rel.FS.Stat(f.Path)
		if inside && err == nil {
			continue
		}
		if _, err := s.root.Stat(s.on(f.Path)); err == nil {
			continue // the target has it
		}
		if path.IsAbs(f.Link) && strings.HasPrefix(path.Clean(f.Link), "/dev/") {
			continue // so has each machine, when it runs
		}
		found := Finding{Verdict: Fail, Subject: subject(f), Cause: &linkOutside, Facts: Params{"to": f.Link, "settings": tools.All().NoLinks()}}
		if f.Path == "releases/COOKIE" { // which RELEASE_COOKIE stands in for
			found.Verdict = Warn
		}
		if inside {
			found.Verdict, found.Cause = Warn, linkDangling
		}
		out = append(out, found)
	}
	return out
}
