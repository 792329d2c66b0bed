package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"dram/internal/daemon"
	"dram/internal/pipeline"
	"dram/internal/problem"
	"dram/internal/publish"
	"dram/internal/ref"
)

// pushing is the flags that say how an image goes to a registry.
type pushing struct {
	tags, mountFrom []string
	plainHTTP       bool
}

func (f *pushing) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.tags, "tag", nil, "a tag that the image gets in the registry, besides that of REF, repeatable")
	flags.StringArrayVar(&f.mountFrom, "mount-from", nil, "a repository of the same registry that may have layers already, repeatable")
	flags.BoolVar(&f.plainHTTP, "plain-http", false, "speak to a registry that has no TLS; to this machine's own, dram does so anyway")
}

func (f *pushing) options(place string) (pipeline.PushOptions, error) {
	place, err := ref.InRegistry(place)
	if err != nil {
		return pipeline.PushOptions{}, err
	}
	to, err := publish.ParseDestination(place, f.tags, f.plainHTTP)
	opts := pipeline.PushOptions{To: to}
	for _, from := range f.mountFrom {
		repo, bad := name.NewRepository(from)
		if bad != nil && err == nil {
			err = problem.New(problem.Usage, "write --mount-from HOST/NAME", "%q is no repository: %w", from, bad)
		}
		opts.From = append(opts.From, repo)
	}
	return opts, err
}

func newPush(g *globals) *cobra.Command {
	var flags pushing
	cmd := &cobra.Command{
		Use:   "push IMAGE REF",
		Short: "send an image to a registry",
		Long: long(`
Sends an image that dram image wrote, a tar or a layout (oci:DIR), to a registry
(REF is HOST/NAME or HOST/NAME:TAG) and prints its reference by digest. It is
checked before, as dram check does: nothing is sent while a rule fails that was
not allowed by name.

What the registry has is not sent again, and what another repository there got
from here is mounted. A broken connection or a busy registry is tried again,
from where the upload had come. Tags are written last, when all is there.

Credentials are those of docker login and podman login, and of their helpers.`),
		Example: `  dram push releases/my_app/my_app-0.1.0-linux-amd64.tar registry.example/team/my_app:0.1.0
  dram push oci:./layout registry.example/team/my_app --tag 0.1.0 --tag latest
  dram push my_app.tar localhost:5000/my_app --allow symbol-version`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := flags.options(args[1])
			if err != nil {
				return err
			}
			pushed, err := g.pushWritten(cmd, args[0], opts)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), pushed)
			return err
		},
	}
	flags.register(cmd)
	g.settings(cmd)
	return cmd
}

// pushWritten checks an image that was written and pushes it.
func (g *globals) pushWritten(cmd *cobra.Command, what string, opts pipeline.PushOptions) (string, error) {
	from, err := pushUse().Find(what)
	if err != nil {
		return "", err
	}
	c, err := g.config(cmd, ".")
	if err != nil {
		return "", err
	}
	p, err := g.pipeline(c)
	if err != nil {
		return "", err
	}
	img, _, err := p.OpenImage(from)
	if err != nil {
		return "", err
	}
	report, err := p.Check(cmd.Context(), from, pipeline.CheckOptions{Target: c.CheckTarget, Allow: c.Allow})
	if err != nil {
		return "", err
	}
	if err := pipeline.Verdict(report, false); err != nil {
		return "", &pipeline.Refused{Report: report, Err: err}
	}
	return p.Push(cmd.Context(), img, opts)
}

// shipping is where dram image puts an image besides the file it writes.
type shipping struct {
	pushing

	push string
	load bool

	to     pipeline.PushOptions
	daemon *daemon.Client
}

func (s *shipping) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.push, "push", "", "send the image to a registry as REF (HOST/NAME:TAG), and print that by digest")
	s.pushing.register(cmd)
	cmd.Flags().BoolVar(&s.load, "load", false, "put the image into Docker or Podman as NAME:VSN and NAME:latest")
}

// open finds before the build what would fail after it.
func (s *shipping) open(ctx context.Context) (err error) {
	if s.push == "" && (len(s.tags) > 0 || len(s.mountFrom) > 0 || s.plainHTTP) {
		return problem.New(problem.Usage, "name the place with --push HOST/NAME", "--tag, --mount-from and --plain-http are for --push")
	}
	if s.push != "" {
		if s.to, err = s.options(s.push); err != nil {
			return err
		}
	}
	if s.load {
		s.daemon, err = daemon.Connect(ctx, os.Environ())
	}
	return err
}

// close lets the daemon go.
func (s *shipping) close() {
	if s.daemon != nil {
		_ = s.daemon.Close()
	}
}

// ship loads and pushes the image of a build, and gives what dram image prints.
func (s *shipping) ship(ctx context.Context, p *pipeline.Pipeline, r *pipeline.Result) (string, error) {
	if s.push == "" && !s.load {
		return string(r.Image), nil
	}
	img, err := p.Image(r)
	if err != nil {
		return "", err
	}
	if s.load {
		if _, err := p.Load(ctx, s.daemon, img, r.Names()); err != nil {
			return "", err
		}
	}
	if s.push == "" {
		return string(r.Image), nil
	}
	return p.Push(ctx, img, s.to)
}

// runInDaemon loads an image into Docker or Podman and runs it there.
func (g *globals) runInDaemon(cmd *cobra.Command, what string, run daemon.Run) error {
	ctx := cmd.Context()
	if _, _, err := daemon.ParsePorts(run.Publish); err != nil {
		return err
	}
	from, err := dockerUse().Find(what)
	if err != nil {
		return err
	}
	d, err := daemon.Connect(ctx, os.Environ())
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	p, img, names, err := g.imageToLoad(cmd, from)
	if err != nil {
		return err
	}
	if run.Image, err = p.Load(ctx, d, img, names); err != nil {
		return err
	}
	run.Started = func(ports []string) {
		for _, port := range ports {
			p.UI.Note("%-10s %s", "port", port)
		}
	}
	g.std.Running()
	code, err := d.Run(ctx, run)
	if err != nil {
		return err
	}
	return &passedOn{code}
}

// imageToLoad is the image that from names, or else that of the project, which is
// built if need be.
func (g *globals) imageToLoad(cmd *cobra.Command, from ref.Ref) (*pipeline.Pipeline, v1.Image, []string, error) {
	if from.Kind != ref.Path {
		c, err := g.config(cmd, ".")
		if err != nil {
			return nil, nil, nil, err
		}
		p, err := g.pipeline(c)
		if err != nil {
			return nil, nil, nil, err
		}
		img, names, err := p.OpenImage(from)
		return p, img, names, err
	}
	p, _, r, err := g.image(cmd.Context(), cmd, from.Value, "")
	if err != nil {
		return nil, nil, nil, err
	}
	img, err := p.Image(r)
	return p, img, r.Names(), err
}
