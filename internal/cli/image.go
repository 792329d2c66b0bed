package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"mvdan.cc/sh/v3/syntax"

	"dram/internal/config"
	"dram/internal/output"
	"dram/internal/pipeline"
	"dram/internal/plan"
	"dram/internal/ui"
)

func newImage(g *globals) *cobra.Command {
	var to outputFlags
	var all bool
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

For several platforms (--platform linux/amd64,linux/arm64) there is one index of
their images, NAME-VSN.tar, and its digest is printed. No emulator is needed.

For several releases (--all-releases, --release repeated) there is an image each,
at its usual path or in one layout, and a line each on stdout: DIGEST, two spaces,
NAME VSN PLATFORM,... They are spread over the builders that dram.toml names.

A release that was built elsewhere (a directory or a tarball) is bottled with
the libraries of the toolchain, which must match the one it was built with.`),
		Example: `  dram image
  dram image -o my_app.tar && docker load < my_app.tar
  dram image -o oci:./layout
  dram image --load && docker run --rm -p 4000:4000 my_app
  dram image --push registry.example/team/my_app --tag 0.1.0 --tag latest
  dram image --platform linux/amd64,linux/arm64
  dram image --all-releases -o oci:./layout
  dram image ./my_app-0.1.0.tar.gz --toolchain distro:debian/12`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := to.read(cmd); err != nil {
				return err
			}
			return g.makeImage(cmd, dirArg(args), &to, all)
		},
	}
	to.register(cmd)
	cmd.Flags().BoolVar(&all, "all-releases", false, "an image of each release that the project declares")
	g.settings(cmd)
	return cmd
}

// makeImage makes the image of whatever arg names, or the images, and prints the
// digest.
func (g *globals) makeImage(cmd *cobra.Command, arg string, to *outputFlags, all bool) error {
	c, err := g.imageSettings(cmd, arg)
	if err != nil {
		return err
	}
	if m := newMatrix(c, to, all); m != nil {
		return g.several(cmd, m, arg)
	}
	outs, err := to.open(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { _ = outs.Close() }() // all is written
	made, err := g.image(cmd.Context(), c, arg, outs)
	if err != nil {
		return err
	}
	return made.tell(cmd.OutOrStdout())
}

// next says what people do with what was written.
func next(u *ui.UI, written []output.Written) {
	for _, w := range written {
		if w.Next == "" {
			continue
		}
		what := w.Ref
		if what == "" {
			what = relative(w.Place)
		}
		quoted, err := syntax.Quote(what, syntax.LangPOSIX)
		if err != nil { // it has what no shell can be given
			continue
		}
		u.Note("%-10s "+w.Next, "next", quoted)
	}
}

// imageSettings is the settings for the project or beside the release that arg names.
func (g *globals) imageSettings(cmd *cobra.Command, arg string) (config.Config, error) {
	if pipeline.IsRelease(arg) {
		return g.config(cmd, filepath.Dir(arg))
	}
	return g.config(cmd, arg)
}

// made is an image that was made and written.
type made struct {
	*app
	plan    *plan.Plan
	result  *output.Result
	written []output.Written
}

// ref is how others get the image: by digest, at the registry that it was sent to.
func (m *made) ref() string {
	for _, w := range m.written {
		if w.Ref != "" {
			return w.Ref
		}
	}
	return string(m.result.Image)
}

// path is where the image was written.
func (m *made) path() string {
	for _, w := range m.written {
		if w.Name == "image" {
			return w.Place
		}
	}
	return ""
}

// image makes the image of whatever arg names, and writes it and what else is
// wanted.
func (g *globals) image(ctx context.Context, c config.Config, arg string, asked output.Outputs) (*made, error) {
	if pipeline.IsRelease(arg) {
		return g.imageOfRelease(ctx, c, arg, ofRelease(arg, asked))
	}
	start, outs := time.Now(), ofProject(asked)
	a, pl, err := g.plannedWith(ctx, c, arg)
	if err != nil {
		return nil, err
	}
	r, err := a.Build(ctx, pl, outs)
	if err != nil {
		return nil, err
	}
	m := &made{app: a, plan: pl, result: r}
	if err := m.write(ctx, outs); err != nil {
		return nil, err
	}
	printTimings(a.UI, start)
	return m, nil
}

// write writes what is wanted of it, and lists that.
func (m *made) write(ctx context.Context, outs output.Outputs) (err error) {
	if m.written, err = m.Write(ctx, m.plan, m.result, outs); err != nil {
		return err
	}
	summary(m.UI, m.result, m.written)
	return nil
}

// tell says what people do with it, and prints its digest.
func (m *made) tell(stdout io.Writer) error {
	next(m.UI, m.written)
	_, err := fmt.Fprintln(stdout, m.ref())
	return err
}

func (g *globals) imageOfRelease(ctx context.Context, c config.Config, arg string, outs output.Outputs) (*made, error) {
	a, err := g.with(c)
	if err != nil {
		return nil, err
	}
	pl := plan.ForRelease(c, a.Toolchains.Arch).In(filepath.Dir(filepath.Clean(arg)))
	if err := plan.CheckImage(ctx, pl.Dir, pl.Image); err != nil {
		return nil, err
	}
	r, err := a.Bottle(ctx, pl, arg, outs.Needs())
	if err != nil {
		return nil, err
	}
	m := &made{app: a, plan: pl.Named(r.Release), result: r}
	return m, m.write(ctx, outs)
}

// summary lists what was written, and the image's layers and their sizes.
func summary(u *ui.UI, r *output.Result, written []output.Written) {
	for _, w := range written {
		if w.Name != "" {
			u.Note("%-10s %s, %s", w.Name, relative(w.Place), ui.Bytes(w.Size))
		}
	}
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
