// Package pool runs jobs at several builders, as one engine: a job waits for a
// builder that does its platform and has room, and the least loaded takes it. A
// builder that is lost (engine.LostError), or no longer answers, is left out
// from then on, and its jobs begin anew elsewhere. A job that fails by its own
// doing is not tried again.
//
// That is all the scheduling there is: builders know nothing of one another.
package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"dram/internal/engine"
	"dram/internal/problem"
)

// Worker is a builder that runs jobs.
type Worker struct {
	Name   string
	Engine engine.Engine
	Weight int // how many jobs it runs at a time, at least 1
	// Platforms is what it is used for; what it says that it does, if empty.
	Platforms []string
	// Probe asks it what it does, its own platform first. An error says why it
	// cannot be used.
	Probe func(ctx context.Context) (platforms []string, err error)
}

// Options are what a pool depends on besides its workers.
type Options struct {
	// Excluded is told of each worker that is left out, once, before its jobs go on. It
	// must not call the pool.
	Excluded func(name string, why error)
	// ProbeEvery is how often a worker with a job is asked whether it is still there; 15
	// seconds if 0.
	ProbeEvery time.Duration
}

// How patient the pool is.
const (
	defaultEvery = 15 * time.Second
	answerWithin = 30 * time.Second // to a probe
	maxMissed    = 3                // beats in a row, before a worker counts as lost
)

// Pool is the engine. It is safe for concurrent use: that is its use.
type Pool struct {
	opts   Options
	probed sync.Once

	mu      sync.Mutex
	workers []*worker
	changed chan struct{} // closed when a worker's state or load changes
}

// worker is a Worker, and what is known of it.
type worker struct {
	Worker
	state   state
	own     []string // platforms that it does as well as it can
	other   []string // platforms that it emulates
	running int      // jobs
	why     error    // once lost
}

type state int

const (
	asked state = iota // has not answered yet
	ready
	lost
)

// New makes a pool. No worker is asked anything before the first job.
func New(workers []Worker, opts Options) *Pool {
	p := &Pool{opts: opts, changed: make(chan struct{})}
	if p.opts.ProbeEvery == 0 {
		p.opts.ProbeEvery = defaultEvery
	}
	for _, w := range workers {
		w.Weight = max(w.Weight, 1)
		p.workers = append(p.workers, &worker{Worker: w, own: w.Platforms})
	}
	return p
}

// Slots is how many jobs the pool runs at a time.
func (p *Pool) Slots() int {
	n := 0
	for _, w := range p.workers {
		n += w.Weight
	}
	return n
}

// Run runs the job at one of the builders, and tells ev.At at which. Where none
// is left that does the job's platform, the error says what happened to each.
func (p *Pool) Run(ctx context.Context, job engine.Job, ev engine.Events) (*engine.Result, error) {
	p.probed.Do(func() { p.probeAll(context.WithoutCancel(ctx)) })
	for {
		w, err := p.acquire(ctx, job.Platform)
		if err != nil {
			return nil, err
		}
		if ev.At != nil {
			ev.At(w.Name)
		}
		r, err := p.runAt(ctx, w, job, ev)
		if gone, ok := errors.AsType[*engine.LostError](err); ok && ctx.Err() == nil {
			p.exclude(w, gone.Err)
			p.release(w)
			continue
		}
		p.release(w)
		return r, err
	}
}

// runAt runs the job at a worker. An error is a LostError if the worker is gone,
// whatever the job made of that.
func (p *Pool) runAt(ctx context.Context, w *worker, job engine.Job, ev engine.Events) (*engine.Result, error) {
	watched, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go p.watch(watched, w, cancel)
	r, err := w.Engine.Run(watched, job, ev)
	if err == nil || ctx.Err() != nil {
		return r, err
	}
	if gone, ok := errors.AsType[*engine.LostError](context.Cause(watched)); ok {
		return nil, gone
	}
	if _, ok := errors.AsType[*engine.LostError](err); ok {
		return nil, err
	}
	// A builder that is shut down kills what it runs: that looks as if the step
	// had failed.
	if _, gone := p.probe(ctx, w); gone != nil && ctx.Err() == nil {
		return nil, &engine.LostError{Err: fmt.Errorf("%w (%w)", gone, err)}
	}
	return nil, err
}

// watch asks a worker with a job every now and then whether it is there, and
// cancels the job if it is not: a machine that froze or lost its network says
// nothing by itself.
func (p *Pool) watch(ctx context.Context, w *worker, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(p.opts.ProbeEvery)
	defer tick.Stop()
	for missed := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		_, err := p.probe(ctx, w)
		if missed++; err == nil {
			missed = 0
		}
		if missed == maxMissed {
			cancel(&engine.LostError{Err: err})
			return
		}
	}
}

func (p *Pool) probe(ctx context.Context, w *worker) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return w.Probe(ctx)
}

// probeAll asks all workers what they do, at the same time.
func (p *Pool) probeAll(ctx context.Context) {
	for _, w := range p.workers {
		go func() {
			does, err := p.probe(ctx, w)
			if err != nil {
				p.exclude(w, err)
				return
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			if w.state = ready; len(w.Platforms) == 0 {
				w.own, w.other = does[:min(len(does), 1)], does[min(len(does), 1):]
			}
			p.signal()
		}()
	}
}

// leave takes a worker out.
func (p *Pool) exclude(w *worker, why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.state == lost {
		return
	}
	w.state, w.why = lost, why
	if p.opts.Excluded != nil {
		p.opts.Excluded(w.Name, why)
	}
	p.signal()
}

// give gives a worker's place back.
func (p *Pool) release(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.running--
	p.signal()
}

// signal wakes the jobs that wait. The caller holds mu.
func (p *Pool) signal() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// take waits for a place at a worker.
func (p *Pool) acquire(ctx context.Context, platform string) (*worker, error) {
	for {
		p.mu.Lock()
		w, wait := choose(p.workers, platform)
		changed := p.changed
		var err error
		switch {
		case w != nil:
			w.running++
		case !wait:
			err = p.none(platform)
		}
		p.mu.Unlock()
		if w != nil || err != nil {
			return w, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// none says why no worker can run a job. The caller holds mu.
func (p *Pool) none(platform string) error {
	says := make([]string, 0, len(p.workers))
	for _, w := range p.workers {
		if w.state == lost {
			says = append(says, fmt.Sprintf("%s: %v", w.Name, w.why))
		} else {
			says = append(says, fmt.Sprintf("%s builds for %s", w.Name, strings.Join(slices.Concat(w.own, w.other), ", ")))
		}
	}
	return problem.New(problem.Environment,
		"`dram doctor` tries each builder of dram.toml; add one for this platform, or build on this machine: --engine native",
		"no builder is left for %s:\n  %s", platform, strings.Join(says, "\n  "))
}
