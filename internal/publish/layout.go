package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/fsutil"
	"dram/internal/oci"
	"dram/internal/problem"
	"dram/internal/registry"
)

// Layout adds img to the OCI image layout in dir, making it if need be (its
// parent must be there). The entry with the same name is replaced, or the one
// without a name if ref ("hello:0.1.0") is empty; others stay. Blobs that are
// there, whole, are not written again.
func Layout(ctx context.Context, dir string, img v1.Image, ref string) error {
	l, err := openLayout(dir)
	if err != nil {
		return err
	}
	defer l.close()
	desc, err := descriptor(img, ref)
	if err != nil {
		return fmt.Errorf("writing layout %q: %w", dir, err)
	}
	blobs, err := allBlobs(img)
	if err != nil {
		return fmt.Errorf("writing layout %q: %w", dir, err)
	}
	return l.addEntry(ctx, *desc, blobs)
}

// layoutDir is a layout that is being written: its directory, which no link in it
// leaves, and what its index says.
type layoutDir struct {
	*spot
	index *v1.IndexManifest
}

// addEntry writes what an entry of the index needs, and then the index with it.
func (l *layoutDir) addEntry(ctx context.Context, desc v1.Descriptor, blobs []blob) error {
	for _, b := range blobs {
		if err := l.putBlob(ctx, b); err != nil {
			return err
		}
	}
	data, err := json.MarshalIndent(withEntry(l.index, desc), "", "  ")
	if err != nil {
		return fmt.Errorf("writing layout %q: %w", l.path, err)
	}
	if err := l.putFile("oci-layout", []byte(layoutFile)); err != nil {
		return err
	}
	return l.putFile("index.json", data) // last: it makes the image visible
}

func allBlobs(img v1.Image) ([]blob, error) {
	layers, err := layerBlobs(img)
	if err != nil {
		return nil, err
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return nil, err
	}
	manifest, err := img.RawManifest()
	if err != nil {
		return nil, err
	}
	return append(distinct(layers), bytesBlob(config), bytesBlob(manifest)), nil
}

// CheckLayout says whether Layout could write to the directory dir: one that is
// empty, or holds an image layout.
func CheckLayout(dir string) error {
	root, err := fsutil.OpenRoot(dir)
	if err != nil {
		return unwritable(dir, err)
	}
	defer func() { _ = root.Close() }() // only read from
	_, err = readIndex(&spot{dir: root, path: dir})
	return err
}

// openLayout makes dir ready and reads its index; a new layout's is empty.
func openLayout(dir string) (*layoutDir, error) {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) { //nolint:gosec // a result, for others to read
		return nil, unwritable(dir, err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, unwritable(dir, err)
	}
	if !info.IsDir() {
		return nil, problem.New(problem.Usage, "name a directory, or leave \"oci:\" away for a tar", "writing layout %q: it is a file", dir)
	}
	root, err := fsutil.OpenRoot(dir)
	if err != nil {
		return nil, unwritable(dir, err)
	}
	l := &layoutDir{spot: &spot{dir: root, path: dir}}
	if l.index, err = readIndex(l.spot); err == nil {
		if err = root.MkdirAll("blobs/sha256", 0o755); err == nil {
			_, err = root.Stat("blobs/sha256") // MkdirAll takes a link for a directory
		}
		if err != nil {
			err = l.unwritable("blobs/sha256", err)
		}
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// unwritable is about something in the layout.
func (l *layoutDir) unwritable(name string, err error) error {
	if link, target := fsutil.LeavingLink(l.dir, name); fsutil.Leaves(err) && link != "" {
		return problem.New(problem.Usage, "remove the link, or write to another directory",
			"writing layout %q: %q in it is a link that leads out of it, to %q", l.path, link, target)
	}
	return unwritable(filepath.Join(l.path, filepath.FromSlash(name)), err)
}

func readIndex(s *spot) (*v1.IndexManifest, error) {
	empty := &v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	data, err := fsutil.ReadIn(s.dir, "index.json", registry.MaxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return empty, notForeign(s)
	}
	var index *v1.IndexManifest
	if err == nil {
		index, err = oci.ParseIndex(data)
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, unwritable(s.path, err)
	}
	if err != nil {
		return nil, problem.New(problem.Failure, "remove the directory, or write to another one", "reading layout %q: %w", s.path, err)
	}
	return index, nil
}

// notForeign refuses a directory that is in use for something else. What a
// killed run left, blobs without an index, is fine.
func notForeign(s *spot) error {
	entries, err := fs.ReadDir(s.dir.FS(), ".")
	if err != nil {
		return unwritable(s.path, err)
	}
	for _, e := range entries {
		if e.Name() != "blobs" && e.Name() != "oci-layout" && filepath.Ext(e.Name()) != ".tmp" {
			return problem.New(problem.Usage, "name an empty or new directory, or one with an image layout",
				"writing layout %q: it holds %q and no index.json", s.path, e.Name())
		}
	}
	return nil
}

// withEntry is index with desc in place of the entry of the same name.
func withEntry(index *v1.IndexManifest, desc v1.Descriptor) *v1.IndexManifest {
	out := *index
	out.Manifests = nil
	for _, m := range index.Manifests {
		if entryName(m) != entryName(desc) {
			out.Manifests = append(out.Manifests, m)
		}
	}
	out.Manifests = append(out.Manifests, desc)
	return &out
}

func entryName(d v1.Descriptor) [2]string {
	return [2]string{d.Annotations[ctrAnnotation], d.Annotations[refAnnotation]}
}

func (l *layoutDir) putBlob(ctx context.Context, b blob) error {
	if l.sound(ctx, b) {
		return nil
	}
	return l.put(b.path(), func(w io.Writer) error { return b.copyTo(ctx, w) })
}

// sound says whether the blob is there, whole.
func (l *layoutDir) sound(ctx context.Context, b blob) bool {
	f, err := fsutil.OpenIn(l.dir, b.path())
	if err != nil {
		return false
	}
	b.open = func() (io.ReadCloser, error) { return f, nil } // copyTo closes it
	info, err := f.Stat()
	if err != nil || info.Size() != b.size {
		_ = f.Close()
		return false
	}
	return b.copyTo(ctx, io.Discard) == nil
}

func (l *layoutDir) putFile(name string, data []byte) error {
	return l.put(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

func (l *layoutDir) put(name string, write func(io.Writer) error) error {
	at, err := l.at(name)
	if err != nil {
		return l.unwritable(name, err)
	}
	defer at.close()
	return at.replace(write)
}
