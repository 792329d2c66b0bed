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
new enough: NAME-portable.tar.gz beside the other. With --portable=run it is one
executable, NAME.run, that unpacks itself once. See docs/portable.md.

With --for PLACE the toolchain is chosen so that the release runs there: the
system itself, the newest whose libraries are not newer, or else the release
brings its libraries. The release is checked against that place.`),
		Example: `  dram build
  dram build ./my_app --toolchain distro:debian/12
  dram build --for profile:ubuntu/22.04
  dram build --portable
  dram build --portable=run
  tar tzf "$(dram build)"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			start := time.Now()
			outs, err := buildOutputs(cmd)
			if err != nil {
				return err
			}
			p, path, err := g.build(cmd, dirArg(args), outs)
			if err != nil {
				return err
			}
			printTimings(p.UI, start)
			_, err = fmt.Fprintln(cmd.OutOrStdout(), path)
			return err
		},
	}
	cmd.Flags().String(portableFlag, "", "with the loader and the libraries that it needs, for any Linux of its processor: a tarball, or one executable (run)")
	cmd.Flags().Lookup(portableFlag).NoOptDefVal = string(output.TarForm)
	g.settings(cmd)
	return cmd
}

// build builds the project in dir and writes its release: where that is.
func (g *globals) build(cmd *cobra.Command, dir string, outs output.Outputs) (p *app, path string, err error) {
	c, err := g.config(cmd, dir)
	if err != nil {
		return nil, "", err
	}
	if outs.Needs().Portable != output.NotPortable {
		c = c.Brought()
	}
	p, pl, err := g.plannedWith(cmd.Context(), c, dir)
	if err != nil {
		return nil, "", err
	}
	r, err := p.Build(cmd.Context(), pl, outs)
	if err != nil {
		return nil, "", err
	}
	written, err := p.Write(cmd.Context(), pl, r, outs)
	if err != nil {
		return nil, "", err
	}
	return p, written[0].Place, nil
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
