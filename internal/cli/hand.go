package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"dram/internal/pipeline"
	"dram/internal/tool"
	"dram/internal/tool/tools"
)

// newHands are the commands that run a tool's program by hand, one for each that
// the table has.
func newHands(g *globals) []*cobra.Command {
	var all []*cobra.Command
	for _, h := range tools.All().Hands() {
		all = append(all, newHand(g, h))
	}
	return all
}

func newHand(g *globals, h tool.Hand) *cobra.Command {
	return g.byHand(&cobra.Command{
		Use:   h.Program + " [FLAGS] ARGS…",
		Short: fmt.Sprintf("run %s in the project's own toolchain", h.Program),
		Long: long(fmt.Sprintf(`
Runs %[1]s with ARGS in the toolchain that a build of the project here would
take, in the sandbox, with the network. It sees this directory alone, as /app,
and writes into it as you; .git is read-only. Where there is no project yet, the
toolchain is the one that --toolchain names, or the default. What %[1]s keeps for
itself (archives, packages) lies in the cache, and no keys with it. dram's own
flags come before ARGS; %[1]s's exit code is dram's.`, h.Program)),
		Example:               fmt.Sprintf("  dram %[1]s test\n  dram %[1]s --toolchain distro:debian/12 test", h.Program),
		DisableFlagsInUseLine: true,
		Args:                  cobra.MinimumNArgs(1),
	}, []tool.Hand{h}, h.Program)
}

func newShell(g *globals) *cobra.Command {
	return g.byHand(&cobra.Command{
		Use:   "shell [FLAGS] [COMMAND…]",
		Short: "open a shell in the project's own toolchain",
		Long: long(`
Runs COMMAND, or a shell, in the toolchain that a build of the project here would
take, in the sandbox, with the network. It sees this directory alone, as /app, and
writes into it as you; .git is read-only. The command's exit code is dram's.`),
		Example:               "  dram shell\n  dram shell iex -S mix",
		DisableFlagsInUseLine: true,
	}, tools.All().Hands())
}

// byHand makes a command one that runs what its arguments name, after program.
func (g *globals) byHand(cmd *cobra.Command, hands []tool.Hand, program ...string) *cobra.Command {
	h := &hand{globals: g, hands: hands, program: program}
	cmd.RunE = h.run
	g.settings(cmd)
	cmd.Flags().StringVarP(&h.dir, "directory", "C", ".", "the project's directory")
	cmd.Flags().StringArrayVarP(&h.env, "env", "e", nil, "K=V for its environment, or K to pass on this one's, repeatable")
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// hand is a command that runs something by hand.
type hand struct {
	*globals
	hands   []tool.Hand
	program []string
	dir     string
	env     []string
}

func (h *hand) run(cmd *cobra.Command, args []string) error {
	env, err := passOn(h.env)
	if err != nil {
		return err
	}
	a, err := h.open(cmd, h.dir)
	if err != nil {
		return err
	}
	h.std.Running()
	err = a.ByHand(cmd.Context(), h.dir, a.settings, h.hands, pipeline.RunOptions{
		Env: env, Command: append(h.program, args...), Interactive: atTerminal(),
		Stdin: h.std.In, Stdout: h.std.Out, Stderr: h.std.Err,
	})
	return h.passOnEnd(err)
}
