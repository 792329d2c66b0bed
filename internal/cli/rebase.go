package cli

import (
	"time"

	"github.com/spf13/cobra"

	"dram/internal/output"
	"dram/internal/plan"
	"dram/internal/problem"
)

func newRebase(g *globals) *cobra.Command {
	var to outputFlags
	cmd := &cobra.Command{
		Use:   "rebase IMAGE",
		Short: "put a patched system under an image, without compiling",
		Long: long(`
Takes an image that dram made (oci:DIR, tar:FILE, image:REF, or the path of a tar
that dram image wrote) and makes one with the same release on another system
layer: that of the toolchain, by default the newest packages of the distribution
that the image has. Nothing is compiled and nothing of the release changes: a
registry that has the old image is sent the system layer alone.

It says which packages changed. The release is checked against the new system,
symbol by symbol: where it would not load, nothing is written. What was put into
the image besides what the release needs (programs, packages, time zones,
locales) is taken anew; what the new system has no more is said.

Say where the image goes: -o, --load or --push.`),
		Example: `  dram rebase image:registry.example/team/my_app:1.4.2 --push registry.example/team/my_app:1.4.2
  dram rebase my_app.tar -o patched.tar
  dram rebase oci:./layout --toolchain distro:debian/13 -o oci:./patched`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := to.read(cmd); err != nil {
				return err
			}
			return g.rebase(cmd, args[0], &to)
		},
	}
	to.register(cmd)
	g.settings(cmd)
	return cmd
}

func (g *globals) rebase(cmd *cobra.Command, what string, to *outputFlags) error {
	from, err := taken(atRebase).Find(what)
	if err != nil {
		return err
	}
	c, err := g.config(cmd, ".")
	if err != nil {
		return err
	}
	a, err := g.with(c)
	if err != nil {
		return err
	}
	outs, err := to.open(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { _ = outs.Close() }() // all is written
	if err := onlyImages(outs); err != nil {
		return err
	}
	pl, start := plan.ForRelease(c, a.Toolchains.Arch), time.Now()
	r, err := a.Rebase(cmd.Context(), pl, from, c.Toolchain)
	if err != nil {
		return err
	}
	m := &made{app: a, plan: pl.Named(r.Release), result: r}
	if err := m.write(cmd.Context(), outs); err != nil {
		return err
	}
	printTimings(a.UI, start)
	return m.tell(cmd.OutOrStdout())
}

// onlyImages refuses outputs that are written of a build.
func onlyImages(outs output.Outputs) error {
	if len(outs) == 0 {
		return problem.New(problem.Usage, "name a file with -o, or use --load or --push", "where the image goes was not said")
	}
	if n := outs.Needs(); n.Inventory || n.Tarball || n.Portable != output.NotPortable {
		return problem.New(problem.Usage, "dram image writes those as it builds",
			"of an image that is there no bill of materials and no provenance is made: the sources are not known")
	}
	return nil
}
