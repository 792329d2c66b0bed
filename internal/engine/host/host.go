// Package host runs jobs on this machine as it is, for CI jobs that already
// run in a builder's container without privileges: the toolchain's root is /,
// nothing is isolated, and every step has the machine's network.
//
// The bytes of a release can depend on where it was compiled. So the source is
// put at engine.SourceDir while steps run, where nothing else is there and this
// user may create it, and back into the store afterwards. Elsewhere the steps
// run in the store, and a note says so.
package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"dram/internal/engine"
	"dram/internal/engine/local"
	"dram/internal/environ"
	"dram/internal/store"
)

// Options are what tests and the command line set.
type Options struct {
	// Note is told, once a job, that it cannot run at engine.SourceDir, and why.
	Note func(dir string, why error)
	// At is where the source lies while steps run; default engine.SourceDir.
	At string
}

// New makes the engine; what it keeps between runs it keeps in st.
func New(st *store.Store, opts Options) *local.Engine {
	if opts.At == "" {
		opts.At = engine.SourceDir
	}
	if opts.Note == nil {
		opts.Note = func(string, error) {}
	}
	return local.New(st, func(ctx context.Context, home string, job engine.Job, ev engine.Events) (local.Place, error) {
		p := &place{store: st, home: home, job: job, opts: opts}
		return p, p.recover(ctx, ev)
	})
}

// place is the machine itself.
type place struct {
	store  *store.Store
	home   string
	job    engine.Job
	opts   Options
	moved  bool // the source is at opts.At
	tried  bool
	unlock func()
}

// moved is a record of what lies at a place outside the store, so that it is
// found after a kill.
type moved struct {
	At   string `json:"at"`
	Home string `json:"home"` // whose source it is
}

func (p *place) stored() string { return filepath.Join(p.home, "source") }

func (p *place) Source() string {
	if p.moved {
		return p.opts.At
	}
	return p.stored()
}

// Kept is below the source for what lies there, so that relative links hold.
func (p *place) Kept(inside string) string {
	if rest, ok := strings.CutPrefix(inside, engine.SourceDir+"/"); ok {
		return filepath.Join(p.Source(), filepath.FromSlash(rest))
	}
	return local.KeptIn(p.home, inside)
}

// recover fetches back what a killed run left at opts.At.
func (p *place) recover(ctx context.Context, ev engine.Events) error {
	var m moved
	if !p.store.Get("host", p.opts.At, &m) {
		return nil
	}
	if err := p.lock(ctx, ev); err != nil {
		return err
	}
	defer p.release()
	if !p.store.Get("host", p.opts.At, &m) {
		return nil // whoever had the lock has put it back
	}
	return p.putBack(ctx, m)
}

// putBack moves the source to where it came from, or removes it if that is gone.
func (p *place) putBack(ctx context.Context, m moved) error {
	if _, err := os.Stat(m.At); err == nil {
		if _, err := os.Stat(m.Home); err != nil {
			err = store.RemoveAll(m.At)
			return errors.Join(err, p.store.Remove("host", m.At))
		}
		if err := local.Move(ctx, m.At, filepath.Join(m.Home, "source")); err != nil {
			return fmt.Errorf("putting the source back: %w", err)
		}
	}
	return p.store.Remove("host", m.At)
}

func (p *place) lock(ctx context.Context, ev engine.Events) (err error) {
	p.unlock, err = p.store.Lock(ctx, "host-source", ev.Wait)
	return err
}

// moveIn puts the source at opts.At, once.
func (p *place) moveIn(ctx context.Context, ev engine.Events) error {
	if p.tried {
		return nil
	}
	p.tried = true
	if err := p.lock(ctx, ev); err != nil {
		return err
	}
	if err := os.Mkdir(p.opts.At, 0o755); err != nil { //nolint:gosec // the source is no secret on this machine
		p.release()
		p.opts.Note(p.stored(), err)
		return nil
	}
	if err := p.store.Put("host", p.opts.At, moved{p.opts.At, p.home}); err != nil {
		return err
	}
	if err := local.Move(ctx, p.stored(), p.opts.At); err != nil {
		return fmt.Errorf("staging the source at %s: %w", p.opts.At, err)
	}
	p.moved = true
	return nil
}

// Close puts the source back into the store.
func (p *place) Close() error {
	defer p.release()
	if !p.moved {
		return nil
	}
	p.moved = false
	return p.putBack(context.Background(), moved{p.opts.At, p.home})
}

func (p *place) release() {
	if p.unlock != nil {
		p.unlock()
		p.unlock = nil
	}
}

func (p *place) Step(ctx context.Context, s engine.Step, ev engine.Events) error {
	if err := p.moveIn(ctx, ev); err != nil {
		return err
	}
	return run(ctx, command{
		argv: s.Argv, dir: filepath.Join(p.Source(), filepath.FromSlash(s.Dir)), out: ev.Output,
		env: p.here(environ.Merge(p.job.Env, s.Env, s.Secrets)),
	})
}

// here is an environment with the names of kept directories as they are on
// this machine.
func (p *place) here(env []string) []string {
	out := make([]string, len(env))
	for i, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		parts := strings.Split(value, ":") // PATH has several
		for j, part := range parts {
			for _, k := range p.job.CacheDirs {
				if rest, ok := strings.CutPrefix(part, k); ok && (rest == "" || rest[0] == '/') {
					parts[j] = p.Kept(k) + rest
				}
			}
		}
		out[i] = name + "=" + strings.Join(parts, ":")
	}
	return out
}
