package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dram/internal/plan"
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
package archive or a registry is asked where a decision depends on it; where none
answers, all else is printed, and the error follows. For several releases or
platforms there is a plan each; in JSON they are a list then.`),
		Example: `  dram plan
  dram plan ./my_app --format json | jq -r .toolchain`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := textOrJSON(format); err != nil {
				return err
			}
			g.quiet = true
			plans, open := g.plans(cmd, dirArg(args))
			if len(plans) == 0 {
				return open
			}
			show := printPlans
			if format == "json" {
				show = encodePlans
			}
			return errors.Join(show(cmd.OutOrStdout(), plans), open)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	g.settings(cmd)
	return cmd
}

// plans are what dram image would do: one plan, or one for each release and
// platform that was asked for. Beside an error there is what could be decided.
func (g *globals) plans(cmd *cobra.Command, dir string) ([]*plan.Plan, error) {
	c, err := g.config(cmd, dir)
	if err != nil {
		return nil, err
	}
	if !several(c) {
		a, pl, open := g.plannedWith(cmd.Context(), c, dir)
		if pl == nil {
			return nil, open
		}
		plans, err := a.NoteSource(cmd.Context(), []*plan.Plan{pl})
		if open != nil {
			err = open
		}
		return plans, err
	}
	a, err := g.with(c)
	if err != nil {
		return nil, err
	}
	m, err := a.PlanMatrix(cmd.Context(), dir, c)
	if err != nil {
		return nil, err
	}
	return a.NoteSource(cmd.Context(), m.Plans)
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

// printPlans prints plans with a line between them.
func printPlans(out io.Writer, plans []*plan.Plan) error {
	for i, pl := range plans {
		if i > 0 {
			_, _ = fmt.Fprintln(out)
		}
		if err := printPlan(out, pl); err != nil {
			return err
		}
	}
	return nil
}

func printPlan(out io.Writer, pl *plan.Plan) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	width := len("note")
	for _, d := range pl.Decisions {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", d.Name, ui.Line(d.Value), ui.Line(d.Reason))
		width = max(width, len(d.Name))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, n := range pl.Notes { // they are as long as they need
		if _, err := fmt.Fprintf(out, "%-*s  %s\n", width, "note", ui.Line(n)); err != nil {
			return err
		}
	}
	return nil
}
