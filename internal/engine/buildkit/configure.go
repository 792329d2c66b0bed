package buildkit

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session/filesync"
	"github.com/tonistiigi/fsutil"

	"dram/internal/engine"
	"dram/internal/engine/dockerfile"
	"dram/internal/problem"
	"dram/internal/store"
	"dram/internal/untar"
)

// Configurer runs programs inside a root filesystem at a builder: where this
// machine cannot, since it is no Linux. The root goes there, the program runs
// as user 0 without a network, and what comes of it comes back. Nothing is left
// at the builder but build cache.
type Configurer struct {
	store *store.Store
	at    Address
}

// NewConfigurer makes one for the builder at an address.
func NewConfigurer(st *store.Store, at Address) *Configurer { return &Configurer{store: st, at: at} }

// Run runs a program inside root, a directory that then holds what it left.
func (c *Configurer) Run(ctx context.Context, root string, argv, env []string, out io.Writer) error {
	b, err := dial(ctx, c.at)
	if err != nil {
		return err
	}
	defer b.Close()
	tmp, done, err := c.store.TempDir("configure")
	if err != nil {
		return err
	}
	defer done()
	archive := filepath.Join(tmp, "root.tar")
	if err := c.solve(ctx, b, program{root: root, argv: argv, env: env, out: out}, archive); err != nil {
		return err
	}
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := empty(root); err != nil {
		return fmt.Errorf("making room for the configured root: %w", err)
	}
	if _, err := untar.Extract(ctx, f, root, untar.Options{}); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return asInSandbox(f, root)
}

// asInSandbox undoes two differences to what dram's sandbox leaves: what lies in
// directories that a system fills when it starts, and directories that do not
// hand their group on, which unpacking sees to for archives of unknown origin.
func asInSandbox(archive io.Reader, dir string) error {
	for _, transient := range []string{"run", "tmp"} {
		if err := empty(filepath.Join(dir, transient)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for r := tar.NewReader(archive); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if mode := h.FileInfo().Mode(); mode.IsDir() && mode&fs.ModeSetgid != 0 {
			if err := root.Chmod(filepath.Clean(h.Name), mode.Perm()|mode&(fs.ModeSetgid|fs.ModeSticky)); err != nil {
				return err
			}
		}
	}
}

// program is what is run over a root.
type program struct {
	root      string
	argv, env []string
	out       io.Writer
}

func (c *Configurer) solve(ctx context.Context, b *builder, run program, archive string) error {
	file, err := runIn(run.argv, run.env)
	if err != nil {
		return err
	}
	files, err := fsutil.NewFS(run.root)
	if err != nil {
		return err
	}
	attrs := map[string]string{"filename": "Dockerfile", "force-network-mode": "none"}
	// The job stands for the run, so that output and failures are found as those
	// of a build are.
	job := engine.Job{Name: "root", Steps: []engine.Step{{Name: "configure", Argv: run.argv}}}
	p := newProgress(job, engine.Events{Step: func(engine.Step, bool) {}, Output: run.out})
	_, err = b.Solve(ctx, nil, client.SolveOpt{
		Frontend: "dockerfile.v0", FrontendAttrs: attrs, SharedKey: "dram-configure",
		LocalMounts: map[string]fsutil.FS{"context": files, "dockerfile": fileFS("Dockerfile", file)},
		Exports:     []client.ExportEntry{{Type: client.ExporterTar, Output: toFile(archive)}},
	}, p.begin())
	p.end()
	if err == nil {
		return nil
	}
	err = (&Engine{store: c.store, at: c.at}).failed(ctx, job, p, err)
	if failed, ok := errors.AsType[*engine.StepError](err); ok {
		return failed.Err
	}
	return err
}

// runIn is the Dockerfile that runs one program over the context.
func runIn(argv, env []string) ([]byte, error) {
	var b strings.Builder
	b.WriteString("FROM scratch AS assemble\nCOPY . /\n")
	command := append([]string{"env", "-i"}, env...)
	command = append(command, argv...)
	words := make([]string, len(command))
	for i, w := range command {
		words[i] = dockerfile.Word(w)
	}
	// The mark is what tells a step's failure from the builder's.
	script, err := json.Marshal([]string{"/bin/sh", "-c", "echo " + dockerfile.Word(dockerfile.MarkStep+"configure") + "; exec " + strings.Join(words, " ")})
	if err != nil {
		return nil, problem.New(problem.Failure, "", "writing down %s: %w", strconv.Quote(argv[0]), err)
	}
	fmt.Fprintf(&b, "RUN %s\n", script)
	return []byte(b.String()), nil
}

// toFile gives BuildKit a file to write to.
func toFile(path string) filesync.FileOutputFunc {
	return func(map[string]string) (io.WriteCloser, error) {
		return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	}
}

// empty removes what lies in a directory, which itself stays.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, store.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}
