package check

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/release"
)

// leftovers tells what a build on a developer's machine leaves, by name; ""
// for all else.
func leftovers(f release.File) string {
	base := path.Base(f.Path)
	if f.Mode.IsDir() {
		switch {
		case slices.Contains([]string{"_build", ".git", ".hg", ".svn", ".elixir_ls", ".lexical", ".idea", ".vscode"}, base):
			return "it is left behind by the machine that the release was built on"
		case strings.HasSuffix(base, ".dSYM"):
			return "it is left behind by a compiler of macOS"
		}
		return ""
	}
	switch {
	case base == ".DS_Store", strings.HasPrefix(base, "._"):
		return "it is left behind by macOS"
	case base == "Thumbs.db", base == "desktop.ini":
		return "it is left behind by Windows"
	case path.Base(path.Dir(f.Path)) == "priv" && slices.Contains([]string{".o", ".lo", ".obj", ".d"}, path.Ext(base)):
		return "it is left behind by a compiler"
	}
	return ""
}

// artefact: what is left behind, and what shows that a native file was made
// elsewhere: both say that files of a developer's machine came into the build.
func artefact(s *survey) (out []Finding) {
	for _, f := range s.rel.Files {
		if f.Origin == release.OTP || f.Origin == release.ERTS || f.Origin == release.Elixir || !f.Mode.IsRegular() && !f.Mode.IsDir() {
			continue
		}
		if why := leftovers(f); why != "" {
			base := path.Base(f.Path)
			out = append(out, Finding{
				Verdict: Warn, Subject: subject(f), Summary: why, Symptom: "none; but other things may have come along in the same way",
				Remedy: fmt.Sprintf("name %s in .dockerignore and build again", base), Needs: base + " to be left out",
			})
		}
	}
	for _, n := range s.natives {
		if f, ok := s.foreignPath(n); ok {
			out = append(out, f)
		}
	}
	return out
}

// homes are folders that only a person's machine has, or a Nix or Homebrew on
// it; CI's runners build under /home/runner too.
var homes = regexp.MustCompile(`^/(Users|home|root|nix/store|opt/homebrew|home/linuxbrew|private)(/|$)`)

// foreignPath: a library search path into a person's home finds there what the
// target does not have.
func (s *survey) foreignPath(n *native) (Finding, bool) {
	if n.elf == nil || n.Origin == release.OTP || n.Origin == release.ERTS {
		return Finding{}, false
	}
	var foreign []string
	for dir := range strings.SplitSeq(n.elf.RPath+":"+n.elf.RunPath, ":") {
		if _, err := s.root.Stat(strings.TrimPrefix(dir, "/")); homes.MatchString(dir) && err != nil && !slices.Contains(foreign, dir) {
			foreign = append(foreign, dir)
		}
	}
	if len(foreign) == 0 {
		return Finding{}, false
	}
	return Finding{
		Verdict: Warn, Subject: subject(n.File), Summary: fmt.Sprintf("it looks for libraries in %s, a folder of the machine that it was built on", foreign[0]),
		Evidence: Evidence{Wants: foreign, Detail: "its RPATH or RUNPATH"},
		Symptom:  "none while all libraries are found elsewhere; whoever can make the folder on the target can have code run",
		Remedy:   "link with -Wl,-rpath,'$ORIGIN', and " + s.builder(n.File), Needs: "a search path inside the release",
	}, true
}
