package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"dram/internal/engine"
	"dram/internal/source"
	"dram/internal/store"
)

// state is what is known of a place between runs. It lies in the store's
// records, which no step reaches, and is there only while the place is whole: it
// goes before steps begin, and comes back when they ended by themselves. A
// compiler that is killed leaves a file that is new and half written, and make
// believes it the next time; so a place without its state is made anew.
type state struct {
	Done      map[string]string `json:"done"`      // steps with an InputDigest, and what they were done with
	Generated []string          `json:"generated"` // what steps made in the source that do not run again
	Assembled bool              `json:"assembled"` // the last build came to its end
	Seen      map[string][]byte `json:"seen"`      // manifests of what is in it, by the directory inside
}

const places = "place"

// begin opens the job's place. One that is not whole, or where something was
// changed by others than steps, is made anew.
func (e *Engine) begin(ctx context.Context, job engine.Job, ev engine.Events, key string, f *fetched) (*run, error) {
	home, err := e.store.Work("build", key)
	if err != nil {
		return nil, err
	}
	place, err := e.open(ctx, home, job, ev) // which fetches back what lies elsewhere
	if err != nil {
		return nil, err
	}
	r := &run{store: e.store, job: job, ev: ev, home: home, key: key, place: place}
	if err := r.take(ctx, f); err != nil {
		return nil, errors.Join(err, place.Close())
	}
	return r, nil
}

// take reads the place's state and forgets it until the steps ended; without
// one, it makes the place of what was fetched.
func (r *run) take(ctx context.Context, f *fetched) error {
	if r.store.Get(places, r.key, &r.state) {
		why := r.untouched(ctx)
		if why == nil {
			return r.store.Remove(places, r.key)
		}
		if r.ev.Doubtful != nil {
			r.ev.Doubtful(why)
		}
	}
	r.fresh, r.state = true, state{Done: map[string]string{}}
	if err := errors.Join(r.store.Remove(places, r.key), store.Clear(r.home)); err != nil {
		return err
	}
	if f.Tree == "" {
		return makeDir(r.place.Source())
	}
	tree, _, err := r.store.SoundTree(ctx, fetchedTrees, f.Tree, tend(f, r.ev))
	if err != nil {
		return err
	}
	if err := CopyTree(ctx, tree, r.home); err != nil {
		return fmt.Errorf("copying what was fetched: %w", err)
	}
	r.state.Generated, err = source.Generated(r.job.Needed(), r.place.Source(), r.keptTops()...)
	return err
}

// keep writes the place's state down: it is whole.
func (r *run) keep(ctx context.Context) error {
	if err := r.see(ctx); err != nil {
		return err
	}
	return r.store.Put(places, r.key, r.state)
}

// keeping does what keep does, at the same time as what follows.
func (r *run) keeping(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	go func() { done <- r.keep(ctx) }()
	return done
}

// keptTops are the names at the source's top where kept directories are
// mounted.
func (r *run) keptTops() []string {
	var tops []string
	for _, k := range r.job.CacheDirs {
		if rest, ok := strings.CutPrefix(k, engine.SourceDir+"/"); ok {
			tops = append(tops, rest)
		}
	}
	return tops
}

// KeptIn is where a place in the directory home has a kept directory that does
// not lie in its source.
func KeptIn(home, inside string) string {
	return filepath.Join(home, "keep", strings.ReplaceAll(strings.Trim(inside, "/"), "/", "-"))
}

func makeDir(dir string) error {
	return os.MkdirAll(dir, 0o755) //nolint:gosec // seen by the build's user; the store itself is 0700
}

// moveInto puts what was made in from into the empty directory to.
func moveInto(from, to string) error {
	if err := os.Remove(to); err != nil {
		return err
	}
	return os.Rename(from, filepath.Clean(to))
}
