package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"dram/internal/plan"
)

// version is dram's own; a release build sets it with -ldflags.
var version = "0.1.0-dev"

func newVersion(*globals) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "print dram's version, and the recipe version that results depend on",
		Long:    long("Prints dram's version, the recipe version (results with the same recipe version and inputs are the same bytes), and what it was built with."),
		Example: "  dram version",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "dram %s%s\nrecipe %d\n%s %s/%s\n",
				version, revision(), plan.Recipe, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// revision is the commit that the binary was built from, if Go recorded it.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return " (" + s.Value[:12] + ")"
		}
	}
	return ""
}
