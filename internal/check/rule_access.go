package check

import (
	"fmt"
	"io/fs"

	"dram/internal/release"
)

var accessRule = Rule{
	ID: "access", Title: "any user may read what the release has", Worst: Warn, Run: access,
	Doc: Doc{
		Looks: "Files and folders of the release that only their owner or group may read, or start. An image mostly runs as a user that owns none of them.",
		Seen:  `{error,eacces}, where the release runs as another user than it was built by`,
		Do:    "Make the files readable for all where they are made: chmod -R go+rX. A umask of 077 at the build does this.",
	},
}

var closedToOthers = Cause{
	ID: "closed", Summary: "only its owner and group may use it: its mode is #{mode}",
	Symptom: `"Permission denied" (eacces) where the release runs as another user, as in an image it mostly does`,
	Remedy:  "make it readable for all where it is made, chmod -R go+rX, or run as its owner\na umask of 077 at the build does this", Needs: "files that any user may read",
}

const moreClosed = " (and #{more} more)"

// access: an image mostly runs as a user that owns none of its files.
func access(s *Survey) []Finding {
	var closed []release.File
	for _, f := range s.rel.Files {
		if f.Path == "releases/COOKIE" {
			continue // mix closes it on purpose; see cookie
		}
		p := f.Mode.Perm()
		switch {
		case f.Mode.IsDir() && p&0o005 != 0o005,
			f.Mode.IsRegular() && p&0o004 == 0,
			f.Mode.IsRegular() && p&0o100 != 0 && p&0o001 == 0:
			closed = append(closed, f)
		}
	}
	if len(closed) == 0 {
		return nil
	}
	first := closed[0]
	for _, c := range closed {
		if len(closed) > 1 && c.Mode.IsDir() { // what it holds is closed too
			first = c
			break
		}
	}
	out := Finding{Verdict: Warn, Subject: subject(first), Cause: &closedToOthers, Facts: Params{"mode": fmt.Sprintf("%#o", first.Mode.Perm())}}
	for _, c := range closed {
		out.Evidence.Wants = append(out.Evidence.Wants, fmt.Sprintf("%s (%s)", c.Path, fs.FileMode.String(c.Mode)))
	}
	if n := len(closed) - 1; n > 0 {
		out.more(n, moreClosed)
	}
	return []Finding{out}
}
