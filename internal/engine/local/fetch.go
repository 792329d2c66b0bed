package local

import (
	"context"
	"errors"
	"path/filepath"

	"dram/internal/engine"
	"dram/internal/source"
	"dram/internal/store"
)

// What fetching steps see is the files that they need and what the same steps left
// of the same files: so what they leave depends on those alone, whatever was built
// before and wherever the project lies. It is a tree of the store, which projects
// with the same dependencies share.

// fetchedTrees is the trees' kind in the store.
const fetchedTrees = "fetched"

// fetched is what the fetching steps came to.
type fetched struct {
	// Tree is its name in the store; "" where nothing is fetched.
	Tree string `json:"tree"`
	// Lock is what they made of their lock file where that was not up to date.
	Lock     []byte `json:"lock,omitempty"`
	LockName string `json:"lock_name,omitempty"`

	fill    func(ctx context.Context, dir string) error
	release func()
}

// fetch sees to it that the job's fetching steps have run. Their tree may be
// gone from the store by now, if a place was begun with it: then it is made again
// when another one begins.
func (e *Engine) fetch(ctx context.Context, job engine.Job, ev engine.Events) (*fetched, error) {
	f := &fetched{release: func() {}}
	key := job.FetchKey()
	if key == "" {
		return f, nil
	}
	if known := e.store.Get(fetchedTrees, key, f); known && !job.Refetches() && f.Lock == nil {
		for _, s := range job.Fetching() {
			ev.Step(s, true)
		}
		f.fill = func(ctx context.Context, dir string) error {
			_, err := e.fetchIn(ctx, job, ev, dir)
			return err
		}
		return f, nil
	}
	home, done, err := e.store.TempDir("fetch")
	if err != nil {
		return nil, err
	}
	made := filepath.Join(home, "made")
	err = errors.Join(makeDir(made), e.likeLast(ctx, f, made))
	if err == nil {
		f, err = e.fetchIn(ctx, job, ev, made)
	}
	if err != nil {
		done()
		return nil, err
	}
	f.Tree = key
	if f.Lock != nil || job.Refetches() { // what came depends on the day
		f.Tree = store.DigestOf([]byte(key + string(f.Lock))).Hex()
	}
	f.release = done
	f.fill = func(_ context.Context, dir string) error { return moveInto(made, dir) }
	if _, _, err := e.store.SoundTree(ctx, fetchedTrees, f.Tree, tend(f, ev)); err != nil {
		done()
		return nil, err
	}
	return f, e.store.Put(fetchedTrees, key, f)
}

// tend makes the tree, and says why if it was there and is made anew.
func tend(f *fetched, ev engine.Events) store.Tend {
	return store.Tend{Fill: f.fill, Tell: func(d *store.Damage) {
		if ev.Doubtful != nil {
			ev.Doubtful(d)
		}
	}}
}

// likeLast begins with what the same steps last came to, if that is still there:
// what came then need not come again.
func (e *Engine) likeLast(ctx context.Context, last *fetched, dir string) error {
	if last.Tree == "" {
		return nil
	}
	if m, err := e.store.CheckTree(ctx, fetchedTrees, last.Tree); m == nil || err != nil {
		return ctx.Err() // without it, or with a damaged one, all of it comes again
	}
	return CopyTree(ctx, e.store.TreePath(fetchedTrees, last.Tree), dir)
}

// fetchIn runs the fetching steps in the directory home.
func (e *Engine) fetchIn(ctx context.Context, job engine.Job, ev engine.Events, home string) (*fetched, error) {
	job.Source = job.Needed()
	place, err := e.open(ctx, home, job, ev)
	if err != nil {
		return nil, err
	}
	r := &run{store: e.store, job: job, ev: ev, home: home, place: place}
	f, err := r.fetchAll(ctx)
	return f, errors.Join(err, place.Close())
}

func (r *run) fetchAll(ctx context.Context) (*fetched, error) {
	if err := makeDir(r.place.Source()); err != nil {
		return nil, err
	}
	staged := r.place.Source() // while steps run, it may lie elsewhere
	if _, err := source.Sync(ctx, r.job.Source, staged, r.keptTops()...); err != nil {
		return nil, err
	}
	f := &fetched{release: func() {}}
	for _, s := range r.job.Fetching() {
		r.ev.Step(s, false)
		err := r.step(ctx, s)
		switch {
		case err != nil && s.Optional && ended(err) && ctx.Err() == nil:
			if err := r.undo(ctx, s, err); err != nil {
				return nil, err
			}
		case err != nil:
			return nil, err
		default:
			if err := r.lock(s, f); err != nil {
				return nil, err
			}
		}
	}
	return f, source.Passed(staged)
}

// undo removes what an optional step that failed may have left half made: it
// compiles, into the directory that the result lies in.
func (r *run) undo(ctx context.Context, s engine.Step, why error) error {
	if r.ev.Failed != nil {
		r.ev.Failed(s, why)
	}
	dir, _, err := r.exportedIn()
	if err != nil {
		return err
	}
	return errors.Join(ctx.Err(), store.RemoveAll(dir))
}

// lock remembers what a step made of its lock file, if it is not what the source
// has.
func (r *run) lock(s engine.Step, f *fetched) error {
	if s.Lock == "" {
		return nil
	}
	raw, err := readInside(r.place.Source(), s.Lock, maxLock)
	if err != nil {
		return lockProblem(s, err)
	}
	for _, file := range r.job.Source.Files {
		if file.Path == s.Lock && store.DigestOf(raw) != file.Digest {
			f.Lock, f.LockName = raw, s.Lock
			r.ev.Unlocked(s)
			return nil
		}
		if file.Path == s.Lock {
			return nil
		}
	}
	f.Lock, f.LockName = raw, s.Lock // the source has none: that is said by the plan
	return nil
}
