package release

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"dram/internal/fsutil"
	"dram/internal/problem"
	"dram/internal/rootfs"
	"dram/internal/store"
)

// Limits of a release. The largest seen have 20,000 files and 300 MB.
const (
	maxFiles = 200_000
	maxBytes = 8 << 30
	maxDepth = 64
)

var errTooLarge = errors.New("the release is too large")

// list is the release's entries, without digests, sorted by path.
func list(ctx context.Context, fsys rootfs.FS, c classifier) ([]File, error) {
	var files []File
	var total int64
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if !utf8.ValidString(name) {
			return problem.New(problem.Failure, "rename it, or leave it out of the release", "the name of %q is no UTF-8", name)
		}
		f, err := newFile(fsys, name, d, c)
		if err != nil {
			return err
		}
		files = append(files, f)
		total += f.Size
		if len(files) > maxFiles || total > maxBytes || strings.Count(name, "/") > maxDepth {
			return problem.New(problem.Failure, "see what fills it; a release of this size is hardly meant",
				"%w: more than %d entries, %d bytes or %d directories deep, at %q", errTooLarge, maxFiles, int64(maxBytes), maxDepth, name)
		}
		return nil
	})
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return files, err
}

func newFile(fsys rootfs.FS, name string, d fs.DirEntry, c classifier) (File, error) {
	info, err := d.Info()
	if err != nil {
		return File{}, err
	}
	f := File{Path: name, Mode: info.Mode()}
	f.Origin, f.App = c.file(name, f.Mode)
	switch {
	case f.Mode.IsRegular():
		f.Size = info.Size()
	case f.Mode&fs.ModeSymlink != 0:
		if f.Link, err = fsys.ReadLink(name); err != nil {
			return File{}, err
		}
		if c.anyLink {
			return f, nil
		}
		return f, checkLink(name, f.Link)
	}
	return f, nil
}

// checkLink refuses links that lead out of the release. `mix release` makes
// none: it copies what links lead to.
func checkLink(name, target string) error {
	if fsutil.LinkStays(name, target) {
		return nil
	}
	return problem.New(problem.Failure,
		"build the release without links to the outside: for production, not for development",
		"link %q leads to %q, outside the release", name, target)
}

// digest hashes the regular files, as many at once as there are processors.
func digest(ctx context.Context, fsys rootfs.FS, files []File) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	const batch = 32 // files are small: a goroutine each would cost more than hashing
	for part := range slices.Chunk(files, batch) {
		g.Go(func() error {
			buf := make([]byte, 128<<10)
			for i := range part {
				if !part[i].Mode.IsRegular() {
					continue
				}
				if err := ctx.Err(); err != nil {
					return context.Cause(ctx)
				}
				if err := digestFile(fsys, &part[i], buf); err != nil {
					return fmt.Errorf("computing digest of %q: %w", part[i].Path, err)
				}
			}
			return nil
		})
	}
	return g.Wait()
}

func digestFile(fsys rootfs.FS, f *File, buf []byte) error {
	r, err := fsys.Open(f.Path)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // only read
	sum := sha256.New()
	n, err := io.CopyBuffer(sum, struct{ io.Reader }{io.LimitReader(r, f.Size+1)}, buf)
	if err != nil {
		return err
	}
	if n != f.Size {
		return problem.New(problem.Failure, "let nothing write to the release meanwhile, and run dram again",
			"the file changed while it was read: it had %d bytes", f.Size)
	}
	f.Digest = store.SumDigest(sum)
	return nil
}
