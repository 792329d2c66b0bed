package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"dram/internal/pipeline"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/sandbox"
)

func newToolchain(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use: "toolchain", Short: "put a toolchain into Docker, or look into one",
		Long:    long("Handles toolchains on their own."),
		Example: "  dram toolchain load",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newToolchainLoad(g), newToolchainRoot(g), newToolchainExec(g))
	return cmd
}

func newToolchainRoot(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "root REF",
		Short:   "unpack a toolchain and print its root's path",
		Long:    long("Unpacks a toolchain, if it is not in the cache, and prints its root's path. Do not write to it."),
		Example: "  dram toolchain root distro:debian/13",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := g.open(cmd, ".")
			if err != nil {
				return err
			}
			tc, err := a.OpenToolchain(cmd.Context(), args[0], plan.Set(a.settings))
			if err != nil {
				return err
			}
			stage := a.UI.Start("toolchain", tc.Name)
			dir, err := tc.Unpack(cmd.Context(), func(format string, args ...any) { stage.Update(fmt.Sprintf(format, args...)) })
			if err != nil {
				return err
			}
			stage.Done("%s, %s", tc.Name, tc.ID)
			_, err = fmt.Fprintln(cmd.OutOrStdout(), dir)
			return err
		},
	}
	g.settings(cmd)
	return cmd
}

func newToolchainExec(g *globals) *cobra.Command {
	var binds, env []string
	var network string
	cmd := &cobra.Command{
		Use:     "exec REF [--bind HOST:INSIDE]… -- COMMAND…",
		Short:   "run a command in a toolchain, in the sandbox",
		Long:    long("Runs a command over a toolchain's root in the sandbox, with loopback alone for a network unless --network says otherwise. What it writes outside of binds is thrown away."),
		Example: `  dram toolchain exec distro:debian/13 -- elixir --version`,
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			reaches := map[string]sandbox.Network{"none": sandbox.Loopback, "host": sandbox.Host}
			net, ok := reaches[network]
			if !ok {
				return problem.New(problem.Usage, "use none or host", "unknown network %q", network)
			}
			a, err := g.open(cmd, ".")
			if err != nil {
				return err
			}
			tc, err := a.OpenToolchain(cmd.Context(), args[0], plan.Set(a.settings))
			if err != nil {
				return err
			}
			g.std.Running()
			err = a.Exec(cmd.Context(), tc, pipeline.ExecOptions{Binds: binds, Network: net, RunOptions: pipeline.RunOptions{
				Command: args[1:], Env: env, Interactive: atTerminal(),
				Stdin: g.std.In, Stdout: g.std.Out, Stderr: g.std.Err,
			}})
			return g.passOnEnd(err)
		},
	}
	cmd.Flags().StringArrayVar(&binds, "bind", nil, "HOST:INSIDE, a directory to show inside, repeatable")
	cmd.Flags().StringArrayVarP(&env, "env", "e", nil, "K=V, repeatable")
	cmd.Flags().StringVar(&network, "network", "none", "none (loopback alone) or host")
	g.settings(cmd)
	return cmd
}
