package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dram/internal/plan"
	"dram/internal/problem"
)

func newPlan(g *globals) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "plan [DIR]",
		Short: "say what would be done, and why",
		Long: long(`
Reads the project and prints what dram found and decided, with a reason for
each decision. Nothing is built and nothing in the project is changed. The
package archive or a registry is asked where a decision depends on it.`),
		Example: `  dram plan
  dram plan ./my_app --format json | jq -r .toolchain`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return problem.New(problem.Usage, "use text or json", "unknown format %q", format)
			}
			g.quiet = true
			_, pl, err := g.planned(cmd.Context(), cmd, dirArg(args))
			if err != nil {
				return err
			}
			if format == "json" {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				enc.SetEscapeHTML(false)
				return enc.Encode(pl)
			}
			return printPlan(cmd.OutOrStdout(), pl)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	g.settings(cmd)
	return cmd
}

func printPlan(out io.Writer, pl *plan.Plan) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, d := range pl.Decisions {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", d.Name, d.Value, d.Reason)
	}
	for _, n := range pl.Notes {
		_, _ = fmt.Fprintf(w, "note\t%s\t\n", n)
	}
	return w.Flush()
}
