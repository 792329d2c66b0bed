package pipeline

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"dram/internal/config"
	"dram/internal/fsutil"
	"dram/internal/image"
	"dram/internal/layer"
	"dram/internal/plan"
	"dram/internal/source"
)

// extras are the files and directories that the plan adds to the image. Whoever is
// given them closes the project's directory when the image is made.
func (p *Pipeline) extras(ctx context.Context, pl *plan.Plan) (out []image.Extra, closing func(), err error) {
	user := pl.Image.User
	if user == "" {
		user = image.DefaultUser
	}
	for _, d := range pl.Image.Directories {
		out = append(out, directory(d, user))
	}
	if len(pl.Image.Files) == 0 {
		return out, func() {}, nil
	}
	tree, err := source.Named(ctx, pl.Dir, pl.Image.FileNames(), source.Options{Output: pl.OutputDir, Store: p.Store, Secrets: pl.Secrets})
	if err != nil {
		return nil, nil, fmt.Errorf("image.files: %w", err)
	}
	root, err := fsutil.OpenRoot(pl.Dir)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range pl.Image.Files {
		for _, s := range tree.Files {
			if rest, below := strings.CutPrefix(s.Path, f.Source+"/"); below || s.Path == f.Source {
				out = append(out, extra(root, f, s, rest))
			}
		}
	}
	return out, func() { _ = root.Close() }, nil // only read
}

func directory(d config.ImageDirectory, user string) image.Extra {
	perm, ok := config.Permissions(d.Mode)
	if !ok {
		perm = 0o755
	}
	if d.Owner != "" {
		user = d.Owner
	}
	e := layer.Entry{Path: strings.TrimPrefix(path.Clean(d.Path), "/"), Mode: fs.ModeDir | perm, Exact: true}
	e.UID, e.GID = ids(user)
	return image.Extra{Entry: e, What: "image.directories: " + d.Path}
}

// extra is one file of the project as the image has it; rest is its path below the
// source that was named, if that is a directory.
func extra(root *os.Root, f config.ImageFile, s source.File, rest string) image.Extra {
	at := f.To()
	if s.Path != f.Source {
		at = path.Join(at, rest)
	}
	e := layer.Entry{Path: at, Mode: 0o644, Size: s.Size, Digest: s.Digest}
	if s.Exec {
		e.Mode = 0o755
	}
	if perm, ok := config.Permissions(f.Mode); ok {
		e.Mode, e.Exact = perm, true
	}
	if f.Owner != "" {
		e.UID, e.GID = ids(f.Owner)
	}
	out := image.Extra{What: "image.files: " + s.Path}
	if s.Link != "" {
		e.Mode, e.Link, e.Size, e.Digest, e.Exact = fs.ModeSymlink|0o777, s.Link, 0, "", false
	} else {
		e.Open = func() (io.ReadCloser, error) { return fsutil.OpenIn(root, s.Path) }
		out.File = func() (fs.File, error) { return fsutil.OpenIn(root, s.Path) }
	}
	out.Entry = e
	return out
}

// ids are the numbers of "UID:GID" or "UID", which settings were held against.
func ids(owner string) (uid, gid int) {
	u, g, ok := strings.Cut(owner, ":")
	if !ok {
		g = u
	}
	uid, _ = strconv.Atoi(u)
	gid, _ = strconv.Atoi(g)
	return uid, gid
}

// healthcheck is that of the plan, whose durations settings were held against.
func healthcheck(h *config.Healthcheck) *image.Healthcheck {
	if h == nil {
		return nil
	}
	duration := func(s string) time.Duration {
		d, _ := time.ParseDuration(s)
		return d
	}
	return &image.Healthcheck{
		Command: h.Command, Interval: duration(h.Interval), Timeout: duration(h.Timeout), StartPeriod: duration(h.StartPeriod), Retries: h.Retries,
	}
}
