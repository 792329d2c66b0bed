package oci

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"dram/internal/fsutil"
	"dram/internal/untar"
)

const (
	maxEntries = 100_000   // of a tar with an image
	maxName    = 512       // bytes of the name of a file of an image
	maxLinks   = 8         // that are followed to a file; docker save wrote one for a layer that was there already
	maxPlain   = 32 << 30  // bytes that a compressed tar may unpack to
	freeBytes  = 256 << 20 // that any may
	maxRatio   = 100       // and how many more for each that it has
)

// archive is what a tar holds. It is read from one open file, so that what was
// verified is what is read on.
type archive struct {
	body  *os.File
	size  int64              // bytes
	top   string             // the directory that the layout lies in, "" for none
	files map[string]section // regular files; of two of one name the later one, as in unpacking
	links map[string]string  // where links lead
	times map[string]int     // how many entries have a name
}

// section is where a file lies in a tar, in bytes.
type section struct{ offset, size int64 }

// openArchive finds what a tar holds, compressed or not.
func openArchive(at string, opts Options) (*archive, error) {
	f, err := fsutil.Open(at)
	if err != nil {
		return nil, err
	}
	body, err := expanded(f, opts)
	if body != f {
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return nil, err
	}
	info, err := body.Stat()
	if err != nil {
		return nil, errors.Join(err, body.Close())
	}
	a := &archive{body, info.Size(), "", map[string]section{}, map[string]string{}, map[string]int{}}
	if err := a.read(); err != nil {
		return nil, errors.Join(err, body.Close())
	}
	a.top = a.findTop()
	return a, nil
}

// expanded is the file itself, or what it decompresses to: a file that has no
// name any more, and is gone when nobody reads it.
func expanded(f *os.File, opts Options) (*os.File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r, err := Decompress(f)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // only read from
	if _, same := r.(plainReader); same {
		_, err := f.Seek(0, io.SeekStart)
		return f, err
	}
	out, err := opts.nameless()
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(out, untar.Bounded(r, min(maxPlain, freeBytes+maxRatio*info.Size())))
	if err == nil {
		_, err = out.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("decompressing it: %w", err), out.Close())
	}
	return out, nil
}

// nameless makes a file without a name.
func (o Options) nameless() (*os.File, error) {
	dir, done := "", func() {}
	if o.TempDir != nil {
		var err error
		if dir, done, err = o.TempDir("image"); err != nil {
			return nil, err
		}
	}
	defer done()
	f, err := os.CreateTemp(dir, "dram-image-*")
	if err == nil {
		_ = os.Remove(f.Name()) // at worst it stays until done
	}
	return f, err
}

// read finds the files. One that claims more bytes than the tar has, a sparse one
// too, is none of an image.
func (a *archive) read() error {
	t := tar.NewReader(a.body)
	for range maxEntries {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		at, err := a.body.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		if len(name) > maxName {
			continue
		}
		a.times[name]++
		switch h.Typeflag {
		case tar.TypeReg:
			if h.Size > a.size-at {
				return fmt.Errorf("%q has %d bytes, more than the tar", name, h.Size)
			}
			a.files[name] = section{at, h.Size}
		case tar.TypeSymlink, tar.TypeLink:
			a.links[name] = h.Linkname
		}
	}
	return fmt.Errorf("the tar has more than %d entries", maxEntries)
}

// findTop is the directory that the layout lies in, where somebody packed that
// and not what it holds.
func (a *archive) findTop() string {
	if a.has("index.json") || a.has("manifest.json") {
		return ""
	}
	top := ""
	for name := range a.files {
		if dir, base := path.Split(name); base == "oci-layout" && strings.Count(dir, "/") == 1 && a.has(dir+"index.json") {
			if top != "" {
				return ""
			}
			top = dir
		}
	}
	return top
}

func (a *archive) has(name string) bool {
	_, ok := a.files[path.Clean(a.top+name)]
	return ok
}

func (a *archive) open(name string) (file, error) {
	at, ok := a.files[path.Clean(a.top+name)]
	if !ok {
		return file{}, fmt.Errorf("the tar has no %q: %w", name, fs.ErrNotExist)
	}
	return a.at(at), nil
}

func (a *archive) at(s section) file {
	return file{io.NopCloser(io.NewSectionReader(a.body, s.offset, s.size)), s.size}
}

// one is the only file of that name, at the end of links.
func (a *archive) one(name string) (section, error) {
	asked := name
	for range maxLinks {
		name = path.Clean(name)
		if a.times[name] > 1 {
			return section{}, fmt.Errorf("the tar has %d entries named %q", a.times[name], name)
		}
		if at, ok := a.files[name]; ok {
			return at, nil
		}
		to, ok := a.links[name]
		if !ok {
			return section{}, fmt.Errorf("the tar has no %q: %w", name, fs.ErrNotExist)
		}
		name = path.Join(path.Dir(name), path.Clean(to))
	}
	return section{}, errors.New("following " + asked + ": too many links")
}
