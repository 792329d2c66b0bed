// Package buildkit runs jobs in BuildKit: the one inside a Docker daemon, or any
// that has an address. The job goes there as the Dockerfile that package
// dockerfile writes, the source file by file as far as the builder does not
// have it, and the toolchain in the way that this builder takes it. The release
// comes back into dram's store, as the caller's own files.
//
// Nothing but build cache is left at the builder: no container, and no image
// but the toolchain's, under its name, where it had to be loaded into a Docker
// daemon.
package buildkit

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
	"github.com/tonistiigi/fsutil"

	"dram/internal/engine"
	"dram/internal/engine/dockerfile"
	"dram/internal/problem"
	"dram/internal/store"
)

// Engine runs jobs at one builder. It is safe for concurrent use.
type Engine struct {
	store *store.Store
	at    Address
}

// New makes the engine for the builder at an address; nothing is dialled yet.
// What comes back is kept in st.
func New(st *store.Store, at Address) *Engine { return &Engine{store: st, at: at} }

// Run runs the job. The caller closes the result, which lets the next build of
// the same release at the same builder begin. An error that is the builder's
// doing is an engine.LostError.
func (e *Engine) Run(ctx context.Context, job engine.Job, ev engine.Events) (*engine.Result, error) {
	unlock, err := e.store.Lock(ctx, "build-"+e.slot(job), ev.Wait)
	if err != nil {
		return nil, err
	}
	r, err := e.run(ctx, job, ev)
	if err != nil {
		unlock()
		return nil, err
	}
	r.Close = func() error {
		unlock()
		return nil
	}
	return r, nil
}

func (e *Engine) run(ctx context.Context, job engine.Job, ev engine.Events) (*engine.Result, error) {
	b, err := dial(ctx, e.at)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	if job, err = b.emulating(ctx, job); err != nil {
		return nil, err
	}
	tc, err := b.handOver(ctx, e.store, job.Toolchain)
	if err != nil {
		return nil, err
	}
	home, err := e.store.Work("build", e.slot(job))
	if err != nil {
		return nil, err
	}
	out := filepath.Join(home, "release")
	if err := store.RemoveAll(out); err != nil {
		return nil, fmt.Errorf("making room for the release: %w", err)
	}
	opts, err := e.options(job, b, tc, out)
	if err != nil {
		return nil, err
	}
	if b.leavesNetwork(job) && online(job) && ev.Networked != nil {
		ev.Networked(b.name())
	}
	p := newProgress(job, ev)
	_, err = b.Solve(ctx, nil, opts, p.begin())
	p.end()
	if err != nil {
		return nil, e.failed(ctx, job, p, err)
	}
	return &engine.Result{Dir: out, Fresh: p.fresh}, nil
}

// slot names what one build at a time may have: what the builder keeps for the
// job. Releases of one project share nothing there, nor do builders.
func (e *Engine) slot(job engine.Job) string {
	return store.DigestOf([]byte(job.Key + "\n" + job.Name + "\n" + e.at.String())).Hex()
}

// emulating is the job with what it needs where this builder emulates its
// platform.
func (b *builder) emulating(ctx context.Context, job engine.Job) (engine.Job, error) {
	if job.Platform == "" || len(job.Emulated) == 0 {
		return job, nil
	}
	does, err := b.platforms(ctx)
	if err != nil || len(does) == 0 || does[0] == job.Platform {
		return job, err
	}
	job.Env = slices.Concat(job.Env, job.Emulated)
	return job, nil
}

// options are what BuildKit is asked to do.
func (e *Engine) options(job engine.Job, b *builder, tc handedOver, out string) (client.SolveOpt, error) {
	file, err := dockerfile.Render(job, dockerfile.Options{
		Toolchain: tc.name, Cache: cacheName(job), Place: job.PlaceKey(job.FetchKey())[:16], Builder: b.understands(),
	})
	if err != nil {
		return client.SolveOpt{}, err
	}
	attrs := map[string]string{"filename": "Dockerfile", "target": dockerfile.Release}
	if job.Platform != "" {
		attrs["platform"] = job.Platform
	}
	if b.leavesNetwork(job) && !online(job) {
		attrs["force-network-mode"] = "none" // no single RUN can be without it, but all can
	}
	if job.Refetches() {
		attrs["build-arg:"+dockerfile.RefetchArg] = strconv.FormatInt(time.Now().UnixNano(), 36)
	}
	stores := map[string]content.Store{}
	if tc.store != nil {
		stores[ociStore] = tc.store
		attrs["context:"+tc.name] = "oci-layout://" + ociStore + "@" + string(tc.digest)
	}
	attachables, err := e.attachables(job)
	if err != nil {
		return client.SolveOpt{}, err
	}
	return client.SolveOpt{
		Frontend: "dockerfile.v0", FrontendAttrs: attrs,
		LocalMounts: map[string]fsutil.FS{"context": sourceFS(job.Source), "dockerfile": fileFS("Dockerfile", file)},
		OCIStores:   stores, SharedKey: cacheName(job), Session: attachables,
		Exports: []client.ExportEntry{{Type: client.ExporterLocal, OutputDir: out}},
	}, nil
}

// leavesNetwork says whether this builder cannot have single steps of the job
// without the network that are to have none.
func (b *builder) leavesNetwork(job engine.Job) bool {
	return b.understands() != dockerfile.Current && slices.ContainsFunc(job.Steps, func(s engine.Step) bool { return !s.Network })
}

// online says whether some step needs the network.
func online(job engine.Job) bool {
	return slices.ContainsFunc(job.Steps, func(s engine.Step) bool { return s.Network })
}

// attachables are what the builder may ask for while it builds: the secrets, the
// credentials that the job has, among them the user's SSH agent, and the logins to registries.
func (e *Engine) attachables(job engine.Job) ([]session.Attachable, error) {
	var private, public []string
	for _, s := range job.Steps {
		if s.Private {
			private = append(private, s.Secrets...)
		} else {
			public = append(public, s.Secrets...)
		}
	}
	kept := map[string][]byte{dockerfile.Secrets: dockerfile.SecretFile(private), dockerfile.Reach: dockerfile.SecretFile(public)}
	for place, content := range job.Credentials.Files() {
		kept[dockerfile.CredentialID(place)] = content
	}
	list := []session.Attachable{secretsprovider.FromMap(kept), logins()}
	if socket := job.Credentials.Agent; socket != "" {
		agent, err := sshprovider.NewSSHAgentProvider([]sshprovider.AgentConfig{{ID: "default", Paths: []string{socket}}})
		if err != nil {
			return nil, problem.New(problem.Environment, "start ssh-agent, or leave --credentials out", "forwarding the SSH agent at %q: %w", socket, err)
		}
		list = append(list, agent)
	}
	return list, nil
}

// cacheName begins the names of what the builder keeps for the job. The key
// names the project's directory and the toolchain; the host's name keeps two
// users of one builder apart whose projects lie at the same path.
func cacheName(job engine.Job) string {
	host, _ := os.Hostname()
	return job.Name + "-" + store.DigestOf([]byte(job.Key + "\n" + host)).Hex()[:12]
}

// Tag is a toolchain's name at a builder that has to be given it:
// "dram-toolchain:debian-13-0123456789ab".
func Tag(tc engine.Toolchain) string {
	_, name, _ := strings.Cut(tc.Name, ":")
	clean := bytes.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '_':
			return r
		}
		return '-'
	}, []byte(name))
	const most = 100
	clean = clean[max(0, len(clean)-most):]
	return "dram-toolchain:" + strings.TrimLeft(string(clean)+"-"+tc.ID.Hex()[:12], "-.")
}
