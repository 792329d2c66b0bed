package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"dram/internal/engine"
	"dram/internal/manifest"
	"dram/internal/store"
)

// Verify reads all places and drops those where something is not as the last
// steps left it: the next build begins anew there. Places in use are left out. It
// tells how many it read.
func Verify(ctx context.Context, st *store.Store) (places int, mended []store.Mended, err error) {
	dirs, err := os.ReadDir(filepath.Join(st.Dir(), "projects", "build"))
	if err != nil {
		return 0, nil, nil //nolint:nilerr // nothing was built
	}
	for _, d := range dirs {
		why, read, err := verifyPlace(ctx, st, d.Name())
		if err != nil {
			return places, mended, fmt.Errorf("verifying what builds kept: %w", err)
		}
		if read {
			places++
		}
		if why != "" {
			mended = append(mended, store.Mended{Path: "projects/build/" + d.Name(), Why: why})
		}
	}
	return places, mended, nil
}

// verifyPlace says why a place was dropped, "" if it was not, and whether it was
// looked at.
func verifyPlace(ctx context.Context, st *store.Store, key string) (why string, read bool, err error) {
	if err := ctx.Err(); err != nil {
		return "", false, context.Cause(ctx)
	}
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	unlock, err := st.Lock(short, "build-"+key, nil)
	if err != nil {
		return "", false, nil //nolint:nilerr // a build is at work there
	}
	defer unlock()
	var s state
	if !st.Get(places, key, &s) {
		return "", false, nil // the next build makes it anew in any case
	}
	home := filepath.Join(st.Dir(), "projects", "build", key)
	if why, err = differs(ctx, home, s); err != nil || why == "" {
		return "", true, err
	}
	if err := st.Remove(places, key); err != nil {
		return "", true, err
	}
	return why, true, store.RemoveAll(home)
}

// differs says what in a closed place is not as its state has it.
func differs(ctx context.Context, home string, s state) (string, error) {
	for name, raw := range s.Seen {
		at := KeptIn(home, name)
		if name == engine.SourceDir {
			at = filepath.Join(home, "source")
		}
		m, err := manifest.Parse(raw)
		if err != nil {
			return "what is known of it is damaged", nil //nolint:nilerr // it is dropped
		}
		bad, _, err := m.Verify(ctx, at)
		if err != nil {
			return "", err
		}
		if len(bad) > 0 {
			return fmt.Sprintf("%s/%s", name, bad[0]), nil
		}
	}
	return "", nil
}
