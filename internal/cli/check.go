package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"dram/internal/check"
	"dram/internal/pipeline"
	"dram/internal/plan"
	"dram/internal/problem"
	findings "dram/internal/report"
)

func newCheck(g *globals) *cobra.Command {
	var format string
	var strict bool
	cmd := &cobra.Command{
		Use:   "check RELEASE [--target TARGET]",
		Short: "say whether a release will run on a target, and if not, why",
		Long: long(`
Compares a release with the place where it will run, without running anything:
the processor, the C library, each library, symbol and version that native
files need, the NIF API, scripts and their programs, what the release says of
itself. Each finding names the file, the application that owns it, what the
user would see and what to do.

RELEASE is a directory or a tarball, or an image that holds a release (oci:DIR,
tar:FILE, image:REF, or the path of a tar that dram image wrote). Without
--target it is the image itself, or else the toolchain.
` + targetHelp + `

Exits with 3 where a rule fails that was not allowed by name; with --strict
also where one warns or cannot tell.`),
		Example: `  dram check ./my_app-0.1.0.tar.gz --target distro:debian/12
  dram check ./my_app-0.1.0.tar.gz --target profile:ubuntu/22.04
  dram check oci:./layout
  dram check ./rel/my_app --target file:prod.json --format sarif > check.sarif`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(findings.Formats(), format) {
				return problem.New(problem.Usage, "use text, json or sarif", "unknown format %q", format)
			}
			r, err := g.check(cmd, args[0])
			if err != nil {
				return err
			}
			if err := findings.Write(cmd.OutOrStdout(), format, r); err != nil {
				return err
			}
			if strict {
				return pipeline.StrictVerdict(r)
			}
			return pipeline.Verdict(r)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&strict, "strict", false, "fail on warnings, and on what cannot be told")
	f.StringVar(&format, "format", "text", "text, json or sarif")
	g.settings(cmd)
	completeTargets(cmd)
	return cmd
}

func (g *globals) check(cmd *cobra.Command, what string) (*check.Report, error) {
	dir := "."
	if _, err := os.Stat(what); err == nil {
		dir = filepath.Dir(what)
	}
	from, err := taken(atCheck).Find(what)
	if err != nil {
		return nil, err
	}
	a, err := g.open(cmd, dir)
	if err != nil {
		return nil, err
	}
	return a.Check(cmd.Context(), from, pipeline.CheckOptions{
		Target: a.settings.CheckTarget, Allow: a.settings.Allow, Default: plan.ForRelease(a.settings, runtime.GOARCH).Toolchain,
	})
}
