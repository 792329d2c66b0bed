package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"dram/internal/output"
)

func newBuild(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "build [DIR]",
		Short: "build the release's tarball",
		Long: long(`
Builds the release in a sandbox over the toolchain and writes its tarball to
releases/NAME/releases/VSN/NAME.tar.gz under the project. The tarball's path is
the only thing on stdout.`),
		Example: `  dram build
  dram build ./my_app --toolchain distro:debian/12
  tar tzf "$(dram build)"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			start := time.Now()
			p, pl, err := g.planned(cmd.Context(), cmd, dirArg(args))
			if err != nil {
				return err
			}
			outs := output.Outputs{output.Tarball{}}
			r, err := p.Build(cmd.Context(), pl, outs)
			if err != nil {
				return err
			}
			written, err := p.Write(cmd.Context(), pl, r, outs)
			if err != nil {
				return err
			}
			printTimings(p.UI, start)
			_, err = fmt.Fprintln(cmd.OutOrStdout(), written[0].Place)
			return err
		},
	}
	g.settings(cmd)
	return cmd
}
