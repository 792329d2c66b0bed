package check

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/release"
)

var artefactRule = Rule{
	ID: "artefact", Title: "nothing of the building machine is left behind", Worst: Warn, Run: artefact,
	Doc: Doc{
		Looks: "Files that editors, version control, macOS, Windows and compilers leave (.DS_Store, .git, priv/*.o), and search paths of native files that lead into a person's home. They say that files of a developer's machine came into the build.",
		Seen:  "nothing; but other things may have come along in the same way",
		Do:    "Name the files in .dockerignore and build again. Link with -Wl,-rpath,'$ORIGIN'.",
	},
}

var (
	leftBehind = Cause{
		ID: "left-behind", Summary: "it is left behind by the machine that the release was built on", Symptom: "none; but other things may have come along in the same way",
		Remedy: "name #{base} in .dockerignore and build again", Needs: "#{base} to be left out",
	}
	leftByMac      = leftBehind.with(Cause{Summary: "it is left behind by macOS"})
	leftByWindows  = leftBehind.with(Cause{Summary: "it is left behind by Windows"})
	leftByCompiler = leftBehind.with(Cause{Summary: "it is left behind by a compiler"})
	leftByXcode    = leftBehind.with(Cause{Summary: "it is left behind by a compiler of macOS"})
	searchPath     = Cause{
		ID: "search-path", Summary: "it looks for libraries in #{folder}, a folder of the machine that it was built on", Detail: "its RPATH or RUNPATH",
		Symptom: "none while all libraries are found elsewhere; whoever can make the folder on the target can have code run",
		Remedy:  "link with -Wl,-rpath,'$ORIGIN', and #{build}", Needs: "a search path inside the release", Whole: true,
	}
)

// leftovers tells what a build on a developer's machine leaves, by name; nil
// for all else.
func leftovers(f release.File) *Cause {
	base := path.Base(f.Path)
	if f.Mode.IsDir() {
		switch {
		case slices.Contains([]string{"_build", ".git", ".hg", ".svn", ".elixir_ls", ".lexical", ".idea", ".vscode"}, base):
			return &leftBehind
		case strings.HasSuffix(base, ".dSYM"):
			return leftByXcode
		}
		return nil
	}
	switch {
	case base == ".DS_Store", strings.HasPrefix(base, "._"):
		return leftByMac
	case base == "Thumbs.db", base == "desktop.ini":
		return leftByWindows
	case path.Base(path.Dir(f.Path)) == "priv" && slices.Contains([]string{".o", ".lo", ".obj", ".d"}, path.Ext(base)):
		return leftByCompiler
	}
	return nil
}

// artefact: what is left behind, and what shows that a native file was made
// elsewhere: both say that files of a developer's machine came into the build.
func artefact(s *Survey) (out []Finding) {
	for _, f := range s.rel.Files {
		if f.Origin == release.OTP || f.Origin == release.ERTS || f.Origin == release.Elixir || !f.Mode.IsRegular() && !f.Mode.IsDir() {
			continue
		}
		if cause := leftovers(f); cause != nil {
			out = append(out, Finding{Verdict: Warn, Subject: subject(f), Cause: cause})
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
func (s *Survey) foreignPath(n *native) (Finding, bool) {
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
		Verdict: Warn, Subject: n.subject(), Cause: &searchPath, Facts: Params{"folder": foreign[0]}, Evidence: Evidence{Wants: foreign},
	}, true
}
