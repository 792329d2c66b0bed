package pool_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dram/internal/engine"
	"dram/internal/engine/pool"
	"dram/internal/problem"
)

const (
	amd = "linux/amd64"
	arm = "linux/arm64"
)

// fate is what becomes of a simulated builder.
type fate int

const (
	sound     fate = iota
	absent         // from the start
	dies           // its connections break
	freezes        // it answers nothing any more, and breaks nothing either
	shutsDown      // it kills its steps, which fails them, and is gone
	fates
)

// builder is an engine in the simulation, in the bubble's time.
type builder struct {
	name   string
	fate   fate
	weight int
	does   []string
	end    chan struct{} // closed when its fate comes

	mu      sync.Mutex
	running int
	most    int
	done    map[string]int // jobs that it completed, or failed by their own doing
}

func (b *builder) gone() bool {
	select {
	case <-b.end:
		return true
	default:
		return b.fate == absent
	}
}

func (b *builder) probe(ctx context.Context) ([]string, error) {
	if b.gone() && b.fate == freezes {
		<-ctx.Done()
		return nil, fmt.Errorf("%s does not answer: %w", b.name, ctx.Err())
	}
	if b.gone() {
		return nil, fmt.Errorf("%s refused the connection", b.name)
	}
	return b.does, nil
}

var (
	errBroken = errors.New("connection reset")
	errKilled = errors.New("exit status 137")
	errOwn    = errors.New("exit status 1")
)

// Run takes as long as the job's name says: "3 good 2m".
func (b *builder) Run(ctx context.Context, job engine.Job, _ engine.Events) (*engine.Result, error) {
	b.mu.Lock()
	b.running++
	b.most = max(b.most, b.running)
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.running--
	}()
	var n int
	var kind, length string
	if _, err := fmt.Sscan(job.Name, &n, &kind, &length); err != nil {
		return nil, err
	}
	took, err := time.ParseDuration(length)
	if err != nil {
		return nil, err
	}
	end := b.end
	if b.gone() && b.fate != freezes {
		return nil, &engine.LostError{Err: errBroken}
	}
	if b.fate == freezes { // nobody tells
		if b.gone() {
			took = time.Hour * 1000
		}
		end = nil
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-end:
		if b.fate == shutsDown {
			return nil, &engine.StepError{Step: engine.Step{Name: "release"}, Err: errKilled}
		}
		return nil, fmt.Errorf("running %s: %w", job.Name, &engine.LostError{Err: errBroken})
	case <-time.After(took):
	}
	if b.gone() && b.fate == freezes { // its answer does not come
		<-ctx.Done()
		return nil, ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done[job.Name]++
	if kind == "bad" {
		return nil, &engine.StepError{Step: engine.Step{Name: "release"}, Err: errOwn}
	}
	return &engine.Result{Dir: job.Name, Close: func() error { return nil }}, nil
}

// simulation is some builders and some jobs.
type simulation struct {
	builders []*builder
	jobs     []engine.Job

	mu   sync.Mutex
	left map[string]int
}

func draw(seed uint64) *simulation {
	r := rand.New(rand.NewPCG(seed, 1))
	s := &simulation{left: map[string]int{}}
	for i := range 1 + r.IntN(4) {
		does := [][]string{{amd}, {arm}, {amd, arm}, {arm, amd}}[r.IntN(4)]
		s.builders = append(s.builders, &builder{
			name: fmt.Sprintf("b%d", i), fate: fate(r.IntN(int(fates))), weight: 1 + r.IntN(3), does: does,
			end: make(chan struct{}), done: map[string]int{},
		})
	}
	for i := range 1 + r.IntN(12) {
		kind := "good"
		if r.IntN(5) == 0 {
			kind = "bad"
		}
		s.jobs = append(s.jobs, engine.Job{
			Name: fmt.Sprintf("%d %s %v", i, kind, time.Duration(1+r.IntN(120))*time.Second), Platform: []string{amd, arm}[r.IntN(2)],
		})
	}
	for _, b := range s.builders {
		if b.fate != sound && b.fate != absent {
			time.AfterFunc(time.Duration(r.IntN(200_000))*time.Millisecond, func() { close(b.end) })
		}
	}
	return s
}

func (s *simulation) pool() *pool.Pool {
	var workers []pool.Worker
	for _, b := range s.builders {
		workers = append(workers, pool.Worker{Name: b.name, Engine: b, Weight: b.weight, Probe: b.probe})
	}
	return pool.New(workers, pool.Options{Excluded: func(name string, why error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.left[name]++
	}})
}

// run runs all jobs at once and gives each one's error.
func (s *simulation) run(ctx context.Context, p *pool.Pool, results []*engine.Result) []error {
	errs := make([]error, len(s.jobs))
	var group sync.WaitGroup
	for i, job := range s.jobs {
		group.Go(func() { results[i], errs[i] = p.Run(ctx, job, engine.Events{}) })
	}
	group.Wait()
	return errs
}

// Whatever builders die at whatever moment: each job is done exactly once, or
// fails by its own doing exactly once, or the error says what happened to each
// builder, and none was sound that could have done it.
func TestEachJobExactlyOnce(t *testing.T) {
	seeds := 2000
	if testing.Short() {
		seeds = 200
	}
	outcomes := map[string]int{}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			s := draw(uint64(seed))
			results := make([]*engine.Result, len(s.jobs))
			errs := s.run(t.Context(), s.pool(), results)
			for i := range s.jobs {
				outcomes[s.judge(t, i, results[i], errs[i])]++
			}
			for _, b := range s.builders {
				if b.most > b.weight {
					t.Errorf("%s ran %d jobs at a time, its weight is %d", b.name, b.most, b.weight)
				}
				if n := s.left[b.name]; n > 1 || b.fate == sound && n > 0 {
					t.Errorf("%s was left out %d times (fate %d)", b.name, n, b.fate)
				}
			}
			time.Sleep(time.Hour) // what was begun ends
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	for _, outcome := range []string{"done", "failed", "none left"} {
		if outcomes[outcome] < seeds/10 {
			t.Errorf("only %d jobs were %s: the simulation shows nothing of that", outcomes[outcome], outcome)
		}
	}
}

// judge says what became of a job, and whether that is right.
func (s *simulation) judge(t *testing.T, i int, r *engine.Result, err error) string {
	t.Helper()
	job := s.jobs[i]
	times := 0
	for _, b := range s.builders {
		times += b.done[job.Name]
	}
	var step *engine.StepError
	switch {
	case err == nil:
		if r == nil || r.Dir != job.Name || times != 1 || strings.Contains(job.Name, "bad") {
			t.Errorf("job %q was done %d times and gave %+v", job.Name, times, r)
		}
		return "done"
	case errors.As(err, &step):
		if !errors.Is(err, errOwn) || times != 1 || !strings.Contains(job.Name, "bad") {
			t.Errorf("job %q was done %d times and failed: %v", job.Name, times, err)
		}
		return "failed"
	case problem.Code(err) != int(problem.Environment) || times != 0:
		t.Errorf("job %q was done %d times and failed: %v", job.Name, times, err)
	}
	for _, b := range s.builders {
		if b.fate == sound && (b.does[0] == job.Platform || len(b.does) > 1) {
			t.Errorf("job %q fails although %s could do it: %v", job.Name, b.name, err)
		}
		if !strings.Contains(err.Error(), b.name) {
			t.Errorf("job %q: nothing is said of %s: %v", job.Name, b.name, err)
		}
	}
	return "none left"
}

// Cancelling ends every job at once, whatever state the builders are in.
func TestCancelEndsAll(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			s := draw(seed)
			ctx, cancel := context.WithCancel(t.Context())
			begun := time.Now()
			after := time.Duration(rand.New(rand.NewPCG(seed, 2)).IntN(60)) * time.Second
			time.AfterFunc(after, cancel)
			for _, err := range s.run(ctx, s.pool(), make([]*engine.Result, len(s.jobs))) {
				var step *engine.StepError
				if err != nil && !errors.Is(err, context.Canceled) && !errors.As(err, &step) && problem.Code(err) != int(problem.Environment) {
					t.Errorf("seed %d: %v", seed, err)
				}
			}
			if took := time.Since(begun); took > after {
				t.Errorf("seed %d: cancelled after %v, ended after %v", seed, after, took)
			}
			time.Sleep(time.Hour)
		})
	}
}

// The builders of a job are told in order, and a builder's own answer decides
// what it does unless it is said.
func TestWhereJobsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &builder{name: "a", fate: dies, does: []string{amd}, end: make(chan struct{}), done: map[string]int{}}
		b := &builder{name: "b", does: []string{amd}, end: make(chan struct{}), done: map[string]int{}}
		c := &builder{name: "c", does: []string{amd}, end: make(chan struct{}), done: map[string]int{}}
		p := pool.New([]pool.Worker{
			{Name: "a", Engine: a, Weight: 3, Probe: a.probe},
			{Name: "b", Engine: b, Weight: 1, Probe: func(ctx context.Context) ([]string, error) {
				time.Sleep(time.Second) // the first that answers gets the first job
				return b.probe(ctx)
			}},
			{Name: "c", Engine: c, Weight: 9, Probe: c.probe, Platforms: []string{arm}},
		}, pool.Options{})
		time.AfterFunc(30*time.Second, func() { close(a.end) })
		var at []string
		r, err := p.Run(t.Context(), engine.Job{Name: "0 good 1m", Platform: amd}, engine.Events{At: func(name string) { at = append(at, name) }})
		if err != nil || r.Dir != "0 good 1m" || strings.Join(at, " ") != "a b" {
			t.Errorf("ran at %q: %+v, %v", at, r, err)
		}
		_, err = p.Run(t.Context(), engine.Job{Platform: "linux/riscv64"}, engine.Events{})
		for _, says := range []string{"no builder is left for linux/riscv64", "a: connection reset", "b builds for linux/amd64", "c builds for linux/arm64"} {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("does not say %q: %v", says, err)
			}
		}
		time.Sleep(time.Hour) // what was begun ends
	})
}
