package cli

import (
	"os"

	"github.com/spf13/cobra"

	"dram/internal/config"
	"dram/internal/daemon"
	"dram/internal/pipeline"
	"dram/internal/problem"
	"dram/internal/session"
)

func newExec(g *globals) *cobra.Command {
	var env variables
	var docker bool
	cmd := &cobra.Command{
		Use:   "exec NAME -- COMMAND…",
		Short: "run a command beside what dram run --name started",
		Long: long(`
Runs a command in the sandbox that dram run --name NAME made, as docker exec does
in a container: with the files, the processes, the network, the limits, the user
and the environment of what runs there, and nothing more. COMMAND is one of the
release's start script (remote, rpc 'IO.puts(1)', eval, pid), or a program by its
path in the image. Its exit code is dram's.

Where standard input and output are a terminal, the command has one: Ctrl-C and
all other keys are its own. Stopped otherwise, by SIGTERM, it is told so, and
killed after 10 seconds.

The cache's directory is that of the run, and so is the user. With --docker NAME
is a container of Docker or Podman, such as dram run --docker --name made.`),
		Example: `  dram run --name my_app &
  dram exec my_app -- remote
  dram exec my_app -- rpc 'IO.puts(node())'
  dram exec my_app -- /bin/sh`,
		Args: func(cmd *cobra.Command, args []string) error {
			if at := cmd.ArgsLenAtDash(); at != 1 || len(args) < 2 {
				return problem.New(problem.Usage, "write dram exec NAME -- COMMAND…", "one name goes before --, and a command after it")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return g.exec(cmd, args[0], args[1:], &env, docker) },
	}
	env.register(cmd)
	cmd.Flags().BoolVar(&docker, "docker", false, "in a container of Docker or Podman")
	return cmd
}

func (g *globals) exec(cmd *cobra.Command, name string, command []string, env *variables, docker bool) error {
	terminal := atTerminal()
	how := running{variables: *env}
	vars, err := how.environment(terminal)
	if err != nil {
		return err
	}
	call := session.Call{Argv: command, Env: vars, Stdin: g.std.In, Stdout: g.std.Out, Stderr: g.std.Err}
	if terminal {
		call.Terminal = os.Stdin
	}
	if docker {
		return g.execDocker(cmd, name, call)
	}
	a, err := g.with(config.Config{})
	if err != nil {
		return err
	}
	g.std.Running()
	return g.passOnEnd(a.ExecIn(cmd.Context(), name, call))
}

func (g *globals) execDocker(cmd *cobra.Command, name string, c session.Call) error {
	ctx := cmd.Context()
	d, err := daemon.Connect(ctx, os.Environ())
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	g.std.Running()
	code, err := d.Exec(ctx, daemon.Exec{
		Container: name, Env: c.Env, Terminal: c.Terminal, Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr,
		Command: func(entry []string) []string { return pipeline.Within(entry, c.Argv) },
	})
	if err != nil {
		return err
	}
	return &passedOn{code}
}
