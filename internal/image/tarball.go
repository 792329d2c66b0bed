package image

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"dram/internal/fsutil"
	"dram/internal/layer"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/store"
)

// TarballOptions are what a release's tarball depends on besides the release.
type TarballOptions struct {
	KeepCookie bool  // the project declared a cookie: it is no accident of the build
	Epoch      int64 // time of every file, seconds since 1970; 0 is layer.DefaultEpoch
}

// Tarball is the release as a tar.gz without a top directory, as mix release's
// own :tar step makes it, symbolic links followed; ERTS and each application
// are compressed by themselves, so that only what changed is compressed again.
func Tarball(ctx context.Context, st *store.Store, rel *release.Release, opts TarballOptions) (*layer.Archive, error) {
	files, err := tarballContents(rel, opts)
	if err != nil {
		return nil, err
	}
	// A release that upgrades another while that runs is unpacked by Erlang's
	// release_handler, whose erl_tar stops where a gzip member ends.
	a, err := layer.Build(ctx, st, byApp(files, func(f File) string { return f.App }), layer.Options{
		Epoch: opts.Epoch, NoDiffID: true, Whole: rel.Has(rel.Below("relup")),
	})
	if err != nil {
		return nil, fmt.Errorf("packing release %q: %w", rel.Name, err)
	}
	return a, nil
}

func tarballContents(rel *release.Release, opts TarballOptions) ([]File, error) {
	kept := slices.DeleteFunc(slices.Clone(rel.Files), func(f release.File) bool {
		return f.Path == cookieFile && !opts.KeepCookie
	})
	for _, f := range kept {
		if !f.Mode.IsRegular() && !f.Mode.IsDir() && f.Mode&fs.ModeSymlink == 0 {
			return nil, problem.New(problem.Failure, "have the build remove it: a tarball holds files, directories and links",
				"packing release %q: %q is a %s", rel.Name, f.Path, fsutil.Kind(f.Mode))
		}
	}
	return contents(rel, kept, staying{cookie: opts.KeepCookie, debug: true})
}
