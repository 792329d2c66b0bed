package pipeline

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/image"
	"dram/internal/oci"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/rootfs"
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
	below := image.Below(config)
	if below == 0 && !image.Layered(config) {
		return nil // whose its files are to be, nothing here tells
	}
	given, err := givenTo(img, config, spec.User)
	if err != nil {
		return err
	}
	for at := range config.Config.Volumes {
		given[path.Clean(at)] = true
	}
	for at := range given {
		if below > 0 && occupied(spec.Lower[0], at) {
			return nil // what the base gives the user, with what lies in it: nothing shows that but a root that is written to
		}
		spec.Tmpfs = append(spec.Tmpfs, at)
	}
	spec.ReadOnly = true
	slices.Sort(spec.Tmpfs)
	spec.Tmpfs = slices.Compact(spec.Tmpfs)
	return nil
}

// occupied says whether something lies in a directory of a root.
func occupied(root, dir string) bool {
	fsys, err := rootfs.Dir(root)
	if err != nil {
		return false
	}
	defer func() { _ = fsys.Close() }() // only read
	entries, err := fsys.ReadDir(strings.TrimPrefix(dir, "/"))
	return err == nil && len(entries) > 0
}

// givenTo are the directories that a user may write to, of the base's layers and of that
// of added files: whose a directory is, the last of them says.
func givenTo(img v1.Image, config *v1.ConfigFile, user int) (map[string]bool, error) {
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	given, names, below := map[string]bool{}, oci.LayerNames(config), image.Below(config)
	for i, l := range layers {
		if i >= below && (i >= len(names) || names[i] != "files") {
			continue
		}
		if err := givenBy(l, user, given); err != nil {
			return nil, err
		}
	}
	maps.DeleteFunc(given, func(_ string, own bool) bool { return !own })
	return given, nil
}

// givenBy takes in what a layer says of directories.
func givenBy(l v1.Layer, user int, given map[string]bool) error {
	plain, err := oci.OpenTar(l)
	if err != nil {
		return err
	}
	defer func() { _ = plain.Close() }() // only read
	t := tar.NewReader(plain)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		own := h.Uid == user && h.Mode&0o200 != 0 || h.Mode&0o002 != 0
		if at := path.Clean("/" + h.Name); h.Typeflag == tar.TypeDir && at != "/tmp" && at != "/run" && at != "/" {
			given[at] = own
		}
	}
}
