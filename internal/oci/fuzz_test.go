package oci_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/oci"
	"dram/internal/ref"
)

func FuzzOpen(f *testing.F) {
	var good bytes.Buffer
	w := tar.NewWriter(&good)
	for name, body := range map[string]string{"index.json": `{"schemaVersion":2,"manifests":[]}`, "oci-layout": "{}"} {
		if err := errors.Join(w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(body))}), write(w, body)); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add([]byte("junk"))
	for _, squeeze := range compressions() {
		var b bytes.Buffer
		if err := squeeze(&b, good.Bytes()); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(dir, "a.tar")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		img, err := oci.Open(ref.Ref{Kind: ref.Tar, Value: file}, oci.Options{Arch: "amd64", TempDir: tempIn(dir)})
		if err != nil {
			return
		}
		layers, err := img.Layers()
		if err != nil {
			return
		}
		for _, l := range layers {
			read(l)
		}
	})
}

func write(w io.Writer, s string) error {
	_, err := io.WriteString(w, s)
	return err
}

func read(l v1.Layer) {
	if r, err := l.Compressed(); err == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(r, 1<<20))
		_ = r.Close()
	}
}

// tempIn makes directories in dir, and minds that each is given back.
func tempIn(dir string) func(string) (string, func(), error) {
	return func(prefix string) (string, func(), error) {
		at, err := os.MkdirTemp(dir, prefix)
		return at, func() { _ = os.RemoveAll(at) }, err
	}
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:` + strings.Repeat("0", 64) + `","size":3,"platform":{"os":"linux","architecture":"amd64"}}]}`))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"platform":null}]}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		index, err := oci.ParseIndex(raw)
		if err != nil {
			return
		}
		for _, choose := range []oci.Choice{oci.First, oci.Only} {
			d, err := choose(index.Manifests, "amd64")
			if err == nil && !d.MediaType.IsImage() && !d.MediaType.IsIndex() {
				t.Errorf("chose a %q", d.MediaType)
			}
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"config":{"digest":"sha256:`+strings.Repeat("0", 64)+`","size":2},"layers":[{"size":1}]}`), []byte("{}"))
	f.Add([]byte(`{"layers":[{"size":-1}]}`), []byte("{}"))
	f.Fuzz(func(t *testing.T, raw, config []byte) {
		blobs := func(v1.Descriptor) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(config)), nil }
		img, err := oci.New(oci.Manifest{Raw: raw, MediaType: types.OCIManifestSchema1}, blobs, blobs)
		if err != nil {
			return
		}
		if got, err := img.RawConfigFile(); err != nil || !bytes.Equal(got, config) {
			t.Errorf("the configuration is %q (%v)", got, err)
		}
	})
}

func FuzzParseSaved(f *testing.F) {
	f.Add([]byte(`[{"Config":"c.json","RepoTags":["x:1"],"Layers":["l/layer.tar"]}]`))
	f.Add([]byte(`[{},{}]`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := oci.ParseSaved(data)
		if err == nil && len(got.Layers) > 256 {
			t.Errorf("%d layers", len(got.Layers))
		}
	})
}
