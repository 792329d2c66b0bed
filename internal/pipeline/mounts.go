package pipeline

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/oci"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/sandbox"
	"dram/internal/toolchain"
)

// ParseVolume reads SOURCE:TARGET or SOURCE:TARGET:ro, as docker run -v takes it of
// directories and files.
func ParseVolume(s string) (m sandbox.Mount, err error) {
	source, target, ok := strings.Cut(s, ":")
	target, mode, _ := strings.Cut(target, ":")
	m = sandbox.Mount{Source: source, Target: path.Clean(target), ReadOnly: mode == "ro"}
	if !ok || source == "" || !path.IsAbs(target) || !slices.Contains([]string{"", "ro", "rw"}, mode) {
		return m, problem.New(problem.Usage, "write SOURCE:TARGET or SOURCE:TARGET:ro, where TARGET is a path in the image", "%q is no volume", s)
	}
	m.Source, err = filepath.Abs(source)
	return m, err
}

// asUser has an image that dram made be what it is to its user in a container: all of
// it read-only but for the places that it gives the user. The sandbox has one user
// alone, to whom everything belongs. Root may write anywhere, here and there.
func (p *Pipeline) asUser(ctx context.Context, from ref.Ref, opts RunOptions, spec *sandbox.Spec) error {
	if spec.User == 0 {
		return nil
	}
	img, err := p.Toolchains.Image(ctx, from, toolchain.Options{As: opts.As})
	if err != nil {
		return err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return err
	}
	if len(config.History) == 0 || slices.ContainsFunc(config.History, func(h v1.History) bool { return h.CreatedBy != "dram" }) {
		return nil // whose its files are to be, nothing here tells
	}
	spec.ReadOnly = true
	for at := range config.Config.Volumes {
		spec.Tmpfs = append(spec.Tmpfs, at)
	}
	given, err := givenTo(img, config, spec.User)
	for _, at := range given {
		if !slices.Contains(spec.Tmpfs, at) {
			spec.Tmpfs = append(spec.Tmpfs, at)
		}
	}
	slices.Sort(spec.Tmpfs)
	return err
}

// givenTo are the directories of the layer of added files that a user may write to.
func givenTo(img v1.Image, config *v1.ConfigFile, user int) (out []string, err error) {
	i := slices.IndexFunc(config.History, func(h v1.History) bool { return h.Comment == "files" })
	layers, err := img.Layers()
	if err != nil || i < 0 || i >= len(layers) {
		return nil, err
	}
	plain, err := oci.OpenTar(layers[i])
	if err != nil {
		return nil, err
	}
	defer func() { _ = plain.Close() }() // only read
	t := tar.NewReader(plain)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		own := h.Uid == user && h.Mode&0o200 != 0 || h.Mode&0o002 != 0
		if at := path.Clean("/" + h.Name); h.Typeflag == tar.TypeDir && own && at != "/tmp" && at != "/run" {
			out = append(out, at)
		}
	}
}
