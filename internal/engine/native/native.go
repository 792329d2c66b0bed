// Package native runs jobs in dram's own sandbox: no daemon, no root, Linux
// only. What the store keeps of a job is mounted where the job says.
package native

import (
	"context"
	"errors"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"dram/internal/engine"
	"dram/internal/engine/local"
	"dram/internal/environ"
	"dram/internal/sandbox"
	"dram/internal/store"
)

// New makes the engine; what it keeps between runs it keeps in st.
func New(st *store.Store) *local.Engine {
	return local.New(st, func(_ context.Context, home string, job engine.Job, _ engine.Events) (local.Place, error) {
		if _, arch, _ := strings.Cut(job.Platform, "/"); arch != "" && arch != runtime.GOARCH {
			if err := sandbox.Emulates(arch); err != nil {
				return nil, err
			}
			job.Env = slices.Concat(job.Env, job.Emulated)
		}
		if job.Isolated { // before a step begins: one that could not is one that was killed
			if err := sandbox.Isolates(); err != nil {
				return nil, err
			}
		}
		return &place{store: st, home: home, job: job}, nil
	})
}

// grace is how long a step has to end when the build is cancelled: what it wrote is
// made anew in any case.
const grace = time.Second

// place is a sandbox over the toolchain's root.
type place struct {
	store *store.Store
	home  string
	job   engine.Job
}

func (p *place) Source() string { return filepath.Join(p.home, "source") }

func (p *place) Kept(inside string) string {
	return local.KeptIn(p.home, inside)
}

func (p *place) Close() error { return nil }

func (p *place) Step(ctx context.Context, s engine.Step, ev engine.Events) error {
	scratch, done, err := p.store.TempDir("sandbox")
	if err != nil {
		return err
	}
	defer done()
	mounts := []sandbox.Mount{{Source: p.Source(), Target: engine.SourceDir}}
	for _, k := range p.job.CacheDirs {
		mounts = append(mounts, sandbox.Mount{Source: p.Kept(k), Target: k})
	}
	spec := sandbox.Spec{
		Lower: []string{p.job.Root}, Scratch: scratch, Mounts: mounts,
		Argv: s.Argv, Env: environ.Merge(p.job.Env, s.Env, s.Secrets), Dir: path.Join(engine.SourceDir, s.Dir),
		Stdio: sandbox.Stdio{Stdout: ev.Output, Stderr: ev.Output}, Reap: true, Grace: grace,
	}
	if keys := p.job.Credentials; len(s.Remotes) > 0 {
		spec.Files = keys.Files()
		if keys.Agent != "" {
			spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: keys.Agent, Target: engine.AgentPlace})
			spec.Env = append(spec.Env, "SSH_AUTH_SOCK="+engine.AgentPlace)
		}
	}
	switch {
	case s.Network && p.job.Isolated:
		spec.Network = sandbox.Isolated
	case s.Network:
		spec.Network = sandbox.Host
	}
	err = sandbox.Run(ctx, spec)
	if exit, ok := errors.AsType[*sandbox.ExitError](err); ok && ctx.Err() == nil {
		// A shell or make says 128 and more where it was its child that was killed.
		return &local.Exit{Err: exit, Signal: exit.Signal != "" || exit.Code > 128}
	}
	return err
}
