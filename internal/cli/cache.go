package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dram/internal/ui"
)

func newCache(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "look at the cache, or make room in it",
		Long: long(`
The cache holds packages, toolchain roots, what builds keep between runs (deps,
_build, Hex's packages) and compressed layers. Everything in it can be made
again; removing it costs time, nothing else.

A build that makes it larger than DRAM_CACHE_LIMIT (10GB unless set; 0 is no
limit) removes what was used least recently, but nothing that a dram uses.`),
		Example: `  dram cache ls
  dram cache prune --older-than 720h
  du -sh "$(dram cache path)"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCacheList(g), newCachePrune(g), newCacheVerify(g), newCachePath(g))
	return cmd
}

func newCacheList(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "ls",
		Short:   "list what is in the cache: kind, key, size on disk, last use",
		Long:    long("Lists what is in the cache: kind, key, size on disk, last use."),
		Example: "  dram cache ls",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := g.openStore()
			if err != nil {
				return err
			}
			entries, err := st.List(cmd.Context())
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			var total int64
			_, _ = fmt.Fprintln(w, "KIND\tKEY\tSIZE\tLAST USED")
			for _, e := range entries {
				total += e.Size
				_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", e.Kind, shortKey(e.Key), ui.Bytes(e.Size), lastUsed(e.Used))
			}
			_, _ = fmt.Fprintf(w, "total\t\t%s\t\n", ui.Bytes(total))
			return w.Flush()
		},
	}
}

func shortKey(key string) string {
	if len(key) == 64 && strings.Trim(key, "0123456789abcdef") == "" {
		return key[:12]
	}
	return key
}

func lastUsed(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func newCachePrune(g *globals) *cobra.Command {
	var age time.Duration
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "remove what was not used for a while",
		Long: long(`
Removes from the cache what was not used for as long as --older-than says.
What another dram uses at this moment stays, and what it used since it began.`),
		Example: `  dram cache prune                     # not used for 30 days
  dram cache prune --older-than 0s     # everything`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := g.openStore()
			if err != nil {
				return err
			}
			freed, err := st.Prune(cmd.Context(), age)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.ErrOrStderr(), "freed %s\n", ui.Bytes(freed))
			return err
		},
	}
	cmd.Flags().DurationVar(&age, "older-than", 30*24*time.Hour, "how long something was not used, as 36h or 90m")
	return cmd
}

func newCachePath(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "path",
		Short:   "print the cache's directory",
		Long:    long("Prints the cache's directory."),
		Example: "  dram cache path",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := g.cacheDirectory()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), dir)
			return err
		},
	}
}
