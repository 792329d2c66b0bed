package cli

import (
	"context"
	"fmt"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"dram/internal/daemon"
	"dram/internal/image"
	"dram/internal/oci"
	"dram/internal/output"
	"dram/internal/pipeline"
	"dram/internal/ref"
)

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
			to, err := output.ParsePush(args[1], flags.options())
			if err != nil {
				return err
			}
			pushed, err := g.pushWritten(cmd, args[0], to)
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
func (g *globals) pushWritten(cmd *cobra.Command, what string, to output.Push) (string, error) {
	from, err := taken(atPush).Find(what)
	if err != nil {
		return "", err
	}
	a, err := g.open(cmd, ".")
	if err != nil {
		return "", err
	}
	images, err := output.OpenPlatforms(from, oci.Options{Arch: a.Toolchains.Arch, TempDir: a.Store.TempDir})
	if err != nil {
		return "", err
	}
	for _, img := range images {
		if err := a.checkPushed(cmd.Context(), from, img); err != nil {
			return "", err
		}
	}
	return to.SendAll(cmd.Context(), a.Store, a.UI, images)
}

// checkPushed checks an image before it is sent.
func (a *app) checkPushed(ctx context.Context, from ref.Ref, img v1.Image) error {
	config, err := img.ConfigFile()
	if err != nil {
		return fmt.Errorf("opening image %q: %w", from, err)
	}
	opts := pipeline.CheckOptions{Target: a.settings.CheckTarget, Allow: a.settings.Allow, Image: img}
	if len(a.settings.Platforms) == 0 {
		opts.Platform = "linux/" + config.Architecture
	}
	report, err := a.Check(ctx, from, opts)
	if err != nil {
		return err
	}
	if err := pipeline.Verdict(report); err != nil {
		return &pipeline.Refused{Report: report, Err: err}
	}
	return nil
}

// runInDaemon loads an image into Docker or Podman and runs it there.
func (g *globals) runInDaemon(cmd *cobra.Command, what string, run daemon.Run) error {
	ctx := cmd.Context()
	if _, _, err := daemon.ParsePorts(run.Publish); err != nil {
		return err
	}
	from, err := taken(atDocker).Find(what)
	if err != nil {
		return err
	}
	d, err := daemon.Connect(ctx, os.Environ())
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	a, img, names, err := g.imageToLoad(cmd, from)
	if err != nil {
		return err
	}
	if run.Image, err = output.LoadImage(ctx, a.UI, d, img, names); err != nil {
		return err
	}
	run.Started = func(ports []string) {
		for _, port := range ports {
			a.UI.Note("%-10s %s", "port", port)
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
func (g *globals) imageToLoad(cmd *cobra.Command, from ref.Ref) (*app, v1.Image, []string, error) {
	if from.Kind != ref.Path {
		a, err := g.open(cmd, ".")
		if err != nil {
			return nil, nil, nil, err
		}
		img, names, err := output.OpenWritten(from, oci.Options{Arch: a.Toolchains.Arch, TempDir: a.Store.TempDir})
		return a, img, names, err
	}
	m, err := g.imageOf(cmd, from.Value)
	if err != nil {
		return nil, nil, nil, err
	}
	img, err := image.Open(m.Store, m.result.Image)
	return m.app, img, m.result.Names(), err
}
