package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dram/internal/pipeline"
	"dram/internal/plan"
	"dram/internal/ui"
)

func newImage(g *globals) *cobra.Command {
	var out string
	var to shipping
	var several matrix
	cmd := &cobra.Command{
		Use:   "image [DIR|RELEASE_DIR|RELEASE_TARBALL]",
		Short: "bottle the release in a container image",
		Long: long(`
Builds the release if need be, then the image: from scratch, the release and
the files that it needs (libraries, shell, certificates, locale), in layers by
how often each changes. Writes one tar that docker load, podman load, skopeo
and crane push take, or an OCI layout (-o oci:DIR). With --load it is put into
Docker or Podman, with --push it is sent to a registry, as dram push does. The
manifest's digest, with --push as HOST/NAME@DIGEST, is the only thing on stdout.

For several releases or platforms (--all-releases, --release and --platform
repeated) there is an image each, at its usual path or in one layout, and a line
each on stdout: DIGEST, two spaces, NAME VSN PLATFORM. They are spread over the
builders that dram.toml names.

A release that was built elsewhere (a directory or a tarball) is bottled with
the libraries of the toolchain, which must match the one it was built with.`),
		Example: `  dram image
  dram image -o my_app.tar && docker load < my_app.tar
  dram image -o oci:./layout
  dram image --load && docker run --rm -p 4000:4000 my_app
  dram image --push registry.example/team/my_app --tag 0.1.0 --tag latest
  dram image --all-releases --platform linux/amd64,linux/arm64
  dram image ./my_app-0.1.0.tar.gz --toolchain distro:debian/12`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			several.out = out
			if ran, err := g.several(cmd, &several, dirArg(args), to.load || to.push != ""); ran {
				return err
			}
			if err := to.open(cmd.Context()); err != nil {
				return err
			}
			defer to.close()
			p, _, r, err := g.image(cmd.Context(), cmd, dirArg(args), out)
			if err != nil {
				return err
			}
			result, err := to.ship(cmd.Context(), p, r)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), result)
			return err
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "FILE.tar or oci:DIR (default releases/NAME/NAME-VSN-OS-ARCH.tar)")
	to.register(cmd)
	cmd.Flags().BoolVar(&several.all, "all-releases", false, "an image of each release that the project declares")
	g.settings(cmd)
	return cmd
}

// image makes the image of whatever arg names, writes it and its summary, and
// tells where.
func (g *globals) image(ctx context.Context, cmd *cobra.Command, arg, out string) (*pipeline.Pipeline, string, *pipeline.Result, error) {
	start := time.Now()
	if out != "" {
		if err := pipeline.CheckOutput(out); err != nil {
			return nil, "", nil, err
		}
	}
	if pipeline.IsRelease(arg) {
		return g.imageOfRelease(ctx, cmd, arg, out)
	}
	p, pl, err := g.planned(ctx, cmd, arg)
	if err != nil {
		return nil, "", nil, err
	}
	r, err := p.Build(ctx, pl, true)
	if err != nil {
		return nil, "", nil, err
	}
	tarball, out, err := p.Write(ctx, pl, r, out)
	if err != nil {
		return nil, "", nil, err
	}
	p.UI.Note("%-10s %s, %s", "tarball", relative(tarball), ui.Bytes(r.Tarball.Size))
	summary(p.UI, r, out)
	printTimings(p.UI, start)
	return p, out, r, nil
}

func (g *globals) imageOfRelease(ctx context.Context, cmd *cobra.Command, arg, out string) (*pipeline.Pipeline, string, *pipeline.Result, error) {
	c, err := g.config(cmd, filepath.Dir(arg))
	if err != nil {
		return nil, "", nil, err
	}
	p, err := g.pipeline(c)
	if err != nil {
		return nil, "", nil, err
	}
	pl := plan.ForRelease(c, p.Toolchains.Arch)
	r, err := p.Bottle(ctx, pl, arg)
	if err != nil {
		return nil, "", nil, err
	}
	if out == "" {
		out = filepath.Join(filepath.Dir(filepath.Clean(arg)), filepath.Base(pl.Named(r.Release).ImagePath(r.Version)))
	}
	if err := p.WriteImage(ctx, r, out); err != nil {
		return nil, "", nil, err
	}
	summary(p.UI, r, out)
	return p, out, r, nil
}

// summary lists the layers and their sizes.
func summary(u *ui.UI, r *pipeline.Result, out string) {
	u.Note("%-10s %s, %s", "image", relative(out), ui.Bytes(r.ImageSize()))
	for _, l := range r.Layers {
		how := ""
		if l.Reused {
			how = "  (as before)"
		}
		u.Note("  %-14s %9s  %5d files  %s%s", l.Name, ui.Bytes(l.Size), l.Files, l.Digest.Hex()[:12], how)
	}
}

// relative is a path as a person in the working directory would write it.
func relative(path string) string {
	prefix := ""
	if rest, ok := strings.CutPrefix(path, "oci:"); ok {
		prefix, path = "oci:", rest
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return prefix + path
	}
	wd, err := filepath.Abs(".")
	if err != nil {
		return prefix + path
	}
	if rel, err := filepath.Rel(wd, abs); err == nil && !strings.HasPrefix(rel, "../..") {
		return prefix + rel
	}
	return prefix + path
}
