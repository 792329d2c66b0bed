// Package native runs jobs in dram's own sandbox: no daemon, no root, Linux
// only. Per job key the store keeps one directory with the staged source and
// the kept directories; a lock makes two builds of one key follow each other.
package native

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"dram/internal/engine"
	"dram/internal/environ"
	"dram/internal/problem"
	"dram/internal/sandbox"
	"dram/internal/store"
)

// Engine is the native engine over one cache.
type Engine struct{ store *store.Store }

// New makes the engine; what it keeps between runs it keeps in st.
func New(st *store.Store) *Engine { return &Engine{store: st} }

// Run runs the job. The caller closes the result, which lets the next build
// of the same key begin.
func (e *Engine) Run(ctx context.Context, job engine.Job, ev engine.Events) (*engine.Result, error) {
	unlock, err := e.store.Lock(ctx, "build-"+job.Key, ev.Wait)
	if err != nil {
		return nil, err
	}
	r := run{engine: e, job: job, ev: ev}
	dir, err := r.all(ctx)
	if err != nil {
		unlock()
		return nil, err
	}
	return &engine.Result{Dir: dir, Close: unlock}, nil
}

// run is one job under way.
type run struct {
	engine *Engine
	job    engine.Job
	ev     engine.Events
	home   string // the key's directory in the store
}

func (r *run) all(ctx context.Context) (string, error) {
	home, err := r.engine.store.Work("build", r.job.Key)
	if err != nil {
		return "", err
	}
	r.home = home
	if err := r.begin(); err != nil {
		return "", err
	}
	if err := os.MkdirAll(r.source(), 0o755); err != nil { //nolint:gosec // seen by the build's user; the store itself is 0700
		return "", fmt.Errorf("staging the source: %w", err)
	}
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
	if err := r.steps(ctx); err != nil {
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

func (r *run) source() string { return filepath.Join(r.home, "source") }

// kept is where the kept directory inside lies on the host.
func (r *run) kept(inside string) string {
	return filepath.Join(r.home, "keep", strings.ReplaceAll(strings.Trim(inside, "/"), "/", "-"))
}

func (r *run) step(ctx context.Context, s engine.Step) error {
	scratch, done, err := r.engine.store.TempDir("sandbox")
	if err != nil {
		return err
	}
	defer done()
	mounts := []sandbox.Mount{{Source: r.source(), Target: engine.SourceDir}}
	for _, k := range r.job.Keep {
		if err := os.MkdirAll(r.kept(k), 0o755); err != nil { //nolint:gosec // as for the source
			return fmt.Errorf("keeping %q: %w", k, err)
		}
		mounts = append(mounts, sandbox.Mount{Source: r.kept(k), Target: k})
	}
	spec := sandbox.Spec{
		Lower: []string{r.job.Root}, Scratch: scratch, Mounts: mounts,
		Argv: s.Argv, Env: environ.Merge(r.job.Env, s.Env), Dir: engine.SourceDir,
		Stdout: r.ev.Output, Stderr: r.ev.Output, Reap: true,
	}
	if s.Network {
		spec.Network = sandbox.Host
	}
	err = sandbox.Run(ctx, spec)
	var exit *sandbox.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
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
