package manifest

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// look compares all directories, as many at once as there are processors. It is
// done before every build, so system calls are counted: one for each file, three
// for a directory.
func (m *Manifest) look(ctx context.Context, root string) ([]Difference, error) {
	var mu sync.Mutex
	var diffs []Difference
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for part := range slices.Chunk(m.directories(), 64) {
		group.Go(func() error {
			var found []Difference
			for _, d := range part {
				if err := ctx.Err(); err != nil {
					return context.Cause(ctx)
				}
				here, err := d.look(root)
				if err != nil {
					return err
				}
				found = append(found, here...)
			}
			mu.Lock()
			defer mu.Unlock()
			diffs = append(diffs, found...)
			return nil
		})
	}
	err := group.Wait()
	return diffs, err
}

// directory is one of a manifest, with what it held.
type directory struct {
	Entry
	held []Entry
}

// directories are those of the manifest; empty ones too, since something may be
// in them now.
func (m *Manifest) directories() []directory {
	held := map[string][]Entry{}
	for i := 0; i < len(m.entries); {
		at, j := dirOf(m.entries[i].Path), i+1
		for j < len(m.entries) && dirOf(m.entries[j].Path) == at {
			j++
		}
		held[at] = m.entries[i:j]
		i = j
	}
	var out []directory
	for _, e := range m.entries {
		if e.Mode.IsDir() {
			out = append(out, directory{e, held[e.Path]})
		}
	}
	return out
}

// look compares a directory and what lies in it. That it is gone, or none any
// longer, is found where it lies itself.
func (d directory) look(root string) ([]Difference, error) {
	at := filepath.Join(root, filepath.FromSlash(d.Path))
	var fd int
	err := again(func() (err error) {
		fd, err = unix.Open(at, lookFlags|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return d.unopened(err)
	}
	defer func() { _ = unix.Close(fd) }() // only read
	var st unix.Stat_t
	if err := again(func() error { return unix.Fstat(fd, &st) }); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: at, Err: err}
	}
	diffs, err := d.compare(fd)
	now := entryOf(d.Path, &st)
	if kind := d.looks(now); d.Path == "." && kind != "" { // of the others, that is found where they lie
		diffs = append(diffs, Difference{".", kind})
	}
	if err != nil || now.Seen == d.Seen {
		return diffs, err // with its times, its names are the same
	}
	extra, err := d.extra(root)
	return append(diffs, extra...), err
}

// unopened is what a directory's differences are if it cannot be opened.
func (d directory) unopened(err error) ([]Difference, error) {
	switch gone, other := errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP); {
	case gone && d.Path == ".":
		return []Difference{{".", Missing}}, nil
	case other && d.Path == ".":
		return []Difference{{".", Type}}, nil
	case gone, other:
		return nil, nil
	case errors.Is(err, fs.ErrPermission) && len(d.held) == 0:
		return nil, nil // it could not be read at first either
	case errors.Is(err, fs.ErrPermission):
		return []Difference{{d.Path, Mode}}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: d.Path, Err: err}
}

// compare looks at each file that the directory held.
func (d directory) compare(fd int) ([]Difference, error) {
	var diffs []Difference
	for _, e := range d.held {
		got, err := statAt(fd, e.Path[strings.LastIndexByte(e.Path, '/')+1:], e.Path)
		kind := e.looks(got)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			kind = Missing
		case errors.Is(err, fs.ErrPermission): // of the directory, which is found by itself
			return nil, nil
		case err != nil:
			return nil, err
		}
		if kind != "" {
			diffs = append(diffs, Difference{e.Path, kind})
		}
	}
	return diffs, nil
}

// extra gives what the directory did not hold.
func (d directory) extra(root string) ([]Difference, error) {
	dir, err := openDir(root, d.Path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }() // only read
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, e := range d.held {
		known[path.Base(e.Path)] = true
	}
	var diffs []Difference
	for _, name := range names {
		if !known[name] {
			diffs = append(diffs, Difference{path.Join(d.Path, name), Extra})
		}
	}
	return diffs, nil
}
