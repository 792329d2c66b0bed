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

	"dram/internal/problem"
)

// maxIndex bounds an index.json that is read, in bytes; the registries' limit
// for manifests.
const maxIndex = 4 << 20

// Layout adds img to the OCI image layout in dir, making it if need be (its
// parent must be there). The entry with the same name is replaced, or the one
// without a name if ref ("hello:0.1.0") is empty; others stay. Blobs that are
// there, whole, are not written again.
func Layout(ctx context.Context, dir string, img v1.Image, ref string) error {
	index, err := openLayout(dir)
	if err != nil {
		return err
	}
	desc, err := descriptor(img, ref)
	if err != nil {
		return fmt.Errorf("writing layout %q: %w", dir, err)
	}
	blobs, err := allBlobs(img)
	if err != nil {
		return fmt.Errorf("writing layout %q: %w", dir, err)
	}
	return addEntry(ctx, dir, index, *desc, blobs)
}

// addEntry writes what an entry of the index needs, and then the index with it.
func addEntry(ctx context.Context, dir string, index *v1.IndexManifest, desc v1.Descriptor, blobs []blob) error {
	for _, b := range blobs {
		if err := putBlob(ctx, dir, b); err != nil {
			return err
		}
	}
	data, err := json.MarshalIndent(withEntry(index, desc), "", "  ")
	if err != nil {
		return fmt.Errorf("writing layout %q: %w", dir, err)
	}
	if err := putFile(filepath.Join(dir, "oci-layout"), []byte(layoutFile)); err != nil {
		return err
	}
	return putFile(filepath.Join(dir, "index.json"), data) // last: it makes the image visible
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
	_, err := readIndex(dir)
	return err
}

// openLayout makes dir ready and reads its index; a new layout's is empty.
func openLayout(dir string) (*v1.IndexManifest, error) {
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
	index, err := readIndex(dir)
	if err != nil {
		return nil, err
	}
	return index, blobsInside(dir)
}

// blobsInside makes the place for blobs, which no link leads out of the layout.
func blobsInside(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return unwritable(dir, err)
	}
	defer func() { _ = root.Close() }() // only a handle
	at := filepath.Join("blobs", "sha256")
	if err := root.MkdirAll(at, 0o755); err != nil {
		return unwritable(filepath.Join(dir, at), err)
	}
	if _, err := root.Stat(at); err != nil { // MkdirAll takes a link for a directory
		return problem.New(problem.Usage, "remove the link, or write to another directory", "writing layout %q: %w", dir, err)
	}
	return nil
}

func readIndex(dir string) (*v1.IndexManifest, error) {
	empty := &v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	if _, err := os.Lstat(filepath.Join(dir, "index.json")); errors.Is(err, fs.ErrNotExist) {
		return empty, notForeign(dir)
	} else if err != nil {
		return nil, unwritable(dir, err)
	}
	index, err := readIndexFile(dirSource(dir), "index.json")
	if err != nil {
		return nil, problem.New(problem.Failure, "remove the directory, or write to another one", "reading layout %q: %w", dir, err)
	}
	return index, nil
}

func parseIndex(data []byte) (*v1.IndexManifest, error) {
	if len(data) > maxIndex {
		return nil, fmt.Errorf("index.json is larger than %d bytes", maxIndex)
	}
	var index v1.IndexManifest
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, fmt.Errorf("parsing index.json: %w", err)
	}
	if index.SchemaVersion != 2 {
		return nil, fmt.Errorf("index.json has schema version %d, expected 2", index.SchemaVersion)
	}
	for i, m := range index.Manifests {
		if m.Digest.Hex == "" {
			return nil, fmt.Errorf("entry %d of index.json has no digest", i)
		}
	}
	return &index, nil
}

// notForeign refuses a directory that is in use for something else. What a
// killed run left, blobs without an index, is fine.
func notForeign(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return unwritable(dir, err)
	}
	for _, e := range entries {
		if e.Name() != "blobs" && e.Name() != "oci-layout" && filepath.Ext(e.Name()) != ".tmp" {
			return problem.New(problem.Usage, "name an empty or new directory, or one with an image layout",
				"writing layout %q: it holds %q and no index.json", dir, e.Name())
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

func putBlob(ctx context.Context, dir string, b blob) error {
	path := filepath.Join(dir, filepath.FromSlash(b.path()))
	if sound(ctx, path, b) {
		return nil
	}
	return replace(path, func(w io.Writer) error { return b.copyTo(ctx, w) })
}

// sound says whether the file at path is the blob b.
func sound(ctx context.Context, path string, b blob) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != b.size {
		return false
	}
	b.open = func() (io.ReadCloser, error) { return os.Open(path) }
	return b.copyTo(ctx, io.Discard) == nil
}

func putFile(path string, data []byte) error {
	return replace(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}
