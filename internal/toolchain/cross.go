package toolchain

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"

	"dram/internal/cross"
	"dram/internal/rootfs"
	"dram/internal/store"
)

// unrunRecipe changes whenever a root of which nothing is run would be filled
// otherwise of the same packages.
const unrunRecipe = 1

// crossing is a toolchain that build tools find the compilers for other processors in.
// Those themselves are packages, which who opens it asks for.
func (p *call) crossing(base *Toolchain, archs []string) *Toolchain {
	return &Toolchain{
		Ref: base.Ref, ID: store.DigestOf(fmt.Appendf(nil, "cross %d %q\n%s", cross.Recipe, archs, base.ID)), Name: base.Name + ", for " + strings.Join(archs, " and ") + " too",
		Config: base.Config, store: p.Store, warn: p.Warn, arch: p.Arch, added: true,
		fill: func(ctx context.Context, dir string, tell Progress) error {
			if err := base.fill(ctx, dir, tell); err != nil {
				return err
			}
			return writeCross(dir, archs)
		},
	}
}

// writeCross writes the files by which build tools find the compilers.
func writeCross(dir string, archs []string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // what was written is synced by who keeps it
	for _, arch := range archs {
		at := cross.File(arch)
		if err := root.MkdirAll(path.Dir(at), 0o755); err != nil {
			return err
		}
		if err := root.RemoveAll(at); err != nil { // an image may have a link there
			return err
		}
		if err := root.WriteFile(at, []byte(cross.CMake(arch)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Graft is a release's files with those of the toolchain's Erlang in the place of its own
// that are named: of the same application and the same name. lacking are those that the
// toolchain does not have. root is the toolchain's, open.
func (t *Toolchain) Graft(ctx context.Context, rel rootfs.FS, root RootFS, names []string) (_ rootfs.FS, lacking []string, err error) {
	if _, err := t.Root(ctx); err != nil { // so that it is known what it has
		return nil, nil, err
	}
	has, files := t.installed(), map[string]string{}
	for _, name := range names {
		if e, ok := has[part(name)]; ok {
			files[name] = e.Path
		} else {
			lacking = append(lacking, name)
		}
	}
	return rootfs.Graft(rel, root, files), lacking, nil
}
