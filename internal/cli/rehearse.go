package cli

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dram/internal/output"
	"dram/internal/pipeline"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/rehearse"
)

func newRehearse(g *globals) *cobra.Command {
	var how rehearsing
	cmd := &cobra.Command{
		Use:   "rehearse [DIR|RELEASE|IMAGE] [--target TARGET]",
		Short: "start a release under the circumstances of production, and say what comes of it",
		Long: long(`
Starts the image itself, in dram's sandbox, once for each thing that production
has and a developer's machine has not: a root that is read-only, a user whom
nobody knows, no IPv6, one processor, little memory, SIGTERM while it starts,
and so on (--list prints them all). Of each it says whether and how it started,
how it stopped, what it wrote, what it may not do, and the error that it reported
first. What this machine cannot make is UNKNOWN. If configuration is missing,
its variables are named; --env and --env-file pass them.

A project is built first, and a release (a directory or a tarball) is bottled,
as for dram run. With --target the release is started on the root of that place
instead: distro:NAME/SUITE, image:REF, oci:DIR, tar:FILE or dir:PATH.

No start has any network but its own loopback interface: a database, say, is not
reached. What starts write is thrown away. Ctrl-C ends it.

Exits with 3 where the release does not run in a circumstance; --without NAME
leaves one out that its place does not have. With --strict it also does where
something warns or cannot be told.`),
		Example: `  dram rehearse
  dram rehearse releases/my_app/my_app-0.1.0-linux-amd64.tar --env-file prod.env
  dram rehearse ./my_app-0.1.0.tar.gz --target distro:debian/12
  dram rehearse --only read-only --only memory -e SECRET_KEY_BASE=x
  dram rehearse --format json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := textOrJSON(how.format); err != nil {
				return err
			}
			if how.list {
				return listCircumstances(cmd.OutOrStdout())
			}
			r, err := g.rehearse(cmd, dirArg(args), how)
			if err != nil {
				return err
			}
			if err := printed(cmd.OutOrStdout(), how.format, r); err != nil {
				return err
			}
			if how.strict {
				return r.StrictVerdict()
			}
			return r.Verdict()
		},
	}
	how.register(cmd)
	g.settings(cmd)
	return cmd
}

// rehearsing is the flags that say how a release is rehearsed.
type rehearsing struct {
	variables
	only, without []string
	format        string
	patience      time.Duration
	strict, list  bool
}

func (r *rehearsing) register(cmd *cobra.Command) {
	r.variables.register(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&r.only, "only", nil, "a circumstance that is tried, beside the plain one, repeatable")
	f.StringArrayVar(&r.without, "without", nil, "a circumstance that is left out, repeatable")
	f.DurationVar(&r.patience, "patience", 30*time.Second, "how long a start may take")
	f.StringVar(&r.format, "format", "text", "text or json")
	f.BoolVar(&r.strict, "strict", false, "fail on warnings, and on what cannot be told")
	f.BoolVar(&r.list, "list", false, "print the circumstances, and start nothing")
	complete := func(_ *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return rehearse.Names(rehearse.Circumstances()), cobra.ShellCompDirectiveNoFileComp
	}
	for _, name := range []string{"only", "without"} {
		_ = cmd.RegisterFlagCompletionFunc(name, complete) // it fails for flags that are not there
	}
}

func listCircumstances(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range rehearse.Circumstances() {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", c.Name, c.Changes, c.Why) // Flush tells
	}
	return w.Flush()
}

func (g *globals) rehearse(cmd *cobra.Command, what string, how rehearsing) (*rehearse.Report, error) {
	if how.patience < time.Second {
		return nil, problem.New(problem.Usage, "give it a second at least: --patience 1s", "--patience: %s is too short", how.patience)
	}
	opts := pipeline.RehearseOptions{As: rehearseUse(), Patience: how.patience}
	var err error
	if opts.Circumstances, err = rehearse.Choose(how.only, how.without); err != nil {
		return nil, err
	}
	if opts.Env, err = how.environment(); err != nil {
		return nil, err
	}
	if !cmd.Flags().Changed("target") {
		p, from, err := g.imageToRun(cmd, rehearseUse(), what)
		if err != nil {
			return nil, err
		}
		return p.RehearseImage(cmd.Context(), from, opts)
	}
	place, err := cmd.Flags().GetString("target")
	if err != nil {
		return nil, err
	}
	if _, err := pipeline.RehearsalPlaces().Parse(place); err != nil {
		return nil, err
	}
	p, from, err := g.releaseToStart(cmd, what)
	if err != nil {
		return nil, err
	}
	return p.RehearseOn(cmd.Context(), from, place, opts)
}

// releaseToStart finds the release that an argument names, building it first where it
// names a project.
func (g *globals) releaseToStart(cmd *cobra.Command, what string) (*app, ref.Ref, error) {
	from, err := rehearseUse().Find(what)
	if err != nil {
		return nil, from, err
	}
	info, err := os.Stat(from.Value)
	if project := from.Kind == ref.Path && err == nil && info.IsDir() && !pipeline.IsRelease(what); !project {
		a, err := g.open(cmd, ".")
		return a, from, err
	}
	a, path, err := g.build(cmd, what, output.Outputs{output.Tarball{}})
	return a, ref.Ref{Kind: ref.Path, Value: path}, err
}
