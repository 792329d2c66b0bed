package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/ui"
)

func newPlan(g *globals) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "plan [DIR]",
		Short: "say what would be done, and why",
		Long: long(`
Reads the project and prints what dram found and decided, with a reason for
each decision. Nothing is built and nothing in the project is changed. The
package archive or a registry is asked where a decision depends on it. For several
releases or platforms there is a plan each; in JSON they are a list then.`),
		Example: `  dram plan
  dram plan ./my_app --format json | jq -r .toolchain`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return problem.New(problem.Usage, "use text or json", "unknown format %q", format)
			}
			g.quiet = true
			plans, err := g.plans(cmd, dirArg(args))
			if err != nil {
				return err
			}
			if format == "json" {
				return encodePlans(cmd.OutOrStdout(), plans)
			}
			for i, pl := range plans {
				if i > 0 {
					_, _ = fmt.Fprintln(cmd.OutOrStdout())
				}
				if err := printPlan(cmd.OutOrStdout(), pl); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	g.settings(cmd)
	return cmd
}

// plans are what dram image would do: one plan, or one for each release and
// platform that was asked for.
func (g *globals) plans(cmd *cobra.Command, dir string) ([]*plan.Plan, error) {
	c, err := g.config(cmd, dir)
	if err != nil {
		return nil, err
	}
	if m := (&matrix{}); !m.asked(c) {
		_, pl, err := g.planned(cmd.Context(), cmd, dir)
		return []*plan.Plan{pl}, err
	}
	p, err := g.pipeline(c)
	if err != nil {
		return nil, err
	}
	m, err := p.PlanMatrix(cmd.Context(), dir, c, false)
	if err != nil {
		return nil, err
	}
	return m.Plans, nil
}

// encodePlans prints one plan as an object, and several as a list.
func encodePlans(out io.Writer, plans []*plan.Plan) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if len(plans) == 1 {
		return enc.Encode(plans[0])
	}
	return enc.Encode(plans)
}

func printPlan(out io.Writer, pl *plan.Plan) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, d := range pl.Decisions {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", d.Name, ui.Plain(d.Value), ui.Plain(d.Reason))
	}
	for _, n := range pl.Notes {
		_, _ = fmt.Fprintf(w, "note\t%s\t\n", ui.Plain(n))
	}
	return w.Flush()
}
