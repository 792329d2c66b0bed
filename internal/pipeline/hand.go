package pipeline

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dram/internal/config"
	"dram/internal/engine"
	"dram/internal/environ"
	"dram/internal/fsutil"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/sandbox"
	"dram/internal/store"
	"dram/internal/tool"
	"dram/internal/tool/tools"
	"dram/internal/toolchain"
)

// ExecOptions say how a command is run in a toolchain.
type ExecOptions struct {
	RunOptions
	Binds   []string // "HOST:INSIDE"
	Network sandbox.Network
}

// Exec runs a command in a toolchain's root, for looking around and for
// benchmarks.
func (p *Pipeline) Exec(ctx context.Context, tc *toolchain.Toolchain, opts ExecOptions) error {
	mounts, err := mounts(opts.Binds)
	if err != nil {
		return err
	}
	dir, err := tc.Root(ctx)
	if err != nil {
		return err
	}
	facts, err := tc.Facts(ctx)
	if err != nil {
		return err
	}
	spec := over(dir, tc, facts, opts.RunOptions)
	spec.Mounts, spec.Network = mounts, opts.Network
	return p.inScratch(ctx, spec)
}

func mounts(binds []string) ([]sandbox.Mount, error) {
	var list []sandbox.Mount
	for _, b := range binds {
		host, inside, ok := strings.Cut(b, ":")
		if !ok || !strings.HasPrefix(inside, "/") || !strings.HasPrefix(host, "/") {
			return nil, problem.New(problem.Usage, "write --bind /host/directory:/inside", "%q is not a bind", b)
		}
		list = append(list, sandbox.Mount{Source: host, Target: inside})
	}
	return list, nil
}

// over is a command over a toolchain's root.
func over(root string, tc *toolchain.Toolchain, facts toolchain.Facts, opts RunOptions) sandbox.Spec {
	return sandbox.Spec{
		Lower: []string{root}, Argv: opts.Command, Reap: true,
		Env: environ.Merge(tc.Config.Env, []string{
			"PATH=" + facts.Path, "LANG=C.UTF-8", "HOME=/root", "TERM=" + os.Getenv("TERM"),
		}, opts.Env),
		Stdio: sandbox.Stdio{Stdin: opts.Stdin, Stdout: opts.Stdout, Stderr: opts.Stderr, Foreground: opts.Interactive},
	}
}

func (p *Pipeline) inScratch(ctx context.Context, spec sandbox.Spec) error {
	scratch, done, err := p.Store.TempDir("exec")
	if err != nil {
		return err
	}
	defer done()
	spec.Scratch = scratch
	return sandbox.Run(ctx, spec)
}

// ByHand runs a tool's program, or a shell where the command is empty, in the
// toolchain of the project in dir, with the network, over the working copy, which
// it may write to. Where there is no project yet, the toolchain is the one that
// was set, or the default.
func (p *Pipeline) ByHand(ctx context.Context, dir string, cfg config.Config, hands []tool.Hand, opts RunOptions) error {
	copied, err := workingCopy(dir)
	if err != nil {
		return err
	}
	tc, err := p.handToolchain(ctx, dir, cfg)
	if err != nil {
		return err
	}
	root, facts, err := p.unpack(ctx, tc)
	if err != nil {
		return err
	}
	if len(opts.Command) == 0 {
		opts.Command = []string{"sh"}
	}
	var env []string
	for _, h := range hands {
		env = environ.Merge(env, h.Env(plan.ForTool(facts), p.Environ, argsOf(h.Program, opts.Command)))
		kept, err := p.keptByHand(tc, h)
		if err != nil {
			return err
		}
		copied = append(copied, kept...)
	}
	opts.Env = environ.Merge(env, opts.Env)
	spec := over(root, tc, facts, opts)
	spec.Mounts, spec.Dir, spec.Network = copied, engine.SourceDir, sandbox.Host
	return p.inScratch(ctx, spec)
}

// argsOf are what a command calls a tool's program with; what another program is
// called with is none of the tool's tasks, and gets no keys for its name.
func argsOf(program string, command []string) []string {
	if command[0] != program {
		return nil
	}
	return command[1:]
}

// handToolchain is what a build of the project would take.
func (p *Pipeline) handToolchain(ctx context.Context, dir string, cfg config.Config) (*toolchain.Toolchain, error) {
	proj, err := tools.Read(dir, plan.Given(cfg))
	if errors.Is(err, tool.ErrNone) {
		return p.OpenToolchain(ctx, cmp.Or(cfg.Toolchain, p.Toolchains.Distros.Example()), plan.Set(cfg))
	}
	if err != nil {
		return nil, err
	}
	if names, err := proj.Releases(); err == nil && len(names) > 0 && len(cfg.Releases) == 0 {
		cfg.Releases = names[:1] // all are built in the same
	}
	stage := p.UI.Start("plan", proj.Facts().Dir) // what a release would lack is for those who build one
	in := p.inputs(proj, cfg, progress(stage))
	in.ByHand = true
	pl, err := p.decide(ctx, in)
	if err != nil {
		return nil, err
	}
	stage.Done("%s", pl.Toolchain)
	return p.OpenToolchain(ctx, pl.Toolchain, pl.Additions)
}

// workingCopy is what a command by hand sees of the host: the directory, and in
// it, read-only, what Git runs commands of.
func workingCopy(dir string) ([]sandbox.Mount, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return nil, problem.New(problem.Usage, "name the directory of a project, or one to make it in", "%w", err)
	}
	if home, err := os.UserHomeDir(); err == nil && holds(dir, home) {
		return nil, problem.New(problem.Usage, "make a directory for the project, and run it there",
			"%q holds your home directory, all of which the command could read and change", dir)
	}
	list := []sandbox.Mount{{Source: dir, Target: engine.SourceDir}}
	git := filepath.Join(dir, ".git")
	info, err := os.Lstat(git)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return list, nil
	case err != nil:
		return nil, err
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, problem.New(problem.Usage, "put what it leads to in its place", "%q is a link, which the command could turn elsewhere", git)
	}
	return append(list, sandbox.Mount{Source: git, Target: engine.SourceDir + "/.git", ReadOnly: true}), nil
}

// holds says whether the directory outer is inner, or above it.
func holds(outer, inner string) bool {
	if real, err := filepath.EvalSymlinks(inner); err == nil {
		inner = real
	}
	_, err := fsutil.Inside(outer, inner)
	return err == nil
}

// keptByHand are the directories that a program keeps between runs, for each
// toolchain its own.
func (p *Pipeline) keptByHand(tc *toolchain.Toolchain, h tool.Hand) ([]sandbox.Mount, error) {
	home, err := p.Store.Work("hand", store.DigestOf([]byte(h.Program+"\n"+string(tc.ID))).Hex())
	if err != nil {
		return nil, err
	}
	var list []sandbox.Mount
	for _, inside := range h.Kept {
		at := filepath.Join(home, store.FileName(inside))
		if err := os.MkdirAll(at, 0o700); err != nil {
			return nil, err
		}
		list = append(list, sandbox.Mount{Source: at, Target: inside})
	}
	return list, nil
}
