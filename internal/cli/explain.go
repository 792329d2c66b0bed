package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dram/internal/check"
	"dram/internal/problem"
)

func newExplain(*globals) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [RULE]",
		Short: "say what a rule of the check looks for, and what to do",
		Long: long(`
Says of a rule of dram check what it looks for, what is seen at run time where
it does not hold, what to do and how to let it pass. Without RULE it lists all
rules.`),
		Example: "  dram explain symbol-version\n  dram explain",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listRules(cmd.OutOrStdout())
			}
			rule, near, ok := check.Lookup(args[0])
			if !ok {
				return problem.New(problem.Usage, "the nearest are "+strings.Join(near, ", ")+"; dram explain lists all", "there is no rule %q", args[0])
			}
			return explain(cmd.OutOrStdout(), rule)
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return completeRules(nil, nil, typed)
		},
	}
}

func listRules(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, r := range check.Rules() {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", r.ID, r.Title) // Flush tells
	}
	return w.Flush()
}

// explain prints all that is said of a rule.
func explain(out io.Writer, r check.Rule) error {
	strict := ""
	if r.Worst != check.Fail {
		strict = ", which fails a check with --strict alone"
	}
	_, err := fmt.Fprintf(out, `%s: %s

What it looks for:
%s
What is seen at run time, for example:
  %s

What to do:
%s
At worst it gives %s%s.
To let it pass: --allow %s, or allow = ["%s"] under [check] in dram.toml.
`, r.ID, r.Title, paragraph(r.Doc.Looks), r.Doc.Seen, paragraph(r.Doc.Do), r.Worst, strict, r.ID, r.ID)
	return err
}

// paragraph is text in lines of at most 78 characters, indented by two.
func paragraph(text string) string {
	const width = 78
	var b strings.Builder
	at := 0
	for word := range strings.FieldsSeq(text) {
		n := len([]rune(word))
		switch {
		case at == 0:
			b.WriteString("  ")
			at = 2
		case at+1+n > width:
			b.WriteString("\n  ")
			at = 2
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String() + "\n"
}

// completeRules has the shell complete the names of rules.
func completeRules(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var out []cobra.Completion
	for _, r := range check.Rules() {
		if strings.HasPrefix(r.ID, typed) {
			out = append(out, cobra.CompletionWithDesc(r.ID, r.Title))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
