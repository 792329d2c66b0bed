package publish

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"dram/internal/fsutil"
)

const (
	maxEntries = 100_000 // of a tar with an image
	maxName    = 512     // bytes of the name of a file of an image
)

// source holds the files of an image layout.
type source interface {
	open(name string) (opened, error)
}

// opened is a file of a source, and its size in bytes.
type opened struct {
	io.Reader
	io.Closer
	size int64
}

type dirSource string

// open opens a regular file that lies in the layout, wherever links lead.
func (d dirSource) open(name string) (opened, error) {
	root, err := fsutil.OpenRoot(string(d))
	if err != nil {
		return opened{}, err
	}
	defer func() { _ = root.Close() }() // only a handle
	f, err := fsutil.OpenIn(root, name)
	if err != nil {
		return opened{}, err
	}
	info, err := f.Stat()
	if err != nil {
		return opened{}, errors.Join(err, f.Close())
	}
	return opened{f, f, info.Size()}, nil
}

// openRegular opens a file, unless it is a pipe, a device or a directory, on
// which reading might never end.
func openRegular(at string) (*os.File, int64, error) {
	f, err := fsutil.Open(at)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

type tarSource struct {
	path    string
	entries map[string]section
}

// section is where a file lies in a tar, in bytes.
type section struct{ offset, size int64 }

func (t tarSource) open(name string) (opened, error) {
	at, ok := t.entries[name]
	if !ok {
		return opened{}, fmt.Errorf("the tar has no %q: %w", name, fs.ErrNotExist)
	}
	f, _, err := openRegular(t.path)
	if err != nil {
		return opened{}, err
	}
	return opened{io.NewSectionReader(f, at.offset, at.size), f, at.size}, nil
}

// archive is what a tar holds.
type archive struct {
	files map[string]section // regular files; of two of one name the later one, as in unpacking
	links map[string]string  // where links lead
	times map[string]int     // how many entries have a name
}

// readArchive finds the files of a tar of size bytes. One that claims more bytes
// than the tar has, a sparse one too, is none of an image.
func readArchive(r io.ReadSeeker, size int64) (archive, error) {
	out := archive{map[string]section{}, map[string]string{}, map[string]int{}}
	t := tar.NewReader(r)
	for range maxEntries {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		at, err := r.Seek(0, io.SeekCurrent)
		if err != nil {
			return out, err
		}
		name := path.Clean(h.Name)
		if len(name) > maxName {
			continue
		}
		out.times[name]++
		switch h.Typeflag {
		case tar.TypeReg:
			if h.Size > size-at {
				return out, fmt.Errorf("%q has %d bytes, more than the tar", name, h.Size)
			}
			out.files[name] = section{at, h.Size}
		case tar.TypeSymlink, tar.TypeLink:
			out.links[name] = h.Linkname
		}
	}
	return out, fmt.Errorf("the tar has more than %d entries", maxEntries)
}
