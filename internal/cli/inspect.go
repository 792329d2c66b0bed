package cli

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"dram/internal/inspect"
	"dram/internal/problem"
	"dram/internal/publish"
)

func newInspect(g *globals) *cobra.Command {
	var format, page, why string
	cmd := &cobra.Command{
		Use:   "inspect IMAGE|TARBALL|RELEASE",
		Short: "say what an image or a release holds, and why",
		Long: long(`
Reads an image (oci:DIR, tar:FILE, image:REF, or the path of a tar that dram
image wrote), a release's tarball or its directory, and says how large each
part is, what is there twice, how much is debug information, and which files
nothing is known to need. Of each file it knows why it is there: which library
needs it, which script calls it, which application it is of.

JSON has all files and reasons. --html writes one page that needs nothing else:
a map of the sizes, and a list to search in. --why PATH prints the reasons for
one file. Nothing is unpacked and nothing is run.`),
		Example: `  dram inspect releases/my_app/my_app-0.1.0-linux-amd64.tar
  dram inspect oci:./layout --html my_app.html
  dram inspect my_app.tar --why usr/lib/x86_64-linux-gnu/libtinfo.so.6`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := textOrJSON(format); err != nil {
				return err
			}
			r, err := g.inspect(cmd, args[0])
			if err != nil {
				return err
			}
			if page != "" {
				if err := writePage(page, r); err != nil {
					return err
				}
			}
			if why != "" {
				if !r.WhyText(cmd.OutOrStdout(), why) {
					return problem.New(problem.Usage, "dram inspect --format json lists all files", "there is no file %q", why)
				}
				return nil
			}
			return printed(cmd.OutOrStdout(), format, r)
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "text", "text or json")
	f.StringVar(&page, "html", "", "write the report as a page to this FILE as well")
	f.StringVar(&why, "why", "", "say why this file is there, and nothing else")
	g.settings(cmd)
	return cmd
}

func newDiff(g *globals) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "say how two images or releases differ",
		Long: long(`
Compares two images or releases, each named as for dram inspect: applications
and packages by version, modules, libraries and other files by content, the
configuration, and how much somebody who has A pulls for B. Exits with 0
whether they differ or not.`),
		Example: `  dram diff image:registry.example/my_app:1.0 my_app.tar
  dram diff old.tar.gz new.tar.gz --format json`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := textOrJSON(format); err != nil {
				return err
			}
			a, err := g.inspect(cmd, args[0])
			if err != nil {
				return err
			}
			b, err := g.inspect(cmd, args[1])
			if err != nil {
				return err
			}
			return printed(cmd.OutOrStdout(), format, inspect.Diff(a, b))
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	g.settings(cmd)
	return cmd
}

func textOrJSON(format string) error {
	if format != "text" && format != "json" {
		return problem.New(problem.Usage, "use text or json", "unknown format %q", format)
	}
	return nil
}

// printed prints what has two forms.
func printed(w io.Writer, format string, what interface{ Text(w io.Writer) error }) error {
	if format == "text" {
		return what.Text(w)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(what)
}

func writePage(name string, r *inspect.Report) error {
	var b bytes.Buffer
	if err := r.HTML(&b); err != nil {
		return err
	}
	return publish.Text(publish.Anywhere(name), b.Bytes())
}

func (g *globals) inspect(cmd *cobra.Command, what string) (*inspect.Report, error) {
	from, err := taken(atCheck).Find(what)
	if err != nil {
		return nil, err
	}
	a, err := g.open(cmd, ".")
	if err != nil {
		return nil, err
	}
	return a.Inspect(cmd.Context(), from)
}
