package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dram/internal/config"
	"dram/internal/daemon"
	"dram/internal/distro/distros"
	"dram/internal/pipeline"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/ref"
	"dram/internal/scaffold"
	"dram/internal/tool"
	"dram/internal/tool/tools"
	"dram/internal/toolchain"
	"dram/internal/ui"
)

// initOptions are the flags of dram init.
type initOptions struct {
	diff, force, buildkit, noLoad bool
	ci                            []string
}

func newInit(g *globals) *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "write Dockerfiles, .dockerignore and a CI pipeline for the project",
		Long: long(`
Writes what a project keeps so that Docker builds it as dram does:
.dockerignore, docker/Dockerfile.build.elixir (the build),
docker/Dockerfile.run (the image, by Docker alone) with their scripts
docker/build.sh and docker/bottle.sh, and with --ci a pipeline.
Settings that are given as flags are kept in dram.toml.
` + strings.Join(tools.All().Init(), "\n") + `

.dockerignore and the tool's own file are added to. Any other file that is there
and would become another one is in the way: then nothing is written at all,
unless --force says so. The paths of the files that were written are what is on stdout.

The Dockerfiles begin with an image of the toolchain. Where no registry has it,
it is put into the Docker daemon, if one answers: see dram toolchain load.`),
		Example: `  dram init --diff                    # what would be written
  dram init --ci github
  dram init --release web --toolchain distro:debian/12`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.init(cmd, dirArg(args), o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.diff, "diff", false, "print what would change as a unified diff, and write nothing")
	f.BoolVar(&o.force, "force", false, "write over files that are there and differ")
	f.BoolVar(&o.buildkit, "buildkit", false, "have the build use cache mounts, secrets and steps without the network: faster, and not for Docker's classic builder")
	f.BoolVar(&o.noLoad, "no-load", false, "do not put the toolchain into the Docker daemon")
	f.StringSliceVar(&o.ci, "ci", nil, "write a pipeline for a CI service: "+strings.Join(scaffold.Services(), ", "))
	g.settings(cmd)
	return cmd
}

func (g *globals) init(cmd *cobra.Command, dir string, o initOptions) error {
	for _, name := range o.ci {
		if !slices.Contains(scaffold.Services(), name) {
			return problem.New(problem.Usage, "use one of: "+strings.Join(scaffold.Services(), ", "), "unknown CI service %q", name)
		}
	}
	p, s, err := g.scaffold(cmd, dir, o)
	if err != nil {
		return err
	}
	files, err := scaffold.Files(s)
	if err != nil {
		return err
	}
	changes, err := scaffold.Compare(s.Root(), files)
	if err != nil {
		return err
	}
	if o.diff {
		_, err := cmd.OutOrStdout().Write(scaffold.Diff(changes))
		return err
	}
	if err := scaffold.Refused(changes); err != nil && !o.force {
		return err
	}
	if err := scaffold.Write(s.Root(), changes); err != nil {
		return err
	}
	s.Loaded = !o.noLoad && g.loadForInit(cmd.Context(), p, s.Plan)
	return tellInit(cmd.OutOrStdout(), p.UI, s, changes)
}

// tellInit lists what was written, and says what to do with it.
func tellInit(out io.Writer, u *ui.UI, s scaffold.Project, changes []scaffold.Change) error {
	written := 0
	for _, c := range changes {
		if c.Same() {
			continue
		}
		written++
		if _, err := fmt.Fprintln(out, s.Named(c.Path)); err != nil {
			return err
		}
	}
	if written == 0 {
		u.Note("nothing to do: the files are there, as dram writes them")
	}
	u.Note("next, in the project's directory:")
	for _, c := range scaffold.Commands(s) {
		u.Note("  %s", c)
	}
	return nil
}

// scaffold reads the project and plans for what builds in a container, whatever
// engine this machine has.
func (g *globals) scaffold(cmd *cobra.Command, dir string, o initOptions) (*pipeline.Pipeline, scaffold.Project, error) {
	s := scaffold.Project{BuildKit: o.buildkit, CI: o.ci, Settings: givenSettings(cmd)}
	a, err := g.inContainer(cmd, dir)
	if err == nil {
		err = one(a.settings)
	}
	if err != nil {
		return nil, s, err
	}
	proj, err := tools.Read(dir, plan.Given(a.settings))
	if err != nil {
		return nil, s, err
	}
	if proj, s.Edit, err = prepared(cmd.Context(), a, proj); err != nil {
		return nil, s, err
	}
	s.Project = proj.Facts()
	if s.Plan, err = a.PlanProject(cmd.Context(), proj, a.settings); err != nil {
		return nil, s, err
	}
	if a.settings.Git {
		s.Plan.Notes = append(s.Plan.Notes, "build.git: docker build does not ask git, so nothing sets GIT_SHA, GIT_TAG and SOURCE_DATE_EPOCH here: an ARG of the build's Dockerfile can")
	}
	s.Below = project.Below(s.Plan.Dir)
	s.Job, err = a.Job(cmd.Context(), s.Plan)
	return a.Pipeline, s, err
}

// inContainer is dram that plans for what builds in a container, whatever engine
// this machine has.
func (g *globals) inContainer(cmd *cobra.Command, dir string) (*app, error) {
	c, err := g.config(cmd, dir)
	if err == nil {
		c, err = c.WithFlag("engine", []string{plan.BuildKitEngine})
		c.Emulate = true // a Dockerfile builds for the platform that Docker is told, in a toolchain of it
	}
	if err != nil {
		return nil, err
	}
	return g.with(c)
}

// givenSettings are the settings that were given as flags.
func givenSettings(cmd *cobra.Command) []scaffold.Setting {
	var out []scaffold.Setting
	for _, s := range config.Settings() {
		f := cmd.Flags().Lookup(s.Flag)
		if f == nil || !f.Changed {
			continue
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		out = append(out, scaffold.Setting{Flag: s.Flag, Values: values})
	}
	return out
}

// prepared is the project with what its tool's own file is to have more, and the
// edit that brings it there; nil where nothing is missing.
func prepared(ctx context.Context, a *app, proj tool.Project) (tool.Project, *tool.Edit, error) {
	lacking, ok := proj.(tool.Preparer)
	if !ok {
		return proj, nil, nil
	}
	pl, err := a.With(ui.New(io.Discard, ui.Options{})).PlanProject(ctx, proj, a.settings)
	if err != nil {
		return nil, nil, err
	}
	return lacking.Prepared(tool.Release{Name: pl.Release, Env: pl.ReleaseEnv})
}

// loadForInit puts the toolchain into the Docker daemon, and says whether it is
// there; that no daemon answers is no failure.
func (g *globals) loadForInit(ctx context.Context, p *pipeline.Pipeline, pl *plan.Plan) bool {
	from, err := toolchain.ParseRef(pl.Toolchain)
	if err != nil || !scaffold.Made(from, pl.Additions) {
		return false
	}
	if _, err = g.loadToolchain(ctx, p, pl.Toolchain, pl.Additions); err != nil && ctx.Err() == nil {
		var known *problem.Error
		if !errors.As(err, &known) || known.Kind != problem.Environment {
			p.UI.Warn("the toolchain could not be put into Docker: %v", err)
		}
	}
	return err == nil
}

// loadToolchain puts a toolchain into the daemon that the environment names, and
// tells the tag.
func (g *globals) loadToolchain(ctx context.Context, p *pipeline.Pipeline, from string, add plan.Additions) (string, error) {
	parsed, err := toolchain.ParseRef(from)
	if err != nil {
		return "", err
	}
	if parsed.Kind == ref.Host {
		return "", problem.New(problem.Usage, "name another one: "+distros.All().Example()+", image:REF, oci:DIR or tar:FILE", "this machine is not an image that could be loaded")
	}
	d, err := daemon.Connect(ctx, p.Environ)
	if err != nil {
		return "", err
	}
	defer func() { _ = d.Close() }()
	tc, err := p.OpenToolchain(ctx, from, add)
	if err != nil {
		return "", err
	}
	tag := scaffold.Toolchain(parsed, add)
	return tag, p.LoadToolchain(ctx, d, tc, tag)
}

func newToolchainLoad(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "load [REF]",
		Short: "put a toolchain into Docker, for the Dockerfiles of dram init",
		Long: long(`
Puts a toolchain into the Docker or Podman daemon, unless it is there, and
prints its name: the one that the Dockerfiles of dram init begin with. Without
REF it is the toolchain of the project here.`),
		Example: `  dram toolchain load
  dram toolchain load distro:debian/12`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, ref, add, err := g.toolchainToLoad(cmd, args)
			if err != nil {
				return err
			}
			tag, err := g.loadToolchain(cmd.Context(), p, ref, add)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), tag)
			return err
		},
	}
	g.settings(cmd)
	return cmd
}

func (g *globals) toolchainToLoad(cmd *cobra.Command, args []string) (p *pipeline.Pipeline, ref string, add plan.Additions, err error) {
	if len(args) == 1 {
		a, err := g.open(cmd, ".")
		if err != nil {
			return nil, "", add, err
		}
		return a.Pipeline, args[0], plan.Set(a.settings), nil
	}
	a, err := g.inContainer(cmd, ".")
	if err != nil {
		return nil, "", add, err
	}
	pl, err := a.Plan(cmd.Context(), ".", a.settings)
	if err != nil {
		return nil, "", add, err
	}
	return a.Pipeline, pl.Toolchain, pl.Additions, nil
}
