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
the only thing on stdout.

With --portable the tarball brings the C library and all else that the release
needs of the toolchain, and runs on any Linux of its processor whose kernel is
new enough: NAME-portable.tar.gz beside the other. See docs/portable.md.`),
		Example: `  dram build
  dram build ./my_app --toolchain distro:debian/12
  dram build --portable
  tar tzf "$(dram build)"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			start := time.Now()
			p, pl, err := g.planned(cmd.Context(), cmd, dirArg(args))
			if err != nil {
				return err
			}
			outs, err := buildOutputs(cmd)
			if err != nil {
				return err
			}
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
	cmd.Flags().String(portableFlag, "", "with the loader and the libraries that it needs, for any Linux of its processor")
	cmd.Flags().Lookup(portableFlag).NoOptDefVal = string(output.TarForm)
	g.settings(cmd)
	return cmd
}

const portableFlag = "portable"

// buildOutputs is what dram build writes: the tarball, or the release in the portable
// form that was asked for.
func buildOutputs(cmd *cobra.Command) (output.Outputs, error) {
	value, err := cmd.Flags().GetString(portableFlag)
	if err != nil || !cmd.Flags().Changed(portableFlag) {
		return output.Outputs{output.Tarball{}}, err
	}
	out, err := output.ParsePortable(value)
	return output.Outputs{out}, err
}
