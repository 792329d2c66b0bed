// Package cli is dram's command line: one file a command, which turns flags
// into options and makes one call below. Results go to stdout, all else to
// stderr; the exit code is the kind of the problem (package problem).
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"dram/internal/pipeline"
	"dram/internal/problem"
	findings "dram/internal/report"
	"dram/internal/ui"
)

// Streams are the process's standard streams.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// Running, if set, is told once dram runs a program for the user, which ends in
	// its own time.
	Running func()
}

const exitCodes = `Exit codes:
  0 done   1 failure   2 wrong usage, no project, unknown suite or reference
  3 a check failed   4 the project's own build failed
  5 this machine lacks something   130 cancelled`

// App is dram on a command line.
type App struct{ g *globals }

// New is dram with these streams.
func New(std Streams) *App {
	if std.Running == nil {
		std.Running = func() {}
	}
	return &App{&globals{std: std}}
}

// Run runs dram with args and returns the exit code.
func Run(ctx context.Context, args []string, std Streams) int { return New(std).run(ctx, args) }

func (a *App) run(ctx context.Context, args []string) int {
	g, std, root := a.g, a.g.std, a.Commands()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	g.close(ctx)
	if passed, ok := errors.AsType[*passedOn](err); ok {
		return passed.code
	}
	if err != nil && ctx.Err() != nil {
		err = problem.New(problem.Cancelled, "run it again: it goes on from what is done", "%w", cancelled{})
	}
	err = g.machine(err)
	report(std.Err, err)
	return problem.Code(err)
}

// cancelled is Ctrl-C or SIGTERM, as people call it.
type cancelled struct{}

func (cancelled) Error() string { return "cancelled" }
func (cancelled) Unwrap() error { return context.Canceled }

// passedOn is the exit code of a program that dram ran for the user: it is
// dram's own, and nothing is said about it.
type passedOn struct{ code int }

func (p *passedOn) Error() string { return fmt.Sprintf("exit status %d", p.code) }

// report prints an error as people read it: what failed, and what to do next.
func report(w io.Writer, err error) {
	if err == nil {
		return
	}
	if refused, ok := errors.AsType[*pipeline.Refused](err); ok {
		_ = findings.Text(w, refused.Report) // stderr: there is nowhere to tell of it
	}
	_, _ = fmt.Fprintf(w, "error: %s\n", said(err))
	if hint := problem.Hint(err); hint != "" {
		_, _ = fmt.Fprintf(w, "  hint: %s\n", strings.ReplaceAll(ui.Plain(hint), "\n", "\n        "))
	}
}

// Commands is the tree of commands.
func (a *App) Commands() *cobra.Command {
	g, std := a.g, a.g.std
	root := &cobra.Command{
		Use:   "dram",
		Short: "build OTP releases for where they will run, and bottle them in small images",
		Long: `dram builds the OTP release of an Elixir or Erlang project in a sandbox that
matches where it will run, and bottles it in a container image of a few
megabytes, without a Dockerfile and without a daemon.

` + exitCodes,
		Example: `  dram image                  # the project here: release, then image
  dram run                    # run that image
  dram plan ./my_app          # what would be done, and why`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(std.In)
	root.SetOut(std.Out)
	root.SetErr(std.Err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, err) })
	root.CompletionOptions.DisableDefaultCmd = true
	g.register(root)
	for _, make := range []func(*globals) *cobra.Command{
		newPlan, newBuild, newImage, newPush, newVerify, newInit, newRun, newExec, newRehearse, newCheck, newInspect, newDiff, newRebase, newExplain, newTarget, newCache, newDoctor, newVersion, newCompletion, newToolchain, newShell,
	} {
		root.AddCommand(make(g))
	}
	root.AddCommand(newHands(g)...)
	root.SetHelpCommand(newHelp())
	wrapArgs(root)
	return root
}

// wrapArgs makes wrong arguments of every command a usage problem.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usage(cmd, err)
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

func usage(cmd *cobra.Command, err error) error {
	return problem.New(problem.Usage, fmt.Sprintf("see %s --help", cmd.CommandPath()), "%w", err)
}

// long is a command's help text: what it does, then the exit codes.
func long(text string) string { return strings.TrimSpace(text) + "\n\n" + exitCodes }
