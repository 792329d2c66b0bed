package pipeline

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dram/internal/output"
	"dram/internal/plan"
)

// contents is a toy: an output that lists the files of the tarball. It is this file
// and one row.
type contents struct{ path string }

func contentsRow() output.Kind {
	return output.Kind{
		Name: "contents", Flag: output.FlagFile, Prefix: "contents:", Takes: "FILE",
		Open: func(_ context.Context, value string, _ output.Options) (output.Output, error) {
			return contents{value}, nil
		},
	}
}

func (contents) Needs() output.Needs    { return output.Needs{Tarball: true} }
func (contents) Check(*plan.Plan) error { return nil }

func (c contents) Write(_ context.Context, b *output.Build) (output.Written, error) {
	z, err := b.Store.OpenGzip(b.Tarball.Digest)
	if err != nil {
		return output.Written{}, err
	}
	var names []string
	r := tar.NewReader(z)
	h, err := r.Next()
	for ; err == nil; h, err = r.Next() {
		names = append(names, h.Name)
	}
	if !errors.Is(err, io.EOF) {
		return output.Written{}, err
	}
	text := strings.Join(names, "\n")
	return output.Written{Name: "contents", Place: c.path, Size: int64(len(text))}, os.WriteFile(c.path, []byte(text), 0o600)
}

func TestToyOutput(t *testing.T) {
	w := newWorld(t)
	at := filepath.Join(t.TempDir(), "contents")
	outs, err := output.Open(t.Context(), append(output.Kinds(), contentsRow()), []output.Asked{{Flag: "output", Value: "contents:" + at}}, output.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.Build(t.Context(), w.planned(t), outs)
	if err != nil {
		t.Fatal(err)
	}
	if r.Image != "" {
		t.Error("an image was made that nobody needs")
	}
	written := w.write(t, r, outs...)
	text, err := os.ReadFile(at)
	if err != nil || !strings.Contains(string(text), "lib/hello-0.1.0/ebin/hello.app") || written[0].Name != "contents" {
		t.Errorf("%+v: %q, %v", written, text, err)
	}
}
