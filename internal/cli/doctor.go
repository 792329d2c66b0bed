package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"dram/internal/config"
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
nothing, but never host, which isolates nothing. Where dram.toml in the working directory names builders, auto chooses
these, and each is tried. Exits with 5 if nothing works.`),
		Example: "  dram doctor",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := g.beginStore()
			if err != nil {
				return err
			}
			c, err := config.Load(".", os.Environ())
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "cache  %s  writable\n", st.Dir())
			return doctor(cmd.Context(), cmd.OutOrStdout(), engines(st, ui.New(g.std.Err, ui.Options{}), c))
		},
	}
}

// doctor tries every engine, and fails where none works.
func doctor(ctx context.Context, w io.Writer, options []pipeline.EngineOption) error {
	chosen, byName, asked := "", "", slices.ContainsFunc(options, func(o pipeline.EngineOption) bool { return o.Asked != "" })
	for _, o := range options {
		_, _ = fmt.Fprintf(w, "\nengine %s\n", o.Name)
		missing, needs := 0, o.Needs(ctx)
		for _, p := range needs {
			if !p.OK {
				missing++
			}
			need(w, p)
		}
		works := missing == 0
		if asked { // one builder is enough, and no other engine comes in
			works = o.Asked != "" && missing < len(needs)
		}
		switch {
		case works && o.ByName != "":
			byName = "\nor, if you trust the project, build with --engine " + o.Name + ": " + o.ByName
		case works && chosen == "":
			chosen = o.Name
		}
	}
	if chosen == "" && asked {
		return problem.New(problem.Environment, "see the remedies above, or build on this machine: --engine native",
			"none of the builders in %s answers", config.FileName)
	}
	if chosen == "" {
		return problem.New(problem.Environment, "see the remedies above"+byName, "no engine works on this machine that auto may choose")
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
