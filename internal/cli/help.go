package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"dram/internal/problem"
)

// newHelp is cobra's help command, but that an unknown command is a mistake.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "say how a command is used",
		Long:    long("Says how a command is used, as COMMAND --help does."),
		Example: "  dram help image\n  dram help cache prune",
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return problem.New(problem.Usage, "see dram --help for the commands there are", "unknown command %q", args)
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// newCompletion is cobra's, but that an unknown shell is a mistake.
func newCompletion(*globals) *cobra.Command {
	shells := map[string]func(*cobra.Command) error{
		"bash":       func(c *cobra.Command) error { return c.Root().GenBashCompletionV2(c.OutOrStdout(), true) },
		"zsh":        func(c *cobra.Command) error { return c.Root().GenZshCompletion(c.OutOrStdout()) },
		"fish":       func(c *cobra.Command) error { return c.Root().GenFishCompletion(c.OutOrStdout(), true) },
		"powershell": func(c *cobra.Command) error { return c.Root().GenPowerShellCompletionWithDesc(c.OutOrStdout()) },
	}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "print a shell's completion script",
		Long:  long("Prints the script that makes a shell complete dram's commands and flags."),
		Example: `  source <(dram completion bash)
  dram completion zsh > "${fpath[1]}/_dram"
  dram completion fish > ~/.config/fish/completions/dram.fish`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			script, ok := shells[args[0]]
			if !ok {
				return problem.New(problem.Usage, "use bash, zsh, fish or powershell", "unknown shell %q", args[0])
			}
			if err := script(cmd); err != nil {
				return fmt.Errorf("printing the completion script: %w", err)
			}
			return nil
		},
	}
}
