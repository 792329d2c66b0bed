package local

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"dram/internal/engine"
	"dram/internal/manifest"
)

// What steps leave in a place is seen when they ended, and looked at again before
// the next ones begin: size, times and inode of each file, and the content where
// these differ. A bad disk, or somebody who writes into the cache, changes what a
// compiler would believe.

// seenIn are the directories of the place, on the host, by their names inside.
func (r *run) seenIn() map[string]string {
	dirs := map[string]string{engine.SourceDir: r.place.Source()}
	for _, k := range r.job.CacheDirs {
		if at := r.place.Kept(k); !strings.HasPrefix(at, r.place.Source()+string(filepath.Separator)) {
			dirs[k] = at
		}
	}
	return dirs
}

// see remembers what there is in the place.
func (r *run) see(ctx context.Context) error {
	seen := map[string][]byte{}
	for name, dir := range r.seenIn() {
		before, _ := manifest.Parse(r.state.Seen[name]) // without one, all of it is read
		m, err := manifest.Update(ctx, dir, before)
		if err != nil {
			return fmt.Errorf("looking at what the build left: %w", err)
		}
		seen[name] = m.Bytes()
	}
	r.state.Seen = seen
	return nil
}

// untouched says what in the place is not as the last steps left it.
func (r *run) untouched(ctx context.Context) error {
	for name, dir := range r.seenIn() {
		m, err := manifest.Parse(r.state.Seen[name])
		if err != nil {
			return err
		}
		diffs, err := m.Compare(ctx, dir)
		if err == nil && len(diffs) > 0 {
			diffs, _, err = m.Settle(ctx, dir, diffs)
		}
		if err != nil {
			return err
		}
		if len(diffs) > 0 {
			return fmt.Errorf("%s/%s in what was kept of an earlier build", name, diffs[0])
		}
	}
	return nil
}
