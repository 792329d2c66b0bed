package cli

import "github.com/spf13/cobra"

// Root is the tree of commands, for documentation to be compared with.
func Root(std Streams) *cobra.Command { return newRoot(std) }
