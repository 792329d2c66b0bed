package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"dram/internal/config"
	"dram/internal/daemon"
	"dram/internal/pipeline"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/session"
)

func newRun(g *globals) *cobra.Command {
	var publish []string
	var docker bool
	var how running
	cmd := &cobra.Command{
		Use:   "run [DIR|IMAGE] [-- COMMAND…]",
		Short: "run the image in the sandbox, or in Docker",
		Long: long(`
Runs the image itself, its layers and its configuration, in dram's sandbox:
what a container engine would run, without one. A project is built first if
need be. IMAGE is a tar that dram image wrote, oci:DIR or image:REF.

An image that dram made is to its user what it is in a container: read-only but
for /tmp and the places that it gives the user (image.directories); what is
written there is gone at the end. --volume shows a directory of this machine.

The program has this machine's network, so the ports it opens are here, but an
epmd of its own (-e ERL_EPMD_PORT=4369 shares this machine's). COMMAND
replaces the image's: "remote", "eval 'IO.puts(1)'", or a path of a program in
the image. Ctrl-C and SIGTERM stop it gracefully, as docker stop does. Once it
has begun, its exit code is dram's: 0 for a service that was stopped and ended
well, 137 for one that had to be killed after 10 seconds. Stopped before that,
dram exits with 130.

With --name, commands come in beside it: dram exec NAME -- remote.

With --docker it runs in Docker or Podman: the image is loaded, a container is
made and removed at its end. The ports that the image declares (--expose) are
published on loopback, or else those that -p names.`),
		Example: `  dram run
  dram run -e PORT=4001 ./my_app
  dram run releases/my_app/my_app-0.1.0-linux-amd64.tar -- eval 'IO.puts(:ok)'
  dram run --docker -p 8080:4000`,
		Args: oneBeforeDash,
		RunE: func(cmd *cobra.Command, args []string) error {
			what, command := args, []string(nil)
			if at := cmd.ArgsLenAtDash(); at >= 0 {
				what, command = args[:at], args[at:]
			}
			if docker {
				return g.runDocker(cmd, dirArg(what), command, how, publish)
			}
			if len(publish) > 0 {
				return problem.New(problem.Usage, "leave it out: the program has this machine's network", "-p is for --docker")
			}
			return g.run(cmd, dirArg(what), command, how)
		},
	}
	how.register(cmd)
	cmd.Flags().BoolVar(&docker, "docker", false, "run it in Docker or Podman")
	cmd.Flags().StringArrayVarP(&publish, "publish", "p", nil, "with --docker, a port as docker run -p takes it: 8080:4000, repeatable")
	g.settings(cmd)
	return cmd
}

// oneBeforeDash takes one argument at most before --.
func oneBeforeDash(cmd *cobra.Command, args []string) error {
	n := len(args)
	if at := cmd.ArgsLenAtDash(); at >= 0 {
		n = at
	}
	return cobra.MaximumNArgs(1)(cmd, args[:n])
}

func (g *globals) run(cmd *cobra.Command, what string, command []string, how running) error {
	env, err := how.environment(len(command) > 0 && atTerminal())
	if err != nil {
		return err
	}
	volumes, err := how.mounts()
	if err != nil {
		return err
	}
	if how.name != "" {
		if err := session.CheckName(how.name); err != nil {
			return err
		}
	}
	p, from, err := g.imageToRun(cmd, taken(atRun), what)
	if err != nil {
		return err
	}
	interactive := len(command) > 0 && atTerminal()
	opts := pipeline.RunOptions{
		As: taken(atRun), Env: env, Command: command, Volumes: volumes, Name: how.name, Interactive: interactive, Stdout: g.std.Out, Stderr: g.std.Err,
	}
	if len(command) > 0 {
		opts.Stdin = g.std.In
	}
	g.std.Running()
	err = p.RunImage(cmd.Context(), from, opts)
	return g.passOnEnd(err)
}

// runDocker runs an image in a daemon, with the same streams as run gives.
func (g *globals) runDocker(cmd *cobra.Command, what string, command []string, how running, publish []string) error {
	env, err := how.environment(len(command) > 0 && atTerminal())
	if err != nil {
		return err
	}
	volumes, err := how.mounts()
	if err != nil {
		return err
	}
	run := daemon.Run{Name: how.name, Binds: binds(volumes), Env: env, Command: command, Publish: publish, Stdout: g.std.Out, Stderr: g.std.Err}
	if len(command) > 0 {
		run.Stdin = g.std.In
		if atTerminal() {
			run.Terminal = os.Stdin
		}
	}
	return g.runInDaemon(cmd, what, run)
}

// passOnEnd makes the end of a program that dram ran for the user dram's own.
func (g *globals) passOnEnd(err error) error {
	code, why, ok := pipeline.Ended(err)
	if !ok {
		return err
	}
	if why != "" {
		_, _ = fmt.Fprintf(g.std.Err, "error: %s\n", why)
	}
	return &passedOn{code}
}

// imageToRun finds the image that an argument names, building it first where it names
// a project.
func (g *globals) imageToRun(cmd *cobra.Command, use ref.Use, what string) (*app, ref.Ref, error) {
	from, err := use.Find(what)
	if err != nil {
		return nil, from, err
	}
	if from.Kind == ref.Path {
		m, err := g.imageOf(cmd, what)
		if err != nil {
			return nil, from, err
		}
		return m.app, ref.Ref{Kind: ref.Tar, Value: m.path()}, nil
	}
	c, err := g.config(cmd, ".")
	if err != nil {
		return nil, from, err
	}
	if cmd.Flags().Changed("platform") {
		if err := one(c); err != nil {
			return nil, from, err
		}
	}
	image := config.Config{Places: config.Places{Mirror: c.Mirror, SecurityMirror: c.SecurityMirror}}
	if platform := c.Platform(); platform != "" {
		image.Platforms = []string{platform}
	}
	a, err := g.with(image)
	return a, from, err
}

// imageOf makes the image of a project or release, as dram image does without flags.
func (g *globals) imageOf(cmd *cobra.Command, arg string) (*made, error) {
	c, err := g.imageSettings(cmd, arg)
	if err != nil {
		return nil, err
	}
	return g.image(cmd.Context(), c, arg, nil)
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// atTerminal says whether a person is there who can be asked.
func atTerminal() bool { return isTerminal(os.Stdin) && isTerminal(os.Stdout) }
