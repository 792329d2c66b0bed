package pipeline

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/klauspost/compress/zstd"

	"dram/internal/oci"
	"dram/internal/output"
	"dram/internal/plan"
	"dram/internal/ref"
)

// archived packs a layout as others do: an OCI archive, without the list that
// docker load reads.
func archived(t *testing.T, layout string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := filepath.WalkDir(layout, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(layout, at)
		raw, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		err = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "./" + rel, Mode: 0o644, Size: int64(len(raw))})
		_, werr := w.Write(raw)
		return errors.Join(err, werr)
	})
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Whatever form an image is in, it is checked, run, pushed, and is a toolchain, as
// the layout that it was made of.
func TestEveryFormOfAnImage(t *testing.T) {
	w := newWorld(t)
	r := w.built(t)
	dir := t.TempDir()
	own, layout := filepath.Join(dir, "own.tar"), filepath.Join(dir, "layout")
	w.write(t, r, output.Tar{Path: own}, output.Layout{Dir: layout})
	written, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	_, system, _ := strings.Cut(w.cfg.Toolchain, ":")
	for name, forms := range map[string][2][]byte{ // the image's, the toolchain's
		"own": {written, archived(t, system)},
		"oci": {archived(t, layout), archived(t, system)},
	} {
		for how, squeeze := range map[string]func(io.Writer) (io.WriteCloser, error){
			"tar":     func(w io.Writer) (io.WriteCloser, error) { return plain{w}, nil },
			"tar.gz":  func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
			"tar.zst": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
		} {
			t.Run(name+"."+how, func(t *testing.T) {
				var refs [2]ref.Ref
				for i, body := range forms {
					var b bytes.Buffer
					z, err := squeeze(&b)
					if err != nil {
						t.Fatal(err)
					}
					_, err = z.Write(body)
					refs[i] = ref.Ref{Kind: ref.Tar, Value: filepath.Join(t.TempDir(), "x."+how)}
					if err := errors.Join(err, z.Close(), os.WriteFile(refs[i].Value, b.Bytes(), 0o600)); err != nil {
						t.Fatal(err)
					}
				}
				if report, err := w.Check(t.Context(), refs[0], CheckOptions{}); err != nil || Verdict(report) != nil {
					t.Errorf("check: %v, %v", report, err)
				}
				img, names, err := output.OpenWritten(refs[0], oci.Options{Arch: "amd64", TempDir: w.Store.TempDir})
				if err != nil || names[0] != "hello:0.1.0" {
					t.Fatalf("opening: %q, %v", names, err)
				}
				to, err := output.ParsePush(strings.TrimPrefix(server.URL, "http://")+"/"+name+strings.ReplaceAll(how, ".", "-"), output.Options{})
				if err != nil {
					t.Fatal(err)
				}
				pushed, err := to.Send(t.Context(), w.Store, w.UI, img)
				if err != nil || !strings.HasSuffix(pushed, "@"+string(r.Image)) {
					t.Errorf("push: %q, %v; want %s", pushed, err, r.Image)
				}
				tc, err := w.OpenToolchain(t.Context(), refs[1].String(), plan.Additions{})
				if err != nil {
					t.Fatal(err)
				}
				if facts, err := tc.Facts(t.Context()); err != nil || facts.Elixir == "" {
					t.Errorf("toolchain: %+v, %v", facts, err)
				}
			})
		}
	}
}

// plain writes as it is.
type plain struct{ io.Writer }

func (plain) Close() error { return nil }
