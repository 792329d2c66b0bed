// Package local is what the engines have in common that build on this machine's
// own file system. A job's steps run in places: directories in the store with
// the staged source and the kept directories. What the fetching steps leave is a
// tree of the store, made in an empty place and then only read; the others run in
// a copy of it, which lives on between runs by the job's key and lineage, under a
// lock that makes two builds of one place follow each other. Where steps run is
// a Place's business.
package local

import (
	"context"
	"errors"
	"fmt"

	"dram/internal/engine"
	"dram/internal/store"
)

// Place is where a job's steps run. One is opened for each job.
type Place interface {
	// Source is the directory, on the host, of the staged source.
	Source() string
	// Kept is where, on the host, a kept directory lies.
	Kept(inside string) string
	// Step runs one step of the job. A command that fails, and was not
	// cancelled, gives an *Exit.
	Step(ctx context.Context, s engine.Step, ev engine.Events) error
	// Close puts everything back to where Open found it.
	Close() error
}

// Exit is how a step's command ended that did not succeed.
type Exit struct {
	Err    error
	Signal bool // by a signal: what it wrote may be half written
}

func (e *Exit) Error() string { return e.Err.Error() }

// Unwrap gives the exit status.
func (e *Exit) Unwrap() error { return e.Err }

// Open makes the place of a job whose directory in the store is home. What a
// place holds lies in home whenever it is closed.
type Open func(ctx context.Context, home string, job engine.Job, ev engine.Events) (Place, error)

// Engine runs jobs in places.
type Engine struct {
	store *store.Store
	open  Open
}

// New makes the engine; what it keeps between runs it keeps in st.
func New(st *store.Store, open Open) *Engine { return &Engine{store: st, open: open} }

// Run runs the job. The caller closes the result, which lets the next build
// in the same place begin.
func (e *Engine) Run(ctx context.Context, job engine.Job, ev engine.Events) (*engine.Result, error) {
	fetched, err := e.fetch(ctx, job, ev)
	if err != nil {
		return nil, err
	}
	defer fetched.release()
	key := job.PlaceKey(fetched.Tree)
	unlock, err := e.store.Lock(ctx, "build-"+key, ev.Wait)
	if err != nil {
		return nil, err
	}
	r, err := e.begin(ctx, job, ev, key, fetched)
	if err != nil {
		unlock()
		return nil, err
	}
	dir, err := r.build(ctx, fetched)
	if err != nil {
		err = errors.Join(err, r.place.Close())
		unlock()
		return nil, err
	}
	kept := r.keeping(ctx) // while the release is read
	return &engine.Result{Dir: dir, Fresh: r.fresh, Close: func() error {
		defer unlock()
		err := <-kept
		_ = r.place.Close() // the next run finds what could not be put back
		return err
	}}, nil
}

// run is the steps of one place under way.
type run struct {
	store *store.Store
	job   engine.Job
	ev    engine.Events
	home  string // the place's directory in the store
	key   string // its name; "" where dependencies are fetched
	place Place
	state state
	fresh bool // nothing ran in it before
}

// step runs one step, with the kept directories there.
func (r *run) step(ctx context.Context, s engine.Step) error {
	err := r.makeKept()
	if err == nil {
		err = r.place.Step(ctx, s, r.ev)
	}
	if exit, ok := errors.AsType[*Exit](err); ok {
		return &engine.StepError{Step: s, Err: exit}
	}
	return err
}

// ended says whether a step came to its end by itself, well or not.
func ended(err error) bool {
	exit, ok := errors.AsType[*Exit](err)
	return err == nil || ok && !exit.Signal
}

// makeKept makes the kept directories that are not there.
func (r *run) makeKept() error {
	for _, k := range r.job.CacheDirs {
		if err := makeDir(r.place.Kept(k)); err != nil {
			return fmt.Errorf("keeping %q: %w", k, err)
		}
	}
	return nil
}
