package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"dram/internal/pipeline"
	"dram/internal/problem"
	"dram/internal/sandbox"
	"dram/internal/ui"
)

func newDoctor(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "say what each engine needs of this machine, and what to do where it is missing",
		Long: long(`
Checks each precondition of each engine by trying it: yes or no, what was
found, and the remedy, and which engine auto chooses: the first that lacks
nothing. Exits with 5 if there is none.`),
		Example: "  dram doctor",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := g.openStore()
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "cache  %s  writable\n", st.Dir())
			return doctor(cmd.Context(), cmd.OutOrStdout(), engines(st, ui.New(g.std.Err, ui.Options{})))
		},
	}
}

// doctor tries every engine, and fails where none works.
func doctor(ctx context.Context, w io.Writer, options []pipeline.EngineOption) error {
	chosen := ""
	for _, o := range options {
		_, _ = fmt.Fprintf(w, "\nengine %s\n", o.Name)
		missing := 0
		for _, p := range o.Needs(ctx) {
			if !p.OK {
				missing++
			}
			need(w, p)
		}
		if missing == 0 && chosen == "" {
			chosen = o.Name
		}
	}
	if chosen == "" {
		return problem.New(problem.Environment, "see the remedies above", "no engine works on this machine")
	}
	_, _ = fmt.Fprintf(w, "\nauto chooses %s\n", chosen)
	return nil
}

func need(w io.Writer, p sandbox.Precondition) {
	mark := "yes"
	if !p.OK {
		mark = "NO "
	}
	_, _ = fmt.Fprintf(w, "  %s  %-28s %s\n", mark, p.Name, p.Detail)
	if !p.OK && p.Remedy != "" {
		_, _ = fmt.Fprintf(w, "       remedy: %s\n", p.Remedy)
	}
}
