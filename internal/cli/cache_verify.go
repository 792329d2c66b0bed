package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"dram/internal/pipeline"
	"dram/internal/store"
	"dram/internal/ui"
)

func newCacheVerify(g *globals) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "verify [--format text|json]",
		Short: "read all of the cache, and remove what is damaged",
		Long: long(`
Reads every file in the cache and compares it with what it should be: blobs with
their names, records with the digest that they carry, unpacked toolchains,
dependencies and what builds keep file by file with their manifests. What is
damaged is removed and named; whatever needs it next makes it anew. A build does the like for what it
uses, as far as sizes and times show it, and by content for what it ships.

The exit code is 0 whether or not something was mended.`),
		Example: `  dram cache verify
  dram cache verify --format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := textOrJSON(format); err != nil {
				return err
			}
			st, err := g.openStore()
			if err != nil {
				return err
			}
			p := &pipeline.Pipeline{Store: st}
			v, err := p.VerifyCache(cmd.Context())
			if err != nil {
				return err
			}
			if format == "json" {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(v)
			}
			return showVerified(cmd.OutOrStdout(), v)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

func showVerified(out io.Writer, v *store.Verified) error {
	for _, m := range v.Mended {
		if _, err := fmt.Fprintf(out, "removed %s: %s\n", ui.Line(m.Path), ui.Line(m.Why)); err != nil {
			return err
		}
	}
	end := "all of it sound"
	if len(v.Mended) > 0 {
		end = fmt.Sprintf("%d removed, to be made anew", len(v.Mended))
	}
	_, err := fmt.Fprintf(out, "read %s in %d blobs, %d records, %d trees of %d files, and %d places of builds: %s\n",
		ui.Bytes(v.Bytes), v.Blobs, v.Records, v.Trees, v.Files, v.Places, end)
	return err
}
