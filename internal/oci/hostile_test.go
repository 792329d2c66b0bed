package oci_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"dram/internal/oci"
	"dram/internal/publish"
	"dram/internal/ref"
)

// blobIn puts a blob into a layout and gives its digest.
func blobIn(t *testing.T, dir, text string) string {
	t.Helper()
	hex := fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
	at := filepath.Join(dir, "blobs", "sha256")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(at, hex), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "sha256:" + hex
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const indexOf = `{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":%d}]}`

// manifestOf is the index of a layout with a manifest of such a configuration
// and layers.
func manifestOf(t *testing.T, dir string, configSize int, layers string) {
	t.Helper()
	config := blobIn(t, dir, `{"rootfs":{"diff_ids":[]}}`)
	text := fmt.Sprintf(`{"schemaVersion":2,"config":{"digest":%q,"size":%d},"layers":[%s]}`, config, configSize, layers)
	digest := blobIn(t, dir, text)
	put(t, filepath.Join(dir, "index.json"), fmt.Sprintf(indexOf, "application/vnd.oci.image.manifest.v1+json", digest, len(text)))
}

// A layout or a tar that is hostile is refused soon, and nothing outside it is
// zeros is a member of gzip with a megabyte of them.
func zeros(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(make([]byte, 1<<20))
	must(t, err)
	must(t, z.Close())
	return out.String()
}

// read.
func TestOpenOfAHostileImage(t *testing.T) {
	const layer = `{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%064d","size":%d}`
	entry := func(name, link string, kind byte, body string) []byte {
		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		must(t, w.WriteHeader(&tar.Header{Name: name, Linkname: link, Typeflag: kind, Size: int64(len(body)), Mode: 0o644}))
		_, err := io.WriteString(w, body)
		must(t, err)
		must(t, w.Flush())
		return buf.Bytes()
	}
	file := func(name, body string) []byte { return entry(name, "", tar.TypeReg, body) }
	for _, tt := range []struct {
		name string
		make func(t *testing.T, at string)
		tar  bool
		says string
	}{
		{"a pipe for an index", func(t *testing.T, at string) { must(t, syscall.Mkfifo(at+"/index.json", 0o600)) }, false, "not a regular file"},
		{"a device for an index", func(t *testing.T, at string) { must(t, os.Symlink("/dev/zero", at+"/index.json")) }, false, "index.json"},
		{"a directory for an index", func(t *testing.T, at string) { must(t, os.Mkdir(at+"/index.json", 0o755)) }, false, "not a regular file"},
		{"an index from outside", func(t *testing.T, at string) { must(t, os.Symlink("../secret", at+"/index.json")) }, false, "escapes"},
		{"a huge index", func(t *testing.T, at string) {
			put(t, at+"/index.json", "")
			must(t, os.Truncate(at+"/index.json", 1<<40))
		}, false, "larger than"},
		{"an index of deep brackets", func(t *testing.T, at string) { put(t, at+"/index.json", strings.Repeat("[", 1<<20)) }, false, "parsing index.json"},
		{"a manifest that is a pipe", func(t *testing.T, at string) {
			must(t, os.MkdirAll(at+"/blobs/sha256", 0o755))
			must(t, syscall.Mkfifo(at+"/blobs/sha256/"+strings.Repeat("0", 64), 0o600))
			put(t, at+"/index.json", fmt.Sprintf(indexOf, "application/vnd.oci.image.manifest.v1+json", "sha256:"+strings.Repeat("0", 64), 3))
		}, false, "not a regular file"},
		{"blobs outside", func(t *testing.T, at string) {
			must(t, os.Symlink("../other", at+"/blobs"))
			put(t, at+"/index.json", fmt.Sprintf(indexOf, "application/vnd.oci.image.manifest.v1+json", "sha256:"+strings.Repeat("0", 64), 3))
		}, false, "escapes"},
		{"a manifest of another size", func(t *testing.T, at string) {
			put(t, at+"/index.json", fmt.Sprintf(indexOf, "application/vnd.oci.image.manifest.v1+json", blobIn(t, at, "{}"), 3))
		}, false, "damaged"},
		{"a digest that is a path", func(t *testing.T, at string) {
			put(t, at+"/index.json", fmt.Sprintf(indexOf, "application/vnd.oci.image.manifest.v1+json", "sha256:../../../secret", 3))
		}, false, "index.json"},
		{"an index that holds itself, as far as it can", func(t *testing.T, at string) {
			inner := `{"schemaVersion":2,"manifests":[]}`
			for range 6 {
				inner = fmt.Sprintf(indexOf, "application/vnd.oci.image.index.v1+json", blobIn(t, at, inner), len(inner))
			}
			put(t, at+"/index.json", inner)
		}, false, "too many indexes"},
		{"a configuration of an absurd size", func(t *testing.T, at string) { manifestOf(t, at, 1<<40, "") }, false, "sizes are wrong"},
		{"a configuration of a negative size", func(t *testing.T, at string) { manifestOf(t, at, -5, "") }, false, "sizes are wrong"},
		{"a layer of an absurd size", func(t *testing.T, at string) { manifestOf(t, at, 26, fmt.Sprintf(layer, 0, int64(1)<<60)) }, false, "sizes are wrong"},
		{"a layer of a negative size", func(t *testing.T, at string) { manifestOf(t, at, 26, fmt.Sprintf(layer, 0, -1)) }, false, "sizes are wrong"},
		{"very many layers", func(t *testing.T, at string) {
			manifestOf(t, at, 26, fmt.Sprintf(layer, 0, 1)+strings.Repeat(","+fmt.Sprintf(layer, 0, 1), 9999))
		}, false, "10000 layers"},

		{"a pipe for a tar", func(t *testing.T, at string) { must(t, syscall.Mkfifo(at, 0o600)) }, true, "not a regular file"},
		{"a device for a tar", func(t *testing.T, at string) { must(t, os.Symlink("/dev/zero", at)) }, true, "not a regular file"},
		{"a tar of very many entries", func(t *testing.T, at string) {
			put(t, at, strings.Repeat(string(file("x", "")), 100_001))
		}, true, "more than 100000 entries"},
		{"a file larger than its tar", func(t *testing.T, at string) {
			var buf bytes.Buffer
			must(t, tar.NewWriter(&buf).WriteHeader(&tar.Header{Name: "manifest.json", Typeflag: tar.TypeReg, Size: 1 << 33}))
			put(t, at, buf.String())
		}, true, "more than the tar"},
		{"two manifests", func(t *testing.T, at string) {
			put(t, at, string(file("manifest.json", "[]"))+string(file("./manifest.json", "[]")))
		}, true, "2 entries"},
		{"a manifest that links to itself", func(t *testing.T, at string) {
			put(t, at, string(entry("manifest.json", "manifest.json", tar.TypeSymlink, "")))
		}, true, "too many links"},
		{"a manifest of many images", func(t *testing.T, at string) {
			put(t, at, string(file("manifest.json", "[{}"+strings.Repeat(",{}", 5000)+"]")))
		}, true, "5001 images"},
		{"a manifest of many layers", func(t *testing.T, at string) {
			put(t, at, string(file("manifest.json", `[{"Config":"c","Layers":["l"`+strings.Repeat(`,"l"`, 5000)+`]}]`)))
		}, true, "5001 layers"},
		{"a configuration above", func(t *testing.T, at string) {
			put(t, at, string(file("manifest.json", `[{"Config":"../secret","Layers":[]}]`)))
		}, true, `no "../secret"`},
		{"a layer above, by a link", func(t *testing.T, at string) {
			put(t, at, string(file("manifest.json", `[{"Config":"c","Layers":["l"]}]`))+string(file("c", "{}"))+string(entry("l", "../../secret", tar.TypeSymlink, "")))
		}, true, "no "},
		{"a bomb", func(t *testing.T, at string) {
			var out bytes.Buffer
			z := gzip.NewWriter(&out)
			must(t, tar.NewWriter(z).WriteHeader(&tar.Header{Name: "x", Typeflag: tar.TypeReg, Size: 1 << 32}))
			must(t, z.Close())
			put(t, at, out.String()+strings.Repeat(zeros(t), 400))
		}, true, "more than it may"},
		{"a compressed tar that ends early", func(t *testing.T, at string) {
			var out bytes.Buffer
			z := gzip.NewWriter(&out)
			_, err := z.Write(file("index.json", "{}"))
			must(t, errors.Join(err, z.Close()))
			put(t, at, out.String()[:out.Len()-9])
		}, true, "decompressing it"},
		{"a configuration that is none", func(t *testing.T, at string) {
			put(t, at, string(file("manifest.json", `[{"Config":"c","Layers":[]}]`))+string(file("c", `{"config":{"Entrypoint":"x"}}`)))
		}, true, "its configuration is none of an image"},
		{"a configuration of fewer layers", func(t *testing.T, at string) {
			put(t, at, string(file("manifest.json", `[{"Config":"c","Layers":["l"]}]`))+string(file("c", "{}"))+string(file("l", "")))
		}, true, "names 0 layers, its manifest 1"},
		{"an image of schema 1", func(t *testing.T, at string) {
			put(t, at+"/index.json", fmt.Sprintf(indexOf, "application/vnd.docker.distribution.manifest.v1+prettyjws", blobIn(t, at, "{}"), 2))
		}, false, "no longer in use"},
		{"an image by another digest", func(t *testing.T, at string) {
			put(t, at+"/index.json", fmt.Sprintf(indexOf, "application/vnd.oci.image.manifest.v1+json", "sha512:"+strings.Repeat("0", 128), 2))
		}, false, "named by sha512"},
		{"a manifest of more layers", func(t *testing.T, at string) { manifestOf(t, at, 26, fmt.Sprintf(layer, 0, 1)) }, false, "names 0 layers, its manifest 1"},
		{"a huge configuration", func(t *testing.T, at string) {
			put(t, at, string(file("manifest.json", `[{"Config":"c","Layers":[]}]`))+string(file("c", strings.Repeat(" ", 5<<20))))
		}, true, "sizes are wrong"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, filepath.Join(dir, "secret"), `{"schemaVersion":2}`)
			must(t, os.MkdirAll(filepath.Join(dir, "other", "sha256"), 0o755))
			at, kind := filepath.Join(dir, "image"), ref.Layout
			if tt.tar {
				kind = ref.Tar
			} else {
				must(t, os.Mkdir(at, 0o755))
			}
			tt.make(t, at)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := oci.Open(ref.Ref{Kind: kind, Value: at}, oci.Options{Arch: "amd64", TempDir: tempIn(t.TempDir())})
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if grew := after.TotalAlloc - before.TotalAlloc; took > 45*time.Second || grew > 400<<20 {
				t.Errorf("it took %v and %d MB", took, grew>>20)
			}
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("err = %v, want it to say %q", err, tt.says)
			}
			if !tt.tar { // nor is it written to, or waited for
				if err := publish.Layout(t.Context(), at, image(t, "one"), "x:1"); err == nil && strings.Contains(tt.says, "escapes") {
					t.Error("it was written to")
				}
				if got, err := os.ReadDir(filepath.Join(dir, "other", "sha256")); err != nil || len(got) != 0 {
					t.Errorf("outside are %v (%v)", got, err)
				}
			}
		})
	}
}

// A layer in a layout that is not as long as its manifest says is not read on.
func TestLayerOfAnotherLength(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "oci")
	img := image(t, "one")
	must(t, publish.Layout(t.Context(), dir, img, "x:1"))
	layers, err := img.Layers()
	must(t, err)
	digest, err := layers[0].Digest()
	must(t, err)
	blob := filepath.Join(dir, "blobs", "sha256", digest.Hex)
	must(t, os.Chmod(blob, 0o600))
	must(t, os.Truncate(blob, 1<<40))
	got, err := oci.Open(ref.Ref{Kind: ref.Layout, Value: dir}, oci.Options{Arch: "amd64"})
	must(t, err)
	read, err := got.Layers()
	must(t, err)
	r, err := read[0].Compressed()
	must(t, err)
	size, err := read[0].Size()
	must(t, err)
	if n, err := io.Copy(io.Discard, r); err == nil || n > size {
		t.Errorf("read %d of %d bytes, %v", n, size, err)
	}
	must(t, r.Close())
}
