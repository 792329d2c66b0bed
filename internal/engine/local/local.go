// Package local is what the engines have in common that build on this machine's
// own file system: per job key the store keeps one directory with the staged
// source and the kept directories, and a lock makes two builds of one key
// follow each other. Where steps run is a Place's business.
package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"dram/internal/engine"
	"dram/internal/problem"
	"dram/internal/source"
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

// Open makes the place of a job whose directory in the store is home.
type Open func(ctx context.Context, home string, job engine.Job, ev engine.Events) (Place, error)

// Engine runs jobs in places.
type Engine struct {
	store *store.Store
	open  Open
}

// New makes the engine; what it keeps between runs it keeps in st.
func New(st *store.Store, open Open) *Engine { return &Engine{store: st, open: open} }

// Run runs the job. The caller closes the result, which lets the next build
// of the same key begin.
func (e *Engine) Run(ctx context.Context, job engine.Job, ev engine.Events) (*engine.Result, error) {
	unlock, err := e.store.Lock(ctx, "build-"+job.Key, ev.Wait)
	if err != nil {
		return nil, err
	}
	home, err := e.store.Work("build", job.Key)
	if err != nil {
		unlock()
		return nil, err
	}
	place, err := e.open(ctx, home, job, ev)
	if err != nil {
		unlock()
		return nil, err
	}
	r := run{engine: e, job: job, ev: ev, home: home, place: place}
	dir, err := r.all(ctx)
	if err != nil {
		err = errors.Join(err, place.Close())
		unlock()
		return nil, err
	}
	return &engine.Result{Dir: dir, Close: func() {
		_ = place.Close() // the next run finds what could not be put back
		unlock()
	}}, nil
}

// run is one job under way.
type run struct {
	engine *Engine
	job    engine.Job
	ev     engine.Events
	home   string // the key's directory in the store
	place  Place
}

func (r *run) all(ctx context.Context) (string, error) {
	if err := r.begin(); err != nil {
		return "", err
	}
	if err := os.MkdirAll(r.source(), 0o755); err != nil { //nolint:gosec // seen by the build's user; the store itself is 0700
		return "", fmt.Errorf("staging the source: %w", err)
	}
	staged := r.source() // while steps run, it may lie elsewhere
	sound := r.takeAssembled()
	changed, err := r.stage(ctx)
	if err != nil {
		return "", err
	}
	if !sound || reshapes(changed) || r.fetchesAnew() {
		if err := r.clearExport(); err != nil {
			return "", err
		}
	}
	if err := errors.Join(r.steps(ctx), source.Passed(staged)); err != nil {
		return "", err
	}
	dir, err := r.exported()
	if err != nil {
		return "", err
	}
	return dir, r.engine.store.WriteFile(r.assembled(), nil, 0o600)
}

// steps runs those that are to run.
func (r *run) steps(ctx context.Context) error {
	done := r.readDone()
	noted := false
	for _, s := range r.job.Steps {
		if s.Volatile && !noted {
			noted = true
			if err := r.noteGenerated(); err != nil {
				return err
			}
		}
		skip := s.Once != "" && done[s.Name] == s.Once
		r.ev.Step(s, skip)
		if skip {
			continue
		}
		if err := r.marked(ctx, s); err != nil {
			if noted {
				return err
			}
			return errors.Join(err, r.noteGenerated())
		}
		if err := r.ended(s, done); err != nil {
			return err
		}
	}
	if noted {
		return nil
	}
	return r.noteGenerated()
}

// ended remembers that a step succeeded.
func (r *run) ended(s engine.Step, done map[string]string) error {
	locked := r.lockHolds(s)
	if !locked {
		r.ev.Unlocked(s)
	}
	if s.Once == "" || !locked {
		return nil
	}
	done[s.Name] = s.Once
	return r.engine.store.Put("steps", r.job.Key, done)
}

func (r *run) readDone() map[string]string {
	done := map[string]string{}
	if !r.engine.store.Get("steps", r.job.Key, &done) || !r.keptAll() {
		return map[string]string{} // never ran, or pruned: every step runs
	}
	return done
}

// keptAll says whether every kept directory is still there.
func (r *run) keptAll() bool {
	for _, k := range r.job.Keep {
		if _, err := os.Stat(r.kept(k)); err != nil {
			return false
		}
	}
	return true
}

// keptTops are the names at the source's top where kept directories are
// mounted.
func (r *run) keptTops() []string {
	var tops []string
	for _, k := range r.job.Keep {
		if rest, ok := strings.CutPrefix(k, engine.SourceDir+"/"); ok {
			tops = append(tops, rest)
		}
	}
	return tops
}

// lockHolds says whether the step left its lock file as the source has it.
func (r *run) lockHolds(s engine.Step) bool {
	if s.Lock == "" {
		return true
	}
	raw, err := os.ReadFile(filepath.Join(r.source(), s.Lock))
	for _, f := range r.job.Source.Files {
		if f.Path == s.Lock {
			return err == nil && store.DigestOf(raw) == f.Digest
		}
	}
	return true // the source has none: that is said by the plan
}

func (r *run) source() string { return r.place.Source() }

// kept is where the kept directory inside lies on the host.
func (r *run) kept(inside string) string { return r.place.Kept(inside) }

// step runs one step, with the kept directories there.
func (r *run) step(ctx context.Context, s engine.Step) error {
	for _, k := range r.job.Keep {
		if err := os.MkdirAll(r.kept(k), 0o755); err != nil { //nolint:gosec // seen by the build's user; the store itself is 0700
			return fmt.Errorf("keeping %q: %w", k, err)
		}
	}
	err := r.place.Step(ctx, s, r.ev)
	if exit, ok := errors.AsType[*Exit](err); ok {
		return &engine.StepError{Step: s, Err: exit}
	}
	return err
}

// exportDir is where the job's result lies on the host.
func (r *run) exportDir() (string, error) {
	for _, k := range r.job.Keep {
		if rest, ok := strings.CutPrefix(r.job.Export, k+"/"); ok {
			return filepath.Join(r.kept(k), filepath.FromSlash(rest)), nil
		}
	}
	return "", fmt.Errorf("exporting %q: it lies in no kept directory", r.job.Export)
}

func (r *run) clearExport() error {
	dir, err := r.exportDir()
	if err != nil {
		return err
	}
	return store.RemoveAll(dir)
}

func (r *run) exported() (string, error) {
	dir, err := r.exportDir()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(dir); err != nil {
		return "", problem.New(problem.Build, "see that `mix release` assembles under _build (no `path:` in its options)",
			"the build ended well but left no release at %s", r.job.Export)
	}
	return dir, nil
}
