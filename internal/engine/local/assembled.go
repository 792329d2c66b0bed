package local

import (
	"os"
	"path"
	"path/filepath"
	"slices"

	"dram/internal/engine"
	"dram/internal/source"
)

// Mix assembles a release over the one before: it makes the directories of its
// applications and of its version anew, but leaves those of applications and
// versions that are no longer in it, and files of overlays that are gone. So the
// earlier release is removed first, unless it was assembled whole and nothing
// but code was edited or added since, which cannot leave anything behind.
// Removing it each time would cost as much as assembling it: ext4 looks long for
// inodes that were not deleted just now.

// assembled is the file that says that the last build ended well.
func (r *run) assembled() string { return filepath.Join(r.home, "assembled") }

// takeAssembled says whether the last build ended well, and forgets it: it
// holds again when this one does.
func (r *run) takeAssembled() bool { return os.Remove(r.assembled()) == nil }

// fetchesAnew says whether a step fetches without a lock: it may bring other
// versions than the last time.
func (r *run) fetchesAnew() bool {
	return slices.ContainsFunc(r.job.Steps, func(s engine.Step) bool { return s.Network && s.Once == "" })
}

// reshapes says whether a change to the source may change which applications,
// versions and overlays a release has.
func reshapes(c source.Changes) bool {
	return len(c.Removed) > 0 || slices.ContainsFunc(c.Staged, func(name string) bool {
		return notCode(name) || path.Ext(name) == ".exs"
	})
}
