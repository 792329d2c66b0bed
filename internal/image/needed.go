package image

import (
	"path"
	"slices"

	"dram/internal/release"
)

// ertsPrograms is what a release runs of erts-*/bin; the rest compiles, checks
// or tests (dialyzer, erlc, ct_run, yielding_c_fun, ...) or starts embedded
// systems of another kind.
func ertsPrograms() []string {
	return []string{
		"beam.smp", "beam", "erl", "erl_child_setup", "erlexec", "epmd", "heart", "inet_gethost",
		"run_erl", "to_erl", // daemon
	}
}

// needed leaves out what no release uses in a container.
func needed(files []File) []File {
	return slices.DeleteFunc(slices.Clone(files), func(f File) bool {
		dir, base := path.Split(f.Path)
		switch {
		case f.Path == cookieFile:
			return true
		case f.Origin == release.ERTS:
			return f.Mode.IsRegular() && !slices.Contains(ertsPrograms(), base)
		case f.Origin == release.Metadata && !f.Mode.IsDir():
			// Windows, and the text that the .boot files were made from
			return path.Ext(base) == ".bat" || path.Ext(base) == ".script" && path.Dir(path.Clean(dir)) == "releases"
		}
		return false
	})
}
