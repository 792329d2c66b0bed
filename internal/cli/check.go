package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dram/internal/check"
	"dram/internal/pipeline"
	"dram/internal/plan"
	"dram/internal/problem"
	findings "dram/internal/report"
	"dram/internal/target"
)

const targetHelp = `
A target is a directory with a root filesystem (dir:PATH), an image (oci:DIR,
tar:FILE, image:REF), a distribution (distro:debian/12), this machine (host:),
or one that was captured (file:TARGET.json).`

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
			return pipeline.Verdict(r, strict)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&strict, "strict", false, "fail on warnings, and on what cannot be told")
	f.StringVar(&format, "format", "text", "text, json or sarif")
	g.settings(cmd)
	return cmd
}

func (g *globals) check(cmd *cobra.Command, ref string) (*check.Report, error) {
	dir := "."
	if _, err := os.Stat(ref); err == nil {
		dir = filepath.Dir(ref)
	}
	c, err := g.config(cmd, dir)
	if err != nil {
		return nil, err
	}
	p, err := g.pipeline(c)
	if err != nil {
		return nil, err
	}
	if image, ok := imageRef(ref); ok { // a tar that dram image wrote, or a layout, by its path alone
		ref = image.String()
	}
	return p.Check(cmd.Context(), ref, pipeline.CheckOptions{
		Target: c.CheckTarget, Allow: c.Allow, Default: plan.ForRelease(c, runtime.GOARCH).Toolchain,
	})
}

func newTarget(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "target",
		Short: "see what a target provides, or keep it in a file",
		Long:  long("Looks at places where releases will run.\n" + targetHelp),
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTargetShow(g), newTargetCapture(g))
	return cmd
}

func newTargetShow(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show TARGET",
		Short:   "print what a target provides",
		Long:    long("Prints what dram knows of a target. What it could not find is \"unknown\" or \"none\".\n" + targetHelp),
		Example: "  dram target show distro:debian/12",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withTarget(cmd, args[0], func(t *target.Target) error { return showTarget(cmd.OutOrStdout(), t) })
		},
	}
	g.settings(cmd)
	return cmd
}

func newTargetCapture(g *globals) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "capture TARGET [-o FILE]",
		Short: "keep what a target provides in a file",
		Long: long(`
Writes what a target provides as JSON: its libraries with their versions and
symbols, its programs and facts, and no file's content. A check against
file:FILE gives what a check against the target gives, wherever it is done.
` + targetHelp),
		Example: "  dram target capture host: -o prod.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withTarget(cmd, args[0], func(t *target.Target) error {
				if out == "" {
					return t.Capture(cmd.OutOrStdout())
				}
				return captureTo(out, t)
			})
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "FILE (default: stdout)")
	g.settings(cmd)
	return cmd
}

func (g *globals) withTarget(cmd *cobra.Command, ref string, use func(*target.Target) error) error {
	c, err := g.config(cmd, ".")
	if err != nil {
		return err
	}
	p, err := g.pipeline(c)
	if err != nil {
		return err
	}
	t, err := p.OpenTarget(cmd.Context(), ref)
	if err != nil {
		return err
	}
	defer func() { _ = t.Close() }() // only read
	return use(t)
}

// captureTo writes the whole file or none.
func captureTo(name string, t *target.Target) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".dram-*")
	if err != nil {
		return problem.New(problem.Failure, "name a file in a directory that exists and may be written to", "writing %q: %w", name, err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone, once renamed
	err = t.Capture(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644) //nolint:gosec // a document for others to read
	}
	if err != nil {
		return fmt.Errorf("writing %q: %w", name, err)
	}
	return os.Rename(f.Name(), name)
}

func showTarget(out io.Writer, t *target.Target) error {
	or := func(s, none string) string {
		if s == "" {
			return none
		}
		return s
	}
	f := t.Facts
	otp := "none"
	if f.OTP != nil {
		otp = fmt.Sprintf("%s (erts %s, %d applications in /%s)", f.OTP.Release, f.OTP.ERTS, len(f.OTP.Apps), f.OTP.Root)
	}
	utf8 := "none"
	if f.UTF8 {
		utf8 = "C.UTF-8"
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"target", t.Name},
		{"system", or(f.OS.Name, "unknown")},
		{"platform", or(f.Platform, "unknown")},
		{"C library", or(f.Libc.String(), "unknown")},
		{"loader", or(f.Libc.Loader, "none")},
		{"shell", or(f.Shell, "none")},
		{"Erlang/OTP", otp},
		{"certificates", or(f.CABundle, "none")},
		{"UTF-8 locale", utf8},
	} {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
	}
	return w.Flush()
}
