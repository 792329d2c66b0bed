package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"dram/internal/problem"
	"dram/internal/sandbox"
)

func newDoctor(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "say what each engine needs of this machine, and what to do where it is missing",
		Long: long(`
Checks each precondition of each engine by trying it: yes or no, what was
found, and the remedy. Exits with 5 if the engine that would be used lacks
something.`),
		Example: "  dram doctor",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := g.openStore()
			if err != nil {
				return err
			}
			scratch, done, err := st.TempDir("doctor")
			if err != nil {
				return err
			}
			defer done()
			return doctor(cmd.OutOrStdout(), st.Dir(), sandbox.Preconditions(scratch))
		},
	}
}

func doctor(w io.Writer, cache string, native []sandbox.Precondition) error {
	_, _ = fmt.Fprintf(w, "cache  %s  writable\n\nengine native\n", cache)
	missing := 0
	for _, p := range native {
		mark := "yes"
		if !p.OK {
			mark = "NO "
			missing++
		}
		_, _ = fmt.Fprintf(w, "  %s  %-28s %s\n", mark, p.Name, p.Detail)
		if !p.OK && p.Remedy != "" {
			_, _ = fmt.Fprintf(w, "       remedy: %s\n", p.Remedy)
		}
	}
	if missing > 0 {
		return problem.New(problem.Environment, "see the remedies above",
			"the native engine lacks %d of %d preconditions", missing, len(native))
	}
	return nil
}
