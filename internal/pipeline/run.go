package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/environ"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/rootfs"
	"dram/internal/sandbox"
	"dram/internal/toolchain"
)

// RunOptions say how an image is run.
type RunOptions struct {
	As      ref.Use  // what the image's reference was given for
	Env     []string // "K=V", on top of the image's
	Command []string // instead of the image's Cmd
	Volumes []sandbox.Mount
	Name    string // by which commands come in beside it (ExecIn); "" for none
	// Interactive hands the terminal over, for consoles.
	Interactive    bool
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// program says whether the command is a program of the image, and not a command of
// its entrypoint, which alone reads the release's configuration.
func (o RunOptions) program() bool { return len(o.Command) > 0 && strings.Contains(o.Command[0], "/") }

// RunImage runs an image, its layers and its configuration, in the sandbox. It
// has the host's network, so that the ports it opens are the host's. Cancelling
// ctx sends SIGTERM, as docker stop does. The error of a program that ended
// with another code than 0, or with any when ctx was done, is or wraps a
// *sandbox.ExitError.
func (p *Pipeline) RunImage(ctx context.Context, from ref.Ref, opts RunOptions) error {
	epmd, err := ownEpmd(ctx)
	if err != nil {
		return err
	}
	opts.Env = environ.Merge(epmd, opts.Env)
	spec, image, err := p.imageSpec(ctx, from, opts)
	if err != nil {
		return err
	}
	dir := spec.Lower[0]
	spec.Mounts = opts.Volumes
	spec.Tmpfs = slices.DeleteFunc(spec.Tmpfs, func(at string) bool {
		return slices.ContainsFunc(opts.Volumes, func(m sandbox.Mount) bool { return m.Target == at })
	})
	scratch, done, err := p.Store.TempDir("run")
	if err != nil {
		return err
	}
	defer done()
	spec.Scratch = scratch
	if opts.Name == "" {
		err = sandbox.Run(ctx, spec)
	} else {
		err = p.runNamed(ctx, spec, opts, image.Entrypoint)
	}
	if _, _, ended := Ended(err); ended && ctx.Err() == nil && !opts.program() {
		p.tellUnset(dir, spec.Env)
	}
	return err
}

// imageSpec is an image's process as a container would have it, in a sandbox that has
// the host's network; its lower directory is the image's root. config is the image's.
func (p *Pipeline) imageSpec(ctx context.Context, from ref.Ref, opts RunOptions) (spec sandbox.Spec, config v1.Config, err error) {
	image, err := p.Toolchains.Open(ctx, from, toolchain.Options{As: opts.As})
	if err != nil {
		return spec, config, err
	}
	if err := sandbox.Emulates(p.Toolchains.Arch); err != nil {
		return spec, config, fmt.Errorf("running %s: %w", from, err)
	}
	dir, err := image.Root(ctx)
	if err != nil {
		return spec, config, err
	}
	if spec, err = runSpec(dir, image.Config, opts); err != nil {
		return spec, config, fmt.Errorf("running %s: %w", from, err)
	}
	return spec, image.Config, p.asUser(ctx, from, opts, &spec)
}

// tellUnset says what a program that failed lacked, as far as that is known.
func (p *Pipeline) tellUnset(dir string, env []string) {
	root, err := rootfs.Dir(dir)
	if err != nil {
		return
	}
	defer func() { _ = root.Close() }() // only read
	if missing := unset(root, env); len(missing) > 0 {
		p.UI.Warn("%s", startHint(missing))
	}
}

// runSpec is what a container runtime makes of an image's configuration.
func runSpec(dir string, config v1.Config, opts RunOptions) (sandbox.Spec, error) {
	root, err := rootfs.Dir(dir)
	if err != nil {
		return sandbox.Spec{}, err
	}
	defer func() { _ = root.Close() }()
	uid, gid, err := user(root, config.User)
	if err != nil {
		return sandbox.Spec{}, err
	}
	argv := append([]string{}, config.Entrypoint...)
	switch {
	case opts.program():
		argv = opts.Command
	case len(opts.Command) > 0:
		argv = append(argv, opts.Command...)
	default:
		argv = append(argv, config.Cmd...)
	}
	if len(argv) == 0 {
		return sandbox.Spec{}, problem.New(problem.Usage, "name one after --", "the image has no command")
	}
	return sandbox.Spec{
		Lower: []string{dir}, Argv: argv, Dir: config.WorkingDir,
		Env:  environ.Merge([]string{"PATH=" + defaultPath, "HOME=" + home(root, uid)}, config.Env, opts.Env),
		User: uid, Group: gid, Network: sandbox.Host,
		Stdio: sandbox.Stdio{Stdin: opts.Stdin, Stdout: opts.Stdout, Stderr: opts.Stderr, Foreground: opts.Interactive},
	}, nil
}

// defaultPath is what container runtimes give an image that sets no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// home is what container runtimes set HOME to: of the first line of etc/passwd with
// the user's number, "/" where there is none.
func home(root rootfs.FS, uid int) string {
	raw, err := rootfs.ReadFile(root, "etc/passwd", 1<<20)
	if err != nil {
		return "/"
	}
	for line := range strings.SplitSeq(string(raw), "\n") {
		fields := strings.Split(line, ":")
		if len(fields) >= 6 && fields[2] == strconv.Itoa(uid) && fields[5] != "" {
			return fields[5]
		}
	}
	return "/"
}

// ownEpmd gives a run a port mapper of its own: epmd knows nodes by name alone,
// so that two runs of one release on the host's network, or a run and a release
// that the host itself runs, would refuse each other. -e ERL_EPMD_PORT=4369
// shares the host's.
func ownEpmd(ctx context.Context) ([]string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("finding a free port for epmd: %w", err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return []string{"ERL_EPMD_PORT=" + port}, errors.Join(err, l.Close())
}

// user reads an image's User: "", "uid", "uid:gid", or names of etc/passwd and
// etc/group.
func user(root rootfs.FS, s string) (uid, gid int, err error) {
	if s == "" {
		return 0, 0, nil
	}
	u, g, hasGroup := strings.Cut(s, ":")
	entry, found := passwd(root, "etc/passwd", u)
	uid, err = strconv.Atoi(u)
	if err != nil {
		if !found {
			return 0, 0, problem.New(problem.Usage, "", "the image's user %q is not in its /etc/passwd", u)
		}
		uid = entry[0]
	}
	if !hasGroup {
		if found {
			gid = entry[1]
		}
		return uid, gid, nil
	}
	gid, err = strconv.Atoi(g)
	if err != nil {
		group, ok := passwd(root, "etc/group", g)
		if !ok {
			return 0, 0, problem.New(problem.Usage, "", "the image's group %q is not in its /etc/group", g)
		}
		gid = group[0]
	}
	return uid, gid, nil
}

// passwd finds name in a file of etc/passwd's form and gives the numbers of
// its third and, where there is one, fourth field.
func passwd(root rootfs.FS, file, name string) (ids [2]int, ok bool) {
	f, err := root.Open(file)
	if err != nil {
		return ids, false
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return ids, false
	}
	for line := range strings.SplitSeq(string(raw), "\n") {
		fields := strings.Split(line, ":")
		if len(fields) < 3 || fields[0] != name {
			continue
		}
		for i, field := range fields[2:min(4, len(fields))] {
			if n, err := strconv.Atoi(field); err == nil {
				ids[i] = n
			}
		}
		return ids, true
	}
	return ids, false
}

// Ended is a program's own end, if err is one: the exit code to pass on, and
// why it could not be started if it was not.
func Ended(err error) (code int, why string, ok bool) {
	var exit *sandbox.ExitError
	if !errors.As(err, &exit) {
		return 0, "", false
	}
	return exit.Code, exit.Why, true
}
